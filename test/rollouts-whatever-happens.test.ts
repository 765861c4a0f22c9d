import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Refusal } from "../src/core/domain/refusal.ts"
import { updateStates } from "../src/core/domain/update.ts"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { inFlight } from "../src/core/rollout/tally.ts"
import { recounted } from "../src/server/fleet/load-fleet.ts"
import { isLive, isOver } from "../src/server/fleet/live-fleet.ts"
import type { LiveRollout } from "../src/server/fleet/live-rollout.ts"
import { retryFailed } from "../src/server/fleet/retry-failed.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { openGate, pauseRollout, resumeRollout } from "../src/server/fleet/steer-rollout.ts"
import { fetchProgram, poll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"

const minute = 60_000
const imageBytes = 2512
const ids = ["m0", "m1", "m2", "m3", "m4", "m5"]

/** A server with its motes, and the plans that it is given. */
interface World {
  readonly server: Rehearsal
  readonly plans: readonly string[]
  /** Bytes that each rollout may spend, by its id. */
  readonly caps: Map<string, number>
  releases: number
}

type Step = readonly [name: string, act: (world: World) => Promise<void>]

async function start(world: World, group: string): Promise<void> {
  const { server, plans, caps } = world
  const number = ++world.releases
  const release = await server.publish(String(number), `PROG0${String(number).padStart(2, "0")}`)
  const text = plans[number % plans.length] ?? ""
  const parsed = parsePlanFile(`releases: ${release}\ngroup: "${group}"\n${text}`)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  const { id } = (await startPlan(server.needs, parsed.plan)).rollout
  if (parsed.plan.budget.bytes !== null) caps.set(id, parsed.plan.budget.bytes)
}

/** Rollouts that go on, the newest first. */
const lives = ({ server }: World): readonly LiveRollout[] =>
  [...server.needs.live.rollouts.values()].filter(({ rollout }) => isLive(rollout.state)).reverse()

async function contact({ server }: World, id: string, stopAt?: number): Promise<void> {
  const notice = await poll(server, id)
  if (/^FILE:(?!NO_FILE)/m.test(notice)) await fetchProgram(server, id, notice, stopAt)
}

const device = fc.constantFrom(...ids)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: device.map((id): Step => [`${id} polls`, async ({ server }) => void (await poll(server, id))]),
  },
  { weight: 5, arbitrary: device.map((id): Step => [`${id} fetches`, (world) => contact(world, id)]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(device, fc.integer({ min: 0, max: imageBytes - 1 }))
      .map(([id, at]): Step => [`${id} is cut at ${at}`, (world) => contact(world, id, at)]),
  },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(1, 20, 45, 120, 600, 1500)
      .map((minutes): Step => [`${minutes} minutes`, ({ server }) => server.pass(minutes * minute)]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(-3000, -10, 10, 3000).map(
      (minutes): Step => [
        `somebody sets the clock by ${minutes} minutes`,
        ({ server }) => {
          server.clock.wall += minutes * minute
          return server.pass(1000)
        },
      ],
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        ["pause", pauseRollout] as const,
        ["resume", resumeRollout] as const,
        ["open-gate", openGate] as const,
        ["retry-failed", retryFailed] as const,
      )
      .map(
        ([name, order]): Step => [
          name,
          async (world) => {
            const [newest] = lives(world)
            if (newest !== undefined) await order(world.server.needs, newest.rollout.id)
          },
        ],
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("id=m*", "id in (m0, m1)", "not id in (m0, m3)")
      .map((group): Step => [`another rollout to ${group}`, (world) => start(world, group)]),
  },
  { weight: 2, arbitrary: fc.constant<Step>(["the server is killed", ({ server }) => server.restart()]) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 4 }).map(
      (nth): Step => [
        `the disk fails at write ${nth} from now`,
        ({ server }) => {
          server.store.failAt = server.store.calls + nth
          return Promise.resolve()
        },
      ],
    ),
  },
)

const anyPlan = fc.constantFrom(
  "phases: [{count: 2, soak: 30m}, {rest: true}]\nguards: {no-show-at-most: 50, failure-at-most: 50}\nsilence: 4h\nretries: {times: 1, after: 1h}",
  "phases: [{count: 1}, {percent: 50, gate: manual}, {rest: true}]\nguards: {no-show-at-most: 40}\nsilence: 4h\nmax-in-flight: 2",
  `budget: {bytes: ${3 * imageBytes}}\nsilence: 6h\nretries: 2`,
  "pace: 2/h\nsilence: 8h\non-trouble: roll-back\nguards: {no-show-at-most: 20}",
)

/** What has to hold after every step, in memory and in the store. */
async function check({ server, caps }: World): Promise<void> {
  const { live, store } = server.needs
  const running = new Map<string, string>()
  for (const rollout of live.rollouts.values()) {
    const { id, plan, state, marks } = rollout.rollout
    const rows = await store.updatesOfRollout(id)
    if (isLive(state)) {
      expect(countersOf(rollout), id).toEqual(countersOf(recounted(server.needs.live, rollout.rollout, rows)))
    }
    for (const row of rows) {
      if (!isLive(state) || updateStates[row.progress.state].over || row.progress.state === "waiting") continue
      expect(running.get(row.deviceId), `${row.deviceId} is in two updates that run`).toBeUndefined()
      running.set(row.deviceId, row.id)
    }
    for (const [index, phase] of marks.phases.entries()) {
      const counters = rollout.book.phases[index]
      if (phase.openedAt === null && counters !== undefined && isLive(state)) expect(inFlight(counters)).toBe(0)
      if (phase.openedAt === null || index === 0) continue
      expect(marks.phases[index - 1]?.enoughAt ?? null, `phase ${index} of ${id}`).not.toBeNull()
      if (plan.phases[index]?.gate === "manual") expect(phase.gateOpenedAt).not.toBeNull()
    }
    const cap = caps.get(id)
    if (cap !== undefined) expect(rollout.book.spent.bytes, `what ${id} spent`).toBeLessThanOrEqual(cap + imageBytes)
  }
  for (const { device: known, update } of live.devices.values()) {
    if (update !== null && !isOver(update)) expect(running.get(known.id) ?? update.id).toBe(update.id)
  }
}

function countersOf({ book, states }: LiveRollout) {
  return {
    phases: book.phases.map(({ counts, again }) => ({
      counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      again,
    })),
    states: Object.fromEntries([...states].sort(([a], [b]) => (a < b ? -1 : 1))),
    offered: book.offered,
  }
}

/** Does a step; whatever fails on the way is a crash, after which the server starts on what was stored. */
async function take(world: World, [, act]: Step): Promise<void> {
  const { server } = world
  try {
    await act(world)
  } catch (error) {
    if (!(error instanceof Refusal)) {
      const { message } = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error)
      const isOurs = /the disk is full|^550 |could not log in/.test(message)
      if (!isOurs) throw error
      server.store.failAt = 0
      await server.restart()
    }
  }
}

describe("a server with rollouts, whatever happens in whatever order,", () => {
  it("keeps counters equal to the rows, a device in one update, phases shut until their time, and budgets to one transfer", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyPlan, { minLength: 1, maxLength: 3 }),
        fc.array(anyStep, { minLength: 5, maxLength: 40 }),
        async (plans, steps) => {
          const world: World = { server: await Rehearsal.start(), plans, caps: new Map(), releases: 0 }
          world.server.complain = () => undefined
          for (const id of ids) await world.server.addMote(id, "wifi-pro")
          await start(world, "id=m*")
          for (const step of steps) {
            await take(world, step)
            await check(world)
          }
        },
      ),
      { numRuns: Number(process.env["WAFT_RUNS"] ?? 40), seed: Number(process.env["WAFT_SEED"] ?? 20_261_128) },
    )
  })
})
