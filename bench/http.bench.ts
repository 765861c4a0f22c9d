// `npm run bench http`: our device HTTP listener against nginx, wrk as the client, one core for the server and the other for
// wrk. Writes its section of docs/benchmarks.md. Needs Debian's nginx-light and wrk, and two cores.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { cpus, loadavg, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { ApiClient } from "../src/cli/api-client.ts"
import { writeManifest } from "../src/core/families/pic32mzw1/codec/manifest.ts"
import { installMissing } from "../scripts/debian-tools.js"
import { root, serve, type Serving } from "../test/serving.ts"
import { writeSection } from "./write-section.ts"

const serverCore = 0
const clientCore = 1
const rounds = Number(process.env["ROUNDS"] ?? 5)
const seconds = Number(process.env["SECONDS"] ?? 4)
const connections = 100
const imageBytes = 10 * 1024 * 1024

const scratch = mkdtempSync(join(tmpdir(), "waft-bench-http-"))
// nginx's worker is another user when this runs as root.
chmodSync(scratch, 0o755)
const children: ChildProcess[] = []

interface Load {
  readonly perSecond: number
  readonly megabytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
  /** Requests per second of the server's own processor time. */
  readonly perCpuSecond: number
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** Processor time of a process so far, s. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024
}

/** Runs wrk over these URLs in turn. `paceMs`: each connection pauses about that long between its requests. */
function wrk(
  pid: number,
  origin: string,
  paths: readonly string[],
  { clients = connections, paceMs = 0, lastsSeconds = seconds } = {},
): Promise<Load> {
  const list = join(scratch, "paths.txt")
  writeFileSync(list, paths.join("\n"))
  const script = join(scratch, "load.lua")
  writeFileSync(
    script,
    [
      `requests = {}; count = 0; at = 0`,
      `function init() for path in io.lines(${JSON.stringify(list)}) do count = count + 1`,
      `  requests[count] = wrk.format("GET", path) end; math.randomseed(7) end`,
      `function request() at = at % count + 1; return requests[at] end`,
      ...(paceMs > 0 ? [`function delay() return math.random(0, ${2 * paceMs}) end`] : []),
      `function done(summary, latency) io.write(string.format("RESULT %d %d %d %f %f %d\\n", summary.requests,`,
      `  summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), summary.errors.connect`,
      `  + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout)) end`,
    ].join("\n"),
  )
  const args = ["-c", String(clientCore), "wrk", "-t1", `-c${clients}`, `-d${lastsSeconds}s`, "--timeout", "60s"]
  const before = cpuSeconds(pid)
  return new Promise((resolve, reject) => {
    const child = spawn("taskset", [...args, "-s", script, origin], { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1")
    })
    child.once("exit", () => {
      const cpu = cpuSeconds(pid) - before
      const result = /RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)/.exec(text)
      if (result === null) return reject(new Error(`wrk said: ${text}`))
      const [requests = 0, duration = 0, bytes = 0, p50 = 0, p99 = 0, failed = 0] = result.slice(1).map(Number)
      const lasted = duration / 1e6
      resolve({
        perSecond: requests / lasted,
        megabytesPerSecond: bytes / lasted / 1e6,
        p50Ms: p50 / 1000,
        p99Ms: p99 / 1000,
        failed,
        perCpuSecond: requests / cpu,
      })
    })
  })
}

/** nginx as Debian ships it, one worker, without a log; resolves with the worker's process id. */
async function startNginx(manifest: Uint8Array): Promise<{ readonly origin: string; readonly pid: number }> {
  const port = await freePort()
  const html = join(scratch, "html")
  mkdirSync(html)
  writeFileSync(join(html, "ota.json"), manifest)
  writeFileSync(join(html, "big.bin"), new Uint8Array(imageBytes).fill(0x5a))
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(scratch, name)};`,
  )
  const config = join(scratch, "nginx.conf")
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${join(scratch, "nginx.pid")}; error_log ${join(scratch, "nginx.log")};
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; types { application/json json; }
${temporary.join(" ")} server { listen 127.0.0.1:${port}; root ${html}; } }
`,
  )
  const child = spawn("taskset", ["-c", String(serverCore), "nginx", "-p", scratch, "-c", config], { stdio: "ignore" })
  children.push(child)
  const origin = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    const isUp = await fetch(`${origin}/ota.json`).then(
      (response) => response.ok,
      () => false,
    )
    if (isUp) break
    if (tries > 100) throw new Error("nginx does not answer")
    await sleep(50)
  }
  const worker = execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }).trim()
  return { origin, pid: Number(worker) }
}

interface Fleet {
  readonly server: Serving
  readonly origin: string
  readonly paths: readonly string[]
}

/** Our server with that many boards that poll and are offered nothing. */
async function startFleet(count: number): Promise<Fleet> {
  const server = await serve({ data: join(scratch, `fleet-${count}`), core: serverCore })
  const paths: string[] = []
  for (let first = 0; first < count; first += 1000) {
    const body = Array.from({ length: Math.min(1000, count - first) }, (_, index) => ({
      id: `board-${first + index}`,
      family: "pic32mzw1",
      model: "v3.8",
    }))
    for (const device of await addAll(server.api, body)) paths.push(new URL(device.manifestUrl ?? "").pathname)
  }
  return { server, origin: `http://${server.deviceHttp}`, paths: shuffled(paths) }
}

function addAll(api: ApiClient, body: { id: string; family: string; model: string }[]) {
  return api.call("importDevices", { body })
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  let seed = 1
  for (let i = result.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const j = seed % (i + 1)
    ;[result[i], result[j]] = [result[j] as T, result[i] as T]
  }
  return result
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const whole = (value: number): string => Math.round(value).toLocaleString("en")
const ratio = (value: number): string => value.toFixed(2)

/** Medians over the rounds; the two servers take turns, so that what else the machine does falls on both. */
async function compare(
  one: () => Promise<Load>,
  other: () => Promise<Load>,
  times = rounds,
): Promise<readonly [Load, Load, ratioOfRates: number]> {
  const ones: Load[] = []
  const others: Load[] = []
  for (let round = 0; round < times; round++) {
    ones.push(await one())
    others.push(await other())
  }
  const middle = (loads: readonly Load[]): Load => ({
    perSecond: median(loads.map((load) => load.perSecond)),
    megabytesPerSecond: median(loads.map((load) => load.megabytesPerSecond)),
    p50Ms: median(loads.map((load) => load.p50Ms)),
    p99Ms: median(loads.map((load) => load.p99Ms)),
    failed: loads.reduce((sum, load) => sum + load.failed, 0),
    perCpuSecond: median(loads.map((load) => load.perCpuSecond)),
  })
  const ratios = ones.map((load, index) => load.perSecond / (others[index]?.perSecond ?? 1))
  return [middle(ones), middle(others), median(ratios)]
}

function row(name: string, load: Load): string {
  return `| ${name} | ${whole(load.perSecond)} | ${whole(load.perCpuSecond)} | ${load.p50Ms.toFixed(1)} / ${load.p99Ms.toFixed(1)} | ${load.failed} |`
}

function imageRow(name: string, load: Load): string {
  return `| ${name} | ${whole(load.megabytesPerSecond)} | ${whole((load.perCpuSecond * imageBytes) / 1e6)} | ${load.failed} |`
}

async function startImages(): Promise<{ readonly origin: string; readonly path: string; readonly pid: number }> {
  const port = await freePort()
  const args = [
    "-c",
    String(serverCore),
    process.execPath,
    "--import",
    "tsx",
    join(root, "bench", "http-image-server.ts"),
  ]
  const child = spawn("taskset", [...args, join(scratch, "images"), String(imageBytes), String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.push(child)
  const path = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1").trim().replace("ready ", "")))
  })
  return { origin: `http://127.0.0.1:${port}`, path, pid: child.pid ?? 0 }
}

async function measure(): Promise<string> {
  const manifest = writeManifest({
    version: 1,
    url: "http://127.0.0.1:40000/d/url-abcdefghjkmnpqrstuvw/none.bin",
    digest: "0".repeat(64),
    erase: false,
  })
  const nginx = await startNginx(manifest)
  const nginxPaths = ["/ota.json"]
  const ours = await startFleet(10_000)
  const poll = (fleet: Fleet) => () => wrk(fleet.server.pid, fleet.origin, fleet.paths)
  const [polls, nginxPolls, pollRatio] = await compare(poll(ours), () => wrk(nginx.pid, nginx.origin, nginxPaths))
  const paceMs = Math.max(1, Math.round((connections * 1000) / (polls.perSecond / 2)))
  const paced = { paceMs, lastsSeconds: 5 }
  const [half, nginxHalf] = await compare(
    () => wrk(ours.server.pid, ours.origin, ours.paths, paced),
    () => wrk(nginx.pid, nginx.origin, nginxPaths, paced),
  )
  const seen = (await ours.server.api.list("listDevices", {})).filter((one) => one.lastSeen !== null)
  const rss = residentMegabytes(ours.server.pid)
  await ours.server.end("SIGTERM")

  const few = await startFleet(1000)
  const many = await startFleet(100_000)
  const [of100k, of1k, sizeRatio] = await compare(poll(many), poll(few))
  const rss100k = residentMegabytes(many.server.pid)
  await few.server.end("SIGTERM")
  await many.server.end("SIGTERM")

  const images = await startImages()
  const imageTables: string[] = []
  const imageRatios: string[] = []
  for (const clients of [50, 500]) {
    const load = { clients, lastsSeconds: Math.max(8, seconds) }
    const [our, their, imageRatio] = await compare(
      () => wrk(images.pid, images.origin, [images.path], load),
      () => wrk(nginx.pid, nginx.origin, ["/big.bin"], load),
      Math.min(rounds, 3),
    )
    imageTables.push(imageRow(`Waft, ${clients} clients`, our), imageRow(`nginx, ${clients} clients`, their))
    imageRatios.push(`${clients} clients: **${ratio(imageRatio)}** of nginx (at least 0.85 wanted)`)
  }
  const imageRss = residentMegabytes(images.pid)
  return [
    "## Device HTTP",
    "",
    `\`npm run bench http\` on ${cpus()[0]?.model ?? "?"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${nginxVersion()}; server on one core, wrk (${connections} connections, keep-alive, one thread) on the other, medians of ${rounds} alternating rounds of ${seconds} s. ${others()}`,
    "",
    "Manifest polls, every request for another device's own URL; last contacts are recorded meanwhile:",
    "",
    "| server | polls/s | per server CPU second | p50 / p99 ms | failed |",
    "|---|---|---|---|---|",
    row("Waft, 10,000 devices", polls),
    row(`nginx, one static file of ${manifest.length} bytes`, nginxPolls),
    row(`Waft, 10,000 devices, paced to about half its rate`, half),
    row("nginx, paced alike", nginxHalf),
    row("Waft, 1,000 devices", of1k),
    row("Waft, 100,000 devices", of100k),
    "",
    `- polls at 10,000 devices: **${ratio(pollRatio)}** of nginx (at least 0.55 wanted), per CPU second ${ratio(polls.perCpuSecond / nginxPolls.perCpuSecond)}`,
    `- p99 at half that load: **${half.p99Ms.toFixed(1)} ms** (under 5 wanted; nginx in the same minute ${nginxHalf.p99Ms.toFixed(1)} ms)`,
    `- 100,000 devices known against 1,000: **${ratio(sizeRatio)}** (at least 0.90 wanted)`,
    `- ${seen.length} of the first 1,000 devices had their last contact recorded; memory ${whole(rss)} MB at 10,000 devices, ${whole(rss100k)} MB at 100,000`,
    "",
    `A ${imageBytes / 2 ** 20} MB image (ours with \`Connection: close\` and the check of what the peer has acknowledged; nginx with keep-alive and sendfile):`,
    "",
    "| server | MB/s | MB per server CPU second | failed |",
    "|---|---|---|---|",
    ...imageTables,
    "",
    ...imageRatios.map((line) => `- ${line}`),
    `- memory ${whole(imageRss)} MB`,
  ].join("\n")
}

/** What else ran on the machine: figures from a busy one are to be read with that. */
function others(): string {
  const [, five = 0] = loadavg()
  const own = 2
  return five <= own + 0.5
    ? "The machine was otherwise idle."
    : `The machine was busy with other work (load average ${five.toFixed(1)}, of which this benchmark makes about ${own}): rates and latencies are to be read with that, the ratios less.`
}

function nginxVersion(): string {
  return spawnSync("nginx", ["-v"], { encoding: "utf8" }).stderr.trim().replace("nginx version: ", "")
}

const missing = installMissing([
  { program: "nginx", package: "nginx-light" },
  { program: "wrk", package: "wrk" },
  { program: "taskset", package: "util-linux" },
])
if (missing.length > 0) throw new Error(`this benchmark needs ${missing.map((tool) => tool.program).join(", ")}`)
try {
  const markdown = await measure()
  process.stdout.write(`${markdown}\n`)
  writeSection("http", markdown)
} finally {
  for (const child of children) child.kill("SIGTERM")
  await sleep(300)
  rmSync(scratch, { recursive: true, force: true })
}
