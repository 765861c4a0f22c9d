import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { agentCalls } from "../../core/contract/agent-api.ts"
import { deviceActor } from "../../core/domain/actor.ts"
import { newEvent } from "../../core/domain/events/table.ts"
import { anyText } from "../../core/kit/any-text.testing.ts"
import { hasHidden, textBounds } from "../../core/kit/clean-text.ts"
import { addDevice, tokenText } from "../fleet/add-device.ts"
import { commit } from "../fleet/commit.ts"
import { createEnrolment } from "../fleet/enrolment.ts"
import { expectRebuilt } from "../fleet/ledger/rebuilt.testing.ts"
import { publishRelease } from "../fleet/publish-release.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { agentGateway } from "./agent-gateway.ts"
import { httpGateway } from "./http-gateway.ts"
import { Rehearsal } from "./rehearsal.testing.ts"
import { WorkWaits } from "./work-waits.ts"

const origin = { peer: "192.0.2.7", localHost: "203.0.113.1", localPort: 8081, isTls: false }

/** Every text that is kept: of devices, their updates and all events. */
async function keptTexts({ store }: Rehearsal): Promise<readonly string[]> {
  const devices = await store.devices()
  const updates = await Promise.all(devices.map(({ id }) => store.updatesOfDevice(id, 100)))
  const texts: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value === "string") texts.push(value)
    else if (typeof value === "object" && value !== null) Object.entries(value).flat().forEach(collect)
  }
  collect([devices, updates, await store.events({ after: 0, limit: 100_000 })])
  return texts
}

async function expectClean(server: Rehearsal): Promise<void> {
  const texts = await keptTexts(server)
  expect(texts.filter(hasHidden)).toEqual([])
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(textBounds.sentence)
  await expectRebuilt(server.needs)
}

function agent(server: Rehearsal) {
  const gateway = agentGateway({
    ...server.needs,
    waits: new WorkWaits(),
    ftpAddress: { host: null, port: () => 2121 },
    deviceUrl: null,
  })
  return async (call: keyof typeof agentCalls, token: string, told: object) => {
    const { method, path } = agentCalls[call]
    const query = method === "GET" ? new URLSearchParams(told as Record<string, string>).toString() : ""
    const body = new TextEncoder().encode(JSON.stringify(told))
    const { signal } = new AbortController()
    const answer = await gateway.answer({ method, path, query, authorization: `Bearer ${token}`, body, origin, signal })
    return { ...answer, view: JSON.parse(answer.body) as { readonly order: { readonly order: string } | null } }
  }
}

const text = (most: number) => anyText.map((all) => all.slice(0, most))

describe("texts of devices", () => {
  it("are clean and bounded in the store and in memory, whatever an agent says in any of its calls", async () => {
    await fc.assert(
      fc.asyncProperty(text(64), text(256), text(300), async (version, urc, sentence) => {
        const server = await Rehearsal.start()
        const call = agent(server)
        const enrolment = await createEnrolment(server.needs, { family: "quectel", admission: "accepted" })
        const secret = "s".repeat(20)
        for (const named of [
          { id: version, model: "AG35" },
          { id: "m2", model: version },
          { id: "m1", model: "AG35" },
        ]) {
          await call("enrol", `${enrolment.id}.${enrolment.secret}`, { ...named, secret, version })
        }
        const token = tokenText(server.device("m1").access)
        await call("work", token, { version: "A" })
        const options = { from: "A" }
        const upload = { fileName: "p.zip", bytes: new Uint8Array(9), version: "B", models: ["AG35"], options }
        const releaseIds = [(await publishRelease(server.needs, "quectel", upload)).id]
        await startRollout(server.needs, { releaseIds, group: null, silenceTimeoutMs: 3_600_000 })
        const order = (await call("work", token, { version: "A" })).view.order?.order ?? ""
        expect(order).not.toBe("")
        await call("report", token, { order, state: "accepted", urc })
        await call("note", token, { mark: version, event: "seen", sentence, version })
        await call("report", token, { order, state: "failed", urc, sentence })
        await call("work", token, { version })
        await call("report", token, { order, state: "verified", version })
        await expectClean(server)
        // The same again is no news: it is compared as it was kept.
        const before = await server.store.lastEventSeq()
        await call("report", token, { order, state: "verified", version })
        expect(await server.store.lastEventSeq()).toBe(before)
      }),
      { numRuns: 60 },
    )
  })

  it("are clean and bounded whatever a gateway of the DDI says of itself and of an action", async () => {
    await fc.assert(
      fc.asyncProperty(text(300), text(300), async (name, value) => {
        const server = await Rehearsal.start()
        const { access } = await addDevice(server.needs, { id: "d1", family: "ddi", model: "other" })
        const gateway = httpGateway({ ...server.needs, deviceUrl: null })
        const ask = async (method: string, path: string, told: object = {}): Promise<unknown> => {
          const headers = { authorization: `TargetToken ${access.secret}`, "content-type": "application/json" }
          const target = `/DEFAULT/controller/v1/d1${path}`
          const [pathOnly = "", query = ""] = target.split("?")
          const node = gateway.find({ method, path: pathOnly, query, headers, origin })
          if (node === null || node.kind !== "exchange") return node
          return node.answer(new TextEncoder().encode(JSON.stringify(told)))
        }
        await ask("PUT", "/configData", { mode: "merge", data: { [name]: value, b: name } })
        const bytes = new TextEncoder().encode("artifact")
        const upload = { fileName: "a.swu", bytes, version: "2", models: [], options: {} }
        const releaseIds = [(await publishRelease(server.needs, "ddi", upload)).id]
        await startRollout(server.needs, { releaseIds, group: null, silenceTimeoutMs: 3_600_000 })
        const root = JSON.stringify(await ask("GET", ""))
        const action = /deploymentBase\/([^?"\\]+)/.exec(root)?.[1] ?? ""
        expect(action).not.toBe("")
        await ask("GET", `/deploymentBase/${action}`)
        for (const [execution, finished] of [
          ["proceeding", "none"],
          ["closed", "failure"],
        ]) {
          const status = { execution, result: { finished }, details: [value, name], code: name }
          await ask("POST", `/deploymentBase/${action}/feedback`, { id: action, status })
        }
        expect((await server.stored("d1"))?.progress.state).toBe("failed")
        await expectClean(server)
      }),
      { numRuns: 60 },
    )
  })

  it("are clean however they come to be committed", async () => {
    const server = await Rehearsal.start()
    const device = await server.addMote("m1")
    const hostile = "\u001b]0;x\u0007\u202e\u0000=cmd<script>".repeat(600)
    await commit(server.needs, deviceActor("m1"), [
      {
        put: "device",
        device: {
          ...device,
          familyState: { product: hostile, list: [hostile] },
          labels: { site: hostile },
          running: { version: hostile, evidence: "reported" },
        },
      },
      {
        append: newEvent({
          at: 1,
          kind: "message.unreadable",
          deviceId: "m1",
          sentence: hostile,
          data: { octets: hostile },
        }),
      },
    ])
    const texts = await keptTexts(server)
    expect(texts.filter(hasHidden)).toEqual([])
    expect(Math.max(...texts.map(({ length }) => length))).toBe(textBounds.memory)
    expect(server.device("m1").running.version).toHaveLength(textBounds.version)
    expect(server.device("m1").access).toEqual(device.access)
  })
})
