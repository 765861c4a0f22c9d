import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { EvidenceKind } from "../domain/evidence.ts"
import { updateStates } from "../domain/update.ts"
import { RolloutBook } from "./book.ts"
import { pacedCount } from "./pacing.ts"
import { noCap, noGuards, type Phase, type RolloutPlan, simplePlan, usualGuards } from "../domain/plan.ts"
import { type Member, RolloutRun } from "./run.ts"
import { inFlight, sizeOf } from "./tally.ts"
import { isWindowOpen, parseWindowHours } from "../domain/window.ts"

/** A rollout walked by random steps of devices, operators and the clock; after each the rows and the counters are compared. */

const minute = 60_000
const zones = ["UTC", "Asia/Kathmandu"]

const anyPhase = (index: number): fc.Arbitrary<Phase> =>
  fc.record({
    name: fc.constant(`p${index}`),
    size: fc.constant({ kind: "rest" as const }),
    coversModels: fc.constant(false),
    soakMs: fc.constantFrom(0, 30 * minute),
    gate: fc.constantFrom("automatic", "automatic", "manual"),
    guards: fc.constantFrom(noGuards, usualGuards, {
      ...usualGuards,
      successAtLeast: 50,
      noShowAtMost: 50,
      failureAtMost: 50,
    }),
  })

const hours = parseWindowHours("08:00-16:00")
const anyPlan: fc.Arbitrary<RolloutPlan> = fc
  .record({
    phases: fc
      .integer({ min: 1, max: 3 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => anyPhase(i)))),
    onTrouble: fc.constantFrom("pause", "roll-back"),
    maxInFlight: fc.constantFrom(null, 1, 3),
    pace: fc.constantFrom(
      null,
      { perHour: 6, doubleEveryMs: null, mostPerHour: null },
      { perHour: 4, doubleEveryMs: 60 * minute, mostPerHour: 40 },
    ),
    windows: fc.constantFrom(null, null, { timeZone: "UTC", zoneLabel: "tz", hours: hours === null ? [] : [hours] }),
    retries: fc.constantFrom(
      { times: 0, afterMs: 0, growth: 1, of: [] },
      { times: 2, afterMs: 20 * minute, growth: 2, of: ["failed", "no-show"] as const },
    ),
    bytes: fc.constantFrom(null, 50, 300),
    endsAt: fc.constantFrom(null, null, null, 40 * 60 * minute),
  })
  .map(({ bytes, ...rest }) => ({
    ...simplePlan({ releases: ["r"], group: null }),
    ...rest,
    budget: { bytes, sms: null, money: null, perDeviceAndDay: noCap, tariffs: null },
  }))

interface Real {
  readonly run: RolloutRun
  now: number
}
type Model = { readonly none: true }

/** What must hold after every step. */
function check({ run, now }: Real): void {
  const { book, plan, members } = run
  const counted = new RolloutBook(plan.phases.length)
  for (const device of members.keys()) counted.move(null, run.entry(device))
  for (const [index, phase] of counted.phases.entries()) {
    expect(nonZero(book.phases[index]?.counts)).toEqual(nonZero(phase.counts))
    expect(nonZero(book.phases[index]?.ready)).toEqual(nonZero(phase.ready))
    expect(book.phases[index]?.again).toEqual(phase.again)
  }
  expect(book.reserved).toEqual(counted.reserved)
  expect(book.phases.reduce((sum, phase) => sum + sizeOf(phase), 0)).toBe(members.length)
  for (const [index, phase] of book.phases.entries()) {
    if (phase.openedAt === null)
      expect(run.rows.filter((row, at) => members[at]?.phase === index && row.tryNumber > 1)).toEqual([])
    if (phase.openedAt === null) expect(inFlight(phase)).toBe(0)
    const before = book.phases[index - 1]
    if (phase.openedAt === null || before === undefined) continue
    const soakMs = sizeOf(before) === 0 ? 0 : (plan.phases[index - 1]?.soakMs ?? 0)
    expect(before.enoughAt).not.toBeNull()
    expect(phase.openedAt).toBeGreaterThanOrEqual((before.enoughAt ?? 0) + soakMs)
    if (plan.phases[index]?.gate === "manual") expect(phase.gateOpenedAt).not.toBeNull()
  }
  const { bytes } = plan.budget
  if (bytes !== null) expect(book.spent.bytes + book.reserved.bytes).toBeLessThanOrEqual(bytes + 20)
  if (plan.pace !== null && book.paceFrom !== null) {
    expect(book.offered - book.paceFrom.offered).toBeLessThanOrEqual(
      pacedCount(plan.pace, Math.max(0, now - book.paceFrom.at)) + 1e-6,
    )
  }
}

function nonZero(counts: Readonly<Record<string, number | undefined>> = {}): Record<string, number | undefined> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}

abstract class Step implements fc.Command<Model, Real> {
  check = (): boolean => true
  abstract act(real: Real): void
  run(_: Model, real: Real): void {
    const flying = real.run.book.phases.map(inFlight)
    const wasRunning = real.run.book.state === "running"
    this.act(real)
    real.run.settle(real.now)
    check(real)
    const { maxInFlight } = real.run.plan
    const now = real.run.book.phases.map(inFlight)
    // A device that was silent and comes back is more than the limit allows, but nobody was offered anything for that.
    if (maxInFlight !== null && sum(now) > maxInFlight) expect(sum(now)).toBeLessThanOrEqual(sum(flying) + 1)
    if (!wasRunning && real.run.book.state !== "running") expect(sum(now)).toBeLessThanOrEqual(sum(flying) + 1)
  }
}
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

const kinds: readonly EvidenceKind[] = [
  "offer-read",
  "accepted",
  "transfer-started",
  "transfer-cut",
  "transfer-finished",
  "install-started",
  "installed",
  "left-alone",
  "install-failed",
  "loop-broken",
  "declined",
  "silence",
  "silence",
  "cancelled",
  "superseded",
]

class Happens extends Step {
  readonly device: number
  readonly kind: EvidenceKind
  constructor(device: number, kind: EvidenceKind) {
    super()
    this.device = device
    this.kind = kind
  }
  override act({ run, now }: Real): void {
    const device = this.device % run.members.length
    const wasOver = updateStates[run.stateOf(device)].over
    // Only what has been offered something does anything; a device that waits can only leave.
    const isOutside = this.kind === "cancelled" || this.kind === "superseded"
    if (run.stateOf(device) === "waiting" && !isOutside) return
    const cost = run.entry(device).cost
    if (run.take(device, this.kind, now) && !wasOver && this.kind === "transfer-finished") run.book.spend(cost)
  }
  override toString = (): string => `device ${this.device}: ${this.kind}`
}
class Passes extends Step {
  readonly ms: number
  constructor(ms: number) {
    super()
    this.ms = ms
  }
  override act(real: Real): void {
    // The engine's clock may be set back by people; what it has done stays done.
    real.now = Math.max(0, real.now + this.ms)
  }
  override toString = (): string => `${this.ms / minute} minutes`
}
class Operator extends Step {
  readonly order: "pause" | "resume" | "open-gate" | "approve"
  constructor(order: Operator["order"]) {
    super()
    this.order = order
  }
  override act({ run, now }: Real): void {
    if (this.order === "pause") run.pause()
    if (this.order === "resume") run.resume(now)
    if (this.order === "approve") run.book.approvedAt ??= now
    const gated = run.book.phases.find(({ openedAt }) => openedAt === null)
    if (this.order === "open-gate" && gated !== undefined) gated.gateOpenedAt ??= now
  }
  override toString = (): string => this.order
}

const anyStep = fc.commands<Model, Real>(
  [
    fc.tuple(fc.nat(7), fc.constantFrom(...kinds)).map(([device, kind]) => new Happens(device, kind)),
    fc
      .tuple(fc.nat(7), fc.constantFrom("transfer-finished", "installed", "left-alone"))
      .map(([device, kind]) => new Happens(device, kind as EvidenceKind)),
    fc
      .tuple(fc.nat(7), fc.constantFrom("install-failed", "silence"))
      .map(([device, kind]) => new Happens(device, kind as EvidenceKind)),
    fc.integer({ min: 1, max: 20 }).map((minutes) => new Passes(minutes * minute)),
    fc.integer({ min: 1, max: 600 }).map((minutes) => new Passes(minutes * minute)),
    fc.constantFrom("pause", "resume", "resume", "open-gate", "approve").map((order) => new Operator(order)),
  ],
  { maxCommands: 100 },
)

describe("the engine, whatever happens in whatever order,", () => {
  it("keeps its counters equal to the rows, opens no phase early and exceeds no cap", () => {
    const device = fc.record({
      phase: fc.nat(2),
      zone: fc.nat(1),
      rank: fc.nat(1000),
      bytes: fc.integer({ min: 1, max: 20 }),
    })
    fc.assert(
      fc.property(anyPlan, fc.array(device, { minLength: 1, maxLength: 8 }), anyStep, (plan, devices, steps) => {
        const members = devices.map(
          ({ phase, zone, rank, bytes }): Member => ({
            phase: phase % plan.phases.length,
            zone: plan.windows === null ? "" : (zones[zone] ?? ""),
            rank,
            cost: { bytes, sms: 0, money: 0 },
          }),
        )
        fc.modelRun(() => {
          const real: Real = { now: 8 * 60 * minute, run: null as unknown as RolloutRun }
          const run = new RolloutRun(plan, members, (offered, at) => {
            const { zone } = members[offered] ?? { zone: "" }
            if (!isWindowOpen(plan.windows, zone, at))
              throw new Error("a device was offered something outside its window")
            if (run.book.state !== "running")
              throw new Error("a device was offered something by a rollout that does not run")
          })
          const model: Model = { none: true }
          return { model, real: Object.assign(real, { run }) }
        }, steps)
      }),
      { numRuns: 400, seed: 13 },
    )
  })
})
