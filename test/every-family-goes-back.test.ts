import { describe, expect, it } from "vitest"
import { engine } from "../src/core/domain/actor.ts"
import type { EvidenceKind } from "../src/core/domain/evidence.ts"
import { simplePlan } from "../src/core/domain/plan.ts"
import { families } from "../src/core/families/index.ts"
import { boardImage } from "../src/core/families/pic32mzw1/device/board.testing.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { sayRunning } from "../src/server/fleet/ask-for-work.ts"
import { commit } from "../src/server/fleet/commit.ts"
import { explainUpdate, reportRollout } from "../src/server/fleet/explain-rollout.ts"
import { moveUpdate } from "../src/server/fleet/move-update.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { recordFact } from "../src/server/fleet/record-fact.ts"
import { rollBackRollout } from "../src/server/fleet/roll-back.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"

/** One device of each family, the version it comes with and the one it is brought to. */
interface Case {
  readonly family: string
  readonly model: string
  readonly from: string
  readonly to: string
  readonly options?: Readonly<Record<string, string>>
  /** Its images are packages from one version to the other. */
  readonly isPackaged?: true
  /** It cannot go back by itself: what it says. */
  readonly wayBack?: string
  readonly file: (version: string) => {
    readonly fileName: string
    readonly bytes: Uint8Array
    readonly options?: Record<string, string>
  }
}

const none = (): never => {
  throw new Error("a packaged family publishes packages")
}
const cases: readonly Case[] = [
  { family: "waspmote", model: "4g", from: "1", to: "2", file: none },
  {
    family: "pic32mzw1",
    model: "v3.8",
    from: "1",
    to: "2",
    // Its bootloader takes only what is higher, and the program itself knows its version.
    wayBack: "compiled with a version above 2",
    file: (version) => ({
      fileName: "board.bin",
      bytes: boardImage(Number(version)),
      options: { "compiled-version": version },
    }),
  },
  {
    family: "ddi",
    model: "other",
    from: "1.4.2",
    to: "1.5.0",
    file: (version) => ({ fileName: "image.bin", bytes: new TextEncoder().encode(`image ${version}`) }),
  },
  { family: "quectel", model: "AG35", from: "AG35CEV12", to: "AG35CEV13", isPackaged: true, file: none },
  {
    family: "telit",
    model: "GE910",
    from: "13.00.003",
    to: "13.00.004",
    isPackaged: true,
    options: { number: "+39123456789", imei: "351579055790000" },
    file: none,
  },
]

let server: Rehearsal

async function publish(one: Case, version: string, from?: string): Promise<string> {
  if (one.family === "waspmote") return server.publish(version, `PROG00${version}`)
  const family = families.find(({ id }) => id === one.family)
  if (one.isPackaged === undefined) {
    const { options = {}, ...file } = one.file(version)
    return (await publishRelease(server.needs, one.family, { ...file, version, models: [], options })).id
  }
  const made = family?.imageTool?.invent?.({ version, size: "9000", ...(from === undefined ? {} : { from }) })
  if (made?.ok !== true) throw new Error(JSON.stringify(made))
  const upload = {
    fileName: "fw.pkg",
    bytes: made.bytes,
    version,
    models: [one.model],
    options: from === undefined ? {} : { from },
  }
  return (await publishRelease(server.needs, one.family, upload)).id
}

/** The device does what a whole update is, and says that it runs the release. */
async function update(id: string, to: string): Promise<void> {
  const live = server.needs.live.devices.get(id)
  const before = live?.update
  if (live === undefined || before?.image == null || before.offer === null) throw new Error(`${id} was offered nothing`)
  const { offer, image } = before
  const contact = { session: "s1", network: "192.0.2.7", at: 0 }
  const offered = { updateId: before.id, releaseId: before.releaseId, offer, image }
  await recordFact(server.needs, { live, offered, fact: { kind: "image-started", from: 0, ...contact } })
  const end = { from: 0, to: image.sizeBytes, sent: image.sizeBytes, whole: true, ...contact }
  await recordFact(server.needs, { live, offered, fact: { kind: "image-ended", ...end } })
  const kinds: readonly EvidenceKind[] = ["transfer-started", "transfer-finished", "install-started", "installed"]
  const evidence = kinds.map((kind) => ({
    kind,
    basis: "reported" as const,
    at: server.clock.now(),
    sentence: `It ${kind}.`,
  }))
  const moved = moveUpdate(live.update ?? before, evidence)
  const device = { ...live.device, running: { version: to, evidence: "reported" as const } }
  await commit(server.needs, engine, [
    { put: "update", update: moved.update },
    { put: "device", device },
    ...moved.changes,
  ])
}

describe("rollback, budget and explanation hold for every family:", () => {
  it("the table below has all of them", () => {
    expect(cases.map(({ family }) => family).sort((a, b) => (a < b ? -1 : 1))).toEqual(
      families.map(({ id }) => id).sort((a, b) => (a < b ? -1 : 1)),
    )
  })

  it.each(cases)("$family", async (one) => {
    server = await Rehearsal.start()
    const id = one.options?.["imei"] ?? "d1"
    await addDevice(server.needs, {
      id,
      family: one.family,
      model: one.model,
      running: one.from,
      password: "secret-word",
      ...(one.options === undefined ? {} : { options: { number: one.options["number"] ?? "", apn: "field.example" } }),
    })
    const isPackaged = one.isPackaged === true
    if (!isPackaged) await publish(one, one.from)
    const there = isPackaged ? await publish(one, one.to, one.from) : await publish(one, one.to)
    const started = await startPlan(server.needs, simplePlan({ releases: [there], group: null }))
    // A package is for exactly one version: a module may have to say first that it runs that.
    if (started.states.get(id) === "waiting") {
      await sayRunning(server.needs, server.needs.live.devices.get(id) ?? none(), one.from)
    }
    expect(started.states.get(id)).toBe("offered")
    expect(explainUpdate(server.needs, server.update(id) ?? none())).toMatch(/^[A-Z].{20,}\.$/)
    await update(id, one.to)
    const { image } = server.needs.live.releases.get(there) ?? none()
    expect(reportRollout(server.needs, started).spent.bytes).toBe(image.sizeBytes)

    // Without what it ran before nobody can go back, and the device says so.
    if (isPackaged) {
      const stuck = await rollBackRollout(server.needs, started.rollout.id)
      expect(stuck.states.get(id)).toBe("failed")
      expect(await server.explain(id)).toContain(`t ran version ${one.from} before, and there is no release of that`)
      await publish(one, one.from, one.to)
    }
    const back = await rollBackRollout(server.needs, started.rollout.id)
    if (one.wayBack !== undefined) {
      expect(back.states.get(id)).toBe("failed")
      expect(await server.explain(id)).toContain(one.wayBack)
      return
    }
    expect(back.states.get(id)).toBe("offered")
    expect(server.needs.live.releases.get(server.update(id)?.releaseId ?? "")?.version).toBe(one.from)
    await update(id, one.from)
    expect(back.states.get(id)).toBe("succeeded")
  })
})
