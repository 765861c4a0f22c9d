import { expect } from "vitest"
import { partners, upload, versionOf } from "../../src/core/families/contract-samples.testing.ts"
import type { Family } from "../../src/core/families/family.ts"
import { familyById } from "../../src/core/families/index.ts"
import { FleetBench } from "./fleet-bench.ts"

/** A family as the server has it, and the model of it that is looked at. */
export interface Checked {
  readonly family: Family
  readonly model: string
}

/** So many contacts are enough for every conclusion. */
const mostContacts = 14
const twoHours = 2 * 3_600_000

/** What the server says of every family's devices is true: the part of the contract that takes a server to look at. */
export const checks = {
  "orders the versions of its releases": ({ family }) => {
    const { compare, parse } = family.versions
    const [one, two, three] = ([1, 2, 3] as const).map((version) => versionOf(family.id, version))
    for (const [older = "", newer = ""] of [
      [one, two],
      [two, three],
      [one, three],
    ]) {
      expect(compare(older, newer)).toBeLessThan(0)
      expect(compare(newer, older)).toBeGreaterThan(0)
      expect(compare(newer, newer)).toBe(0)
      expect(parse(newer)).toEqual({ version: newer })
    }
    return Promise.resolve()
  },

  "publishes no version that is none": ({ family, model }) => {
    const wrong = ["", " ", "two", "-1", "1 or 2", "9".repeat(200), "\u001b[2J"]
    const refused = wrong.filter((version) => "fault" in family.versions.parse(version))
    expect(refused.length).toBeGreaterThanOrEqual(4)
    for (const version of refused) {
      expect(family.publish({ ...upload(family.id, 2, model), version }), JSON.stringify(version)).toMatchObject({
        ok: false,
      })
    }
    const published = family.publish(upload(family.id, 2, model))
    expect(published).toMatchObject({ ok: true, version: versionOf(family.id, 2) })
    return Promise.resolve()
  },

  "comes to know that a sound update runs, as soon as its rules say": async (checked) => {
    const bench = await benchOf(checked)
    const second = versionOf(checked.family.id, 2)
    await bench.rollOut(upload(checked.family.id, 2, checked.model))
    let contactsSince = -1
    for (let contact = 0; contact < mostContacts && (await stateOf(bench)) !== "succeeded"; contact++) {
      await contactOf(bench)
      if (bench.running === second) contactsSince++
      await expectTrue(bench, second)
    }
    expect(await stateOf(bench), await bench.explain()).toBe("succeeded")
    expect(bench.live.device.running.version).toBe(second)
    const { whole } = checked.family.pull.quietContacts
    expect(contactsSince).toBeLessThanOrEqual(Number.isFinite(whole) ? whole : 1)
  },

  "offers an older release so that it is taken, or not at all": async (checked) => {
    const { family, model } = checked
    const bench = await benchOf(checked)
    const older = await bench.rollOut(upload(family.id, 2, model))
    await untilOver(bench)
    await bench.rollOut(upload(family.id, 3, model))
    await untilOver(bench)
    expect(bench.running).toBe(versionOf(family.id, 3))
    const before = bench.heard.length
    await bench.rollOutAgain(older)
    await untilOver(bench)
    const isOffered = bench.heard.slice(before).some(({ kind }) => kind === "update.offer-made")
    if (isOffered) {
      expect(await stateOf(bench), await bench.explain()).toBe("succeeded")
      // A mote's own number grows with every program that it takes.
      expect(bench.running).not.toBe(versionOf(family.id, 3))
    } else {
      expect(await stateOf(bench)).toBe("failed")
      expect(bench.running).toBe(versionOf(family.id, 3))
    }
  },

  "says of no failed install that it runs": async (checked) => {
    const { family, model } = checked
    const faults = family.device.faults.filter((row) => [model, "any"].includes(row.model) && row.fault !== "none")
    const step = Math.max(1, Math.floor(faults.length / mostFaults))
    for (let at = step - 1; at < faults.length; at += step)
      await expectTrueAfter(checked, [faults[at]?.fault ?? "none"])
  },
} as const satisfies Readonly<Record<string, (checked: Checked) => Promise<void>>>

export type CheckName = keyof typeof checks

/** Faults of a model that the contract looks at; `test/truth` looks at all of them. */
const mostFaults = 5

/** Faults in so many contacts one after another, then sound contacts: whatever is said meanwhile is true. */
export async function expectTrueAfter(
  checked: Checked,
  faults: readonly string[],
  restartAfter: (contact: number) => boolean = () => false,
): Promise<FleetBench> {
  const { family, model } = checked
  const bench = await benchOf(checked)
  await bench.rollOut(upload(family.id, 2, model))
  for (let contact = 0; contact < mostContacts && (contact < faults.length || (await isUnderWay(bench))); contact++) {
    await contactOf(bench, faults[contact] ?? null)
    await expectTrue(bench, versionOf(family.id, 2), faults.join())
    if (restartAfter(contact)) await bench.restart()
  }
  return bench
}

async function expectTrue(bench: FleetBench, version: string, story = ""): Promise<void> {
  if ((await stateOf(bench)) === "succeeded") expect(bench.running, `${story}: ${await bench.explain()}`).toBe(version)
  const { running } = bench.live.device
  if (running.evidence === "concluded" || running.evidence === "reported") {
    expect(running.version, `${story}: what is known`).toBe(bench.running)
  }
}

async function contactOf(bench: FleetBench, fault: string | null = null): Promise<void> {
  // A device that waits for a reset gets one.
  bench.powerOff()
  await bench.contact(fault)
  await bench.pass(twoHours)
}

async function untilOver(bench: FleetBench): Promise<void> {
  for (let contact = 0; contact < mostContacts && (await isUnderWay(bench)); contact++) await contactOf(bench)
}

const over: ReadonlySet<string> = new Set(["succeeded", "failed", "declined", "cancelled", "superseded"])

async function isUnderWay(bench: FleetBench): Promise<boolean> {
  return !over.has(await stateOf(bench))
}

async function stateOf(bench: FleetBench): Promise<string> {
  return (await bench.update())?.progress.state ?? "none"
}

/** The family may be a mistaken one; the device is that of the list. */
function benchOf({ family, model }: Checked): Promise<FleetBench> {
  const device = (familyById(family.id) ?? family).device
  const partner = partners[family.id]
  return FleetBench.start({ family, device, model, firmware: versionOf(family.id, 1), partner })
}
