// `npm run bench ddi`: polls of many DDI targets beside polls of as many boards with manifests, on one server and in turn; and a
// 10 MB artifact beside nginx. wrk is the client, one core for the servers and the other for wrk. Writes its section of
// docs/benchmarks.md. Needs Debian's nginx-light and wrk, and two cores.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { installMissing } from "../scripts/debian-tools.js"
import { serve, type Serving } from "../test/serving.ts"
import { writeSection } from "./write-section.ts"

const count = Number(process.env["COUNT"] ?? 100_000)
const rounds = Number(process.env["ROUNDS"] ?? 3)
const seconds = Number(process.env["SECONDS"] ?? 4)
const imageBytes = 10 * 1024 * 1024
/** `http.transfers-per-login`. */
const transfersAtOnce = 8
const scratch = mkdtempSync(join(tmpdir(), "waft-bench-ddi-"))
// nginx's worker is another user when this runs as root.
chmodSync(scratch, 0o755)
const children: ChildProcess[] = []

interface Wanted {
  readonly path: string
  readonly authorization: string
}

interface Load {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly failed: number
}

/** Processor time of a process so far, s. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Runs wrk over these requests in turn. */
async function wrk(pid: number, origin: string, wanted: readonly Wanted[], clients = 100): Promise<Load> {
  const list = join(scratch, "requests.txt")
  writeFileSync(list, wanted.map(({ path, authorization }) => `${path} ${authorization}`).join("\n"))
  const script = join(scratch, "load.lua")
  writeFileSync(
    script,
    `requests = {}; count = 0; at = 0
function init() for line in io.lines(${JSON.stringify(list)}) do count = count + 1
  local path, token = line:match("^(%S+) (.*)$")
  requests[count] = wrk.format("GET", path, token ~= "" and { Authorization = token } or {}) end end
function request() at = at % count + 1; return requests[at] end
function done(summary) io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration,
  summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout)) end`,
  )
  const before = cpuSeconds(pid)
  const args = ["-c", "1", "wrk", "-t1", `-c${clients}`, `-d${seconds}s`, "--timeout", "60s", "-s", script, origin]
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")))
  await new Promise((resolve) => child.once("exit", resolve))
  const cpu = cpuSeconds(pid) - before
  const [requests = 0, duration = 0, failed = 0] = (/RESULT (\d+) (\d+) (\d+)/.exec(text) ?? []).slice(1).map(Number)
  if (duration === 0) throw new Error(`wrk said: ${text}`)
  return { perSecond: requests / (duration / 1e6), perCpuSecond: requests / cpu, failed }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** nginx as Debian ships it, one worker, without a log. */
async function startNginx(image: Uint8Array): Promise<{ readonly origin: string; readonly pid: number }> {
  const port = await freePort()
  const html = join(scratch, "html")
  mkdirSync(html)
  writeFileSync(join(html, "big.bin"), image)
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  const temporary = folders.map((name) => `${name}_temp_path ${join(scratch, name)};`).join(" ")
  const config = join(scratch, "nginx.conf")
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${join(scratch, "nginx.pid")}; error_log ${join(scratch, "nginx.log")};
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; ${temporary} server { listen 127.0.0.1:${port}; root ${html}; } }\n`,
  )
  const child = spawn("taskset", ["-c", "0", "nginx", "-p", scratch, "-c", config], { stdio: "ignore" })
  children.push(child)
  const origin = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(`${origin}/big.bin`, { method: "HEAD" }).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await sleep(50)
  }
  return { origin, pid: Number(execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }).trim()) }
}

/** Adds that many devices of a family, and gives each one's poll. */
async function addFleet({ api }: Serving, family: string, model: string): Promise<readonly Wanted[]> {
  const polls: Wanted[] = []
  for (let first = 0; first < count; first += 1000) {
    const body = Array.from({ length: Math.min(1000, count - first) }, (_, i) => ({
      id: `${family}-${first + i}`,
      family,
      model,
    }))
    const added: readonly object[] = await api.call("importDevices", { body })
    for (const one of added) {
      const { ddi, manifestUrl = "" } = one as { ddi?: { url: string; token: string }; manifestUrl?: string }
      const url = ddi?.url ?? manifestUrl
      polls.push({ path: new URL(url).pathname, authorization: ddi === undefined ? "" : `TargetToken ${ddi.token}` })
    }
  }
  return polls
}

/** A device that is offered the artifact, and where that is. */
async function offerArtifact({ api, deviceHttp }: Serving, image: Uint8Array): Promise<Wanted> {
  const access: object = await api.call("addDevice", { body: { id: "big", family: "ddi", model: "other" } })
  const { url, token } = (access as { ddi: { url: string; token: string } }).ddi
  const query = { family: "ddi", fileName: "big.bin", version: "1" }
  const { id } = await api.call("publishRelease", { query, body: image })
  await api.call("startRollout", { body: { releaseIds: [id], group: "id=big" } })
  const headers = { Authorization: `TargetToken ${token}` }
  const origin = `http://${deviceHttp}`
  const root = await fetch(`${origin}${new URL(url).pathname}`, { headers }).then((answer) => answer.text())
  const { pathname, search } = new URL(/"deploymentBase":\{"href":"([^"]+)"/.exec(root)?.[1] ?? "")
  const deployment = await fetch(`${origin}${pathname}${search}`, { headers }).then((answer) => answer.text())
  const artifact = /"download-http":\{"href":"([^"]+)"/.exec(deployment)?.[1] ?? ""
  return { path: new URL(artifact).pathname, authorization: headers.Authorization }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function main(): Promise<void> {
  const missing = installMissing([
    { program: "wrk", package: "wrk" },
    { program: "nginx", package: "nginx-light" },
  ])
  if (missing.length > 0) throw new Error(`missing: ${missing.map(({ program }) => program).join(", ")}`)
  const image = new Uint8Array(imageBytes).fill(0x5a)
  const server = await serve({ data: join(scratch, "data"), core: 0 })
  try {
    const origin = `http://${server.deviceHttp}`
    const [boards, targets] = [await addFleet(server, "pic32mzw1", "v3.8"), await addFleet(server, "ddi", "swupdate")]
    const artifact = await offerArtifact(server, image)
    const nginx = await startNginx(image)
    const manifest: Load[] = []
    const ddi: Load[] = []
    const ours: Load[] = []
    const theirs: Load[] = []
    // The first pass fills what is answered from memory.
    for (const polls of [boards, targets]) await wrk(server.pid, origin, polls)
    for (let round = 0; round < rounds; round++) {
      manifest.push(await wrk(server.pid, origin, boards))
      ddi.push(await wrk(server.pid, origin, targets))
      ours.push(await wrk(server.pid, origin, [artifact], transfersAtOnce))
      theirs.push(await wrk(nginx.pid, nginx.origin, [{ path: "/big.bin", authorization: "" }], transfersAtOnce))
    }
    const of = (loads: readonly Load[], key: keyof Load): number => median(loads.map((load) => load[key]))
    const ratio = (one: readonly Load[], other: readonly Load[], key: keyof Load): string =>
      median(one.map((load, i) => load[key] / (other[i]?.[key] ?? 1))).toFixed(2)
    const row = (name: string, loads: readonly Load[]): string =>
      `| ${name} | ${of(loads, "perSecond").toFixed(0)} | ${of(loads, "perCpuSecond").toFixed(0)} | ${of(loads, "failed")} |`
    const page = [
      "## DDI (`npm run bench ddi`)",
      "",
      `Median of ${rounds} rounds of ${seconds} s each, in turn; ${count} targets and ${count} boards on one server, nothing offered to them; ${transfersAtOnce} connections for the artifact of 10 MB, as many as one device may have. Load average ${(loadavg()[0] ?? 0).toFixed(1)} at the end: where others use the machine, the ratio by processor time counts.`,
      "",
      "| | requests/s | requests per CPU second of the server | failed |",
      "|---|---|---|---|",
      row("manifest polls of boards", manifest),
      row("DDI polls", ddi),
      row("artifact, DDI", ours),
      row("artifact, nginx", theirs),
      "",
      `- DDI polls against manifest polls: ${ratio(ddi, manifest, "perSecond")} by time, ${ratio(ddi, manifest, "perCpuSecond")} by processor time`,
      `- artifacts against nginx: ${ratio(ours, theirs, "perSecond")} by time, ${ratio(ours, theirs, "perCpuSecond")} by processor time`,
    ].join("\n")
    writeSection("ddi", page)
    process.stdout.write(`${page}\n`)
  } finally {
    for (const child of children) child.kill("SIGTERM")
    await server.end("SIGTERM")
    rmSync(scratch, { recursive: true, force: true })
  }
}

await main()
