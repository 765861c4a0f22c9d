// `npm run bench fleet [-- --counts 1000,10000,100000]`: what the fleet's deeds cost by its size, on SQLite, each size in a process of
// its own. CPU is of the whole process, the database's thread included. Writes its section of docs/benchmarks.md.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { tokenActor } from "../src/core/domain/actor.ts"
import { simplePlan } from "../src/core/domain/plan.ts"
import { families } from "../src/core/families/index.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import { systemClock } from "../src/server/clock.ts"
import { addDevices } from "../src/server/fleet/add-device.ts"
import type { FleetNeeds, OnBehalf } from "../src/server/fleet/fleet-needs.ts"
import { offeredTo } from "../src/server/fleet/live-fleet.ts"
import { loadFleet } from "../src/server/fleet/load-fleet.ts"
import { planRollout } from "../src/server/fleet/plan-rollout.ts"
import { summaryOf } from "../src/server/fleet/shown-plans.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { recordFact } from "../src/server/fleet/record-fact.ts"
import { beginPlan, type BegunRollout } from "../src/server/fleet/start-rollout.ts"
import { abortRollout } from "../src/server/fleet/steer-rollout.ts"
import { MemoryImages, otaBinary } from "../src/server/gateway/rehearsal.testing.ts"
import { openStore } from "../src/server/store/sql-store.ts"
import { openSqlite } from "../src/server/store/sqlite-database.ts"
import { writeSection } from "./write-section.ts"

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
  readonly stallMs: number
}

interface Sizes {
  readonly devices: number
  readonly costs: Readonly<Record<string, Cost>>
  readonly planBytes: number
  readonly enrolledBytes: number
  readonly evidenceCpuMs: number
  readonly residentMb: number
}

/** Devices whose whole download is recorded. */
const fetchers = 1000

const { values } = parseArgs({
  options: { counts: { type: "string", default: "1000,10000,100000" }, one: { type: "string" } },
})
if (values.one === undefined) report(values.counts.split(",").map(Number))
else process.stdout.write(JSON.stringify(await measure(Number(values.one))))

async function measure(devices: number): Promise<Sizes> {
  const folder = mkdtempSync(join(tmpdir(), "waft-bench-fleet-"))
  const file = join(folder, "waft.db")
  try {
    const costs: Record<string, Cost> = {}
    const images = new MemoryImages()
    let texts = 0
    let database = openSqlite(file)
    const open = async (): Promise<FleetNeeds & OnBehalf> => {
      const store = await openStore(database, "sqlite")
      return {
        actor: tokenActor("admin"),
        clock: systemClock,
        store,
        images,
        live: await loadFleet(store, systemClock),
        events: new Emitter(),
        randomText: (length) => String(++texts).padStart(length, "x"),
        families,
      }
    }
    let needs = await open()
    costs["add devices"] = await cost(() => fill(needs, devices))
    const upload = { fileName: "PROG001", bytes: otaBinary("PROG001", 2), version: "2", models: [], options: {} }
    const release = await publishRelease(needs, "waspmote", upload)
    const order = { releaseIds: [release.id], group: null }
    let planBytes = 0
    costs["plan"] = await cost(async () => {
      planBytes = JSON.stringify(summaryOf(await planRollout(needs, order))).length
    })
    const begin = async () => beginPlan(needs, simplePlan({ releases: order.releaseIds, group: null }))
    let begun: BegunRollout | undefined
    let enrolledBytes = writtenBytes()
    costs["start, until it is answered"] = await cost(async () => {
      begun = await begin()
    })
    costs["its devices join it"] = await cost(async () => begun?.live.enrolment)
    enrolledBytes = writtenBytes() - enrolledBytes
    costs["offers to all"] = await cost(async () => begun?.done)
    const rollout = begun?.live.rollout.id ?? ""
    const fetched = await cost(() => fetchAll(needs, Math.min(fetchers, devices)))
    await database.close()
    database = openSqlite(file)
    costs["start-up with it running"] = await cost(async () => {
      needs = await open()
    })
    costs["abort"] = await cost(() => abortRollout(needs, rollout))
    const residentMb = process.memoryUsage().rss / 1e6
    await database.close()
    const evidenceCpuMs = fetched.cpuMs / (2 * Math.min(fetchers, devices))
    return { devices, costs, planBytes, enrolledBytes, evidenceCpuMs, residentMb }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fill(needs: FleetNeeds & OnBehalf, devices: number): Promise<void> {
  for (let from = 0; from < devices; from += 1000) {
    const chunk = Array.from({ length: Math.min(1000, devices - from) }, (_, i) => from + i)
    await addDevices(
      needs,
      chunk.map((i) => ({ id: `m-${i}`, family: "waspmote", model: "4g", labels: { site: `s${i % 10}` } })),
    )
  }
}

/** Each fetches its image whole, one after another as their sessions would. */
async function fetchAll(needs: FleetNeeds, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const live = needs.live.devices.get(`m-${i}`)
    const offered = live === undefined ? null : offeredTo(needs.live, live)
    if (live === undefined || offered === null) throw new Error(`m-${i} is offered nothing`)
    const { sizeBytes } = offered.image
    const at = needs.clock.monotonic()
    const begun = { kind: "image-started", from: 0, session: `s-${i}`, network: "192.0.2.7", at } as const
    await recordFact(needs, { live, offered, fact: begun })
    const fact = { kind: "image-ended", from: 0, to: sizeBytes, sent: sizeBytes, whole: true, at } as const
    await recordFact(needs, { live, offered, fact })
  }
}

/** What this process has written to files so far. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1])
}

async function cost(deed: () => Promise<unknown>): Promise<Cost> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  // The monitor sees only what comes after its first tick.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const cpu = process.cpuUsage()
  const from = performance.now()
  await deed()
  const wallMs = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  // The monitor's timer is late after a deed that ends within the stall it made.
  await new Promise((resolve) => setTimeout(resolve, 20))
  delay.disable()
  return { wallMs, cpuMs: (user + system) / 1000, stallMs: delay.max / 1e6 }
}

function report(counts: readonly number[]): void {
  const sizes = counts.map((count): Sizes => {
    const args = ["tsx", "bench/fleet.bench.ts", "--one", String(count)]
    return JSON.parse(execFileSync("npx", args, { encoding: "utf8", maxBuffer: 1 << 26 })) as Sizes
  })
  const names = Object.keys(sizes[0]?.costs ?? {})
  const cells = ({ costs }: Sizes, name: string): string => {
    const { wallMs, cpuMs, stallMs } = costs[name] ?? { wallMs: 0, cpuMs: 0, stallMs: 0 }
    return `${Math.round(wallMs)} / ${Math.round(cpuMs)} / ${Math.round(stallMs)}`
  }
  const line = (title: string, cell: (one: Sizes) => string): string => `| ${[title, ...sizes.map(cell)].join(" | ")} |`
  const text = [
    "## The fleet",
    "",
    `\`npm run bench fleet -- --counts ${counts.join(",")}\`: motes in one process on ${cpus().length} shared cores, SQLite in its thread. Wall ms / CPU ms of the whole process / longest stall of the event loop, ms.`,
    "",
    line("devices", ({ devices }) => String(devices)),
    `|${"---|".repeat(sizes.length + 1)}`,
    ...names.map((name) => line(name, (one) => cells(one, name))),
    line("plan, bytes", ({ planBytes }) => String(planBytes)),
    line("written while they join, bytes a device", (one) => String(Math.round(one.enrolledBytes / one.devices))),
    line("evidence, CPU ms a fact", ({ evidenceCpuMs }) => evidenceCpuMs.toFixed(2)),
    line("resident after all of it, MB", ({ residentMb }) => String(Math.round(residentMb))),
  ]
  process.stdout.write(`${text.join("\n")}\n`)
  writeSection("fleet", text.join("\n"))
}
