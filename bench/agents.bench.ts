// `npm run bench agents [-- --count 10000 --speed 1]`: modules in software with agents beside them. How much memory an agent costs the
// server while it waits for work, and a whole rollout of a 300 kB package to all of them. Writes its section of docs/benchmarks.md.
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import type { ApiClient } from "../src/cli/api-client.ts"
import { familyById } from "../src/core/families/index.ts"
import { root, serve, type Serving } from "../test/serving.ts"
import { writeSection } from "./write-section.ts"

const { values } = parseArgs({
  options: { count: { type: "string", default: "10000" }, speed: { type: "string", default: "1" } },
})
const count = Number(values.count)
/** Modules and agents against the clock: installs take minutes at 1, and the agents' time limits shrink alike. */
const { speed } = values
const packageBytes = 300_000
/** Small firmware, so that ten thousand modules fit into memory beside the server; the package is filled up. */
const imageBytes = "4000"
const model = "AG35"
const [from, to] = ["AG35V01", "AG35V02"]
/** Processes that share the modules: each is one V8 heap. */
const swarms = 2
const patienceMs = 45 * 60_000

const prefixOf = (swarm: number): string => `bench-${swarm}-`
const perSwarm = Math.ceil(count / swarms)
const sizeOf = (swarm: number): number => Math.min(perSwarm, count - swarm * perSwarm)

const scratch = mkdtempSync(join(tmpdir(), "waft-bench-agents-"))
const children: ChildProcess[] = []
const servers: Serving[] = []
try {
  await bench()
} finally {
  for (const child of children) child.kill("SIGKILL")
  for (const server of servers) await server.end("SIGKILL")
  rmSync(scratch, { recursive: true, force: true })
}

async function bench(): Promise<void> {
  const data = join(scratch, "data")
  const first = await start(data)
  await publish(first.api)
  for (let swarm = 0; swarm < swarms; swarm++) await addDevices(first.api, swarm)
  await first.end("SIGTERM")
  // Started anew, so that what adding the devices left behind is not counted.
  const server = await start(data)
  const idle = await settledMegabytes(server)
  for (let swarm = 0; swarm < swarms; swarm++) startSwarm(data, swarm)
  await until("all agents have said what they run", async () => (await reported(server.api)) === count)
  const waiting = await settledMegabytes(server)
  const { seconds, largest } = await rollOut(server)
  const text = [
    "## Agents and modules",
    "",
    `\`npm run bench agents -- --count ${count} --speed ${speed}\`: ${count} modules in software, each with an agent, in ${swarms} processes beside the server on the same ${cpus().length} cores; ${count} packages of ${packageBytes} bytes over FTP.`,
    "",
    "| what | measured | asked |",
    "|---|---|---|",
    `| server, ${count} known devices, nobody there | ${idle.toFixed(0)} MB | |`,
    `| server, ${count} agents waiting in long poll | ${waiting.toFixed(0)} MB | |`,
    `| one waiting agent | ${(((waiting - idle) * 1024) / count).toFixed(1)} kB | < 20 kB |`,
    `| server at most, during the rollout to all | ${largest.toFixed(0)} MB | < 400 MB |`,
    `| modules on the new firmware | ${count} of ${count} after ${seconds.toFixed(0)} s | all |`,
    "",
    `Load average at the end: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(", ")}. The modules do their own flash writes on the same cores, so the time says little about the server.`,
  ].join("\n")
  process.stdout.write(`${text}\n`)
  if (process.env["CI"] === undefined) writeSection("agents", text)
  await server.end("SIGTERM")
}

async function start(data: string): Promise<Serving> {
  const server = await serve({ data })
  servers.push(server)
  return server
}

async function publish(api: ApiClient): Promise<void> {
  const made = familyById("quectel")?.imageTool?.invent?.({
    model,
    version: to,
    from,
    size: imageBytes,
    "package-size": String(packageBytes),
  })
  if (made?.ok !== true) throw new Error("no package can be made")
  const options = JSON.stringify({ from, transport: "ftp" })
  await api.call("publishRelease", {
    query: { family: "quectel", fileName: "bench.bin", version: to, models: model, options },
    body: made.bytes,
  })
}

async function addDevices(api: ApiClient, swarm: number): Promise<void> {
  const body = Array.from({ length: sizeOf(swarm) }, (_, i) => ({
    id: `${prefixOf(swarm)}${i + 1}`,
    family: "quectel",
    model,
  }))
  await api.call("importDevices", { body })
}

function startSwarm(data: string, swarm: number): void {
  const args = ["--max-old-space-size=16000", join(root, "bin", "waft.js"), "virtual", "swarm", "--data", data]
  const more = ["--family", "quectel", "--model", model, "--prefix", prefixOf(swarm), "--count", String(sizeOf(swarm))]
  const child = spawn(process.execPath, [...args, ...more, "--speed", speed, "--image-bytes", imageBytes, "--json"], {
    stdio: ["ignore", "ignore", "inherit"],
  })
  children.push(child)
}

async function reported(api: ApiClient): Promise<number> {
  return (await api.list("listDevices", {})).filter(({ running }) => running.evidence === "reported").length
}

async function rollOut(server: Serving): Promise<{ readonly seconds: number; readonly largest: number }> {
  const [release] = await server.api.list("listReleases", {})
  const body = { releaseIds: [release?.id ?? ""], group: null }
  const begun = performance.now()
  const { id } = await server.api.call("startRollout", { body })
  let largest = 0
  await until("the rollout is over", async () => {
    largest = Math.max(largest, residentMegabytes(server))
    const { state, counts } = await server.api.call("showRollout", { params: { id } })
    process.stdout.write(`${state} ${JSON.stringify(counts)} server ${residentMegabytes(server).toFixed(0)} MB\n`)
    if (state === "failed") throw new Error("the rollout did not reach every module")
    return state === "succeeded"
  })
  return { seconds: (performance.now() - begun) / 1000, largest: Math.max(largest, peakMegabytes(server)) }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await sleep(3000)
  }
}

function residentMegabytes({ pid }: Serving): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024
}

/** The most that was ever resident. */
function peakMegabytes({ pid }: Serving): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024
}

/** Memory once it no longer moves. */
async function settledMegabytes(server: Serving): Promise<number> {
  let before = 0
  for (;;) {
    const now = residentMegabytes(server)
    if (Math.abs(now - before) < 1) return now
    before = now
    await sleep(5000)
  }
}
