// `npm run bench ftp [--reps N] [--no-memory] [--no-write]`: our FTP server against those of Debian. Each server runs on
// the first core and the load (ftp-load.c) on the second; short runs of all servers take turns, and medians are kept.
import { execFile, spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { cpus, loadavg, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { fileURLToPath } from "node:url"
import { cpuSeconds, freePort, memoryMb, otherDaemons, ourVersion, type Running, start } from "./ftp-daemons.ts"
import { writeSection } from "./write-section.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const run = promisify(execFile)
const { values: options } = parseArgs({
  options: {
    reps: { type: "string", default: "5" },
    "no-memory": { type: "boolean", default: false },
    "no-write": { type: "boolean", default: false },
  },
})
const reps = Number(options.reps)
const notice = "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"
const bigBytes = 10 * 1024 * 1024
const idleSessions = 2000
const slowSessions = 4000
const ours = `Waft ${ourVersion}`

const folder = mkdtempSync(join(tmpdir(), "waft-bench-"))
chmodSync(folder, 0o755)
const files = join(folder, "files")
const load = join(folder, "ftp-load")

interface LoadResult {
  readonly completed: number
  readonly failed: number
  readonly bytes: number
  readonly seconds: number
  readonly failure: string
}

interface Measured {
  /** Sessions or megabytes a second of wall time, and of the server's CPU time. */
  readonly wall: number[]
  readonly cpu: number[]
}

const failures = new Map<string, number>()
const why = new Map<string, string>()

function countFailures(name: string, result: { readonly failed: number; readonly failure?: string }): void {
  failures.set(name, (failures.get(name) ?? 0) + result.failed)
  if (result.failed > 0) why.set(name, result.failure ?? "")
}

function prepare(): void {
  mkdirSync(files)
  writeFileSync(join(files, "UPGRADE.TXT"), notice)
  writeFileSync(join(files, "BIG"), randomBytes(bigBytes))
  const built = spawnSync("cc", ["-O2", "-o", load, join(root, "bench", "ftp-load.c")], { stdio: "inherit" })
  if (built.status !== 0) throw new Error("ftp-load.c was not compiled: a C compiler is needed (Debian: gcc libc6-dev)")
}

function accountsFile(name: string, text: string): string {
  const file = join(folder, `accounts-${name}`)
  writeFileSync(file, text)
  return file
}

/** The real `waft serve` with its database and one virtual login for each session that is held at once. */
async function startWaft(): Promise<Running> {
  const data = join(folder, "waft")
  const [http, deviceHttp, ftp] = [await freePort(), await freePort(), await freePort()]
  const listeners = ["--http", `127.0.0.1:${http}`, "--device-http", `127.0.0.1:${deviceHttp}`]
  const serve = ["serve", "--data", data, ...listeners, "--ftp", `127.0.0.1:${ftp}`, "--log-level", "error"]
  const waft = join(root, "bin", "waft.js")
  const running = await start([process.execPath, waft, ...serve], {
    name: ours,
    port: ftp,
    accounts: "",
    saysReady: true,
  })
  const csv = Array.from({ length: idleSessions }, (_, i) => `mote-${i},waspmote,4g`).join("\n")
  writeFileSync(join(folder, "devices.csv"), `id,family,model\n${csv}\n`)
  const importing = [waft, "device", "import", join(folder, "devices.csv"), "--data", data, "--json"]
  const { stdout } = await run(process.execPath, importing, { maxBuffer: 64 * 1024 * 1024 })
  const devices = JSON.parse(stdout) as readonly {
    readonly ftp: { readonly user: string; readonly password: string }
  }[]
  const accounts = devices.map(({ ftp }) => `${ftp.user} ${ftp.password}\n`).join("")
  return { ...running, accounts: accountsFile("waft", accounts) }
}

async function startFleetServer(): Promise<Running> {
  const port = await freePort()
  const script = join(root, "bench", "ftp-fleet-server.ts")
  const command = [process.execPath, "--import", "tsx", script, join(folder, "fleet"), join(files, "BIG"), String(port)]
  return start(command, { name: ours, port, accounts: accountsFile("fleet", "mote etom\n"), saysReady: true })
}

async function startOthers(): Promise<
  { readonly running: Running; readonly version: string; readonly forks: boolean }[]
> {
  const started = []
  for (const daemon of otherDaemons()) {
    const port = await freePort()
    const own = join(folder, daemon.name)
    mkdirSync(own)
    const name = daemon.name
    const accounts = accountsFile(name, daemon.accounts)
    const running = await start(daemon.command({ files, folder: own, port }), {
      name,
      port,
      accounts,
      saysReady: false,
    })
    started.push({ running, version: daemon.version, forks: daemon.forks })
  }
  return started
}

async function poll(
  server: Running,
  file: string,
  size: number,
  clients: number,
  seconds: number,
): Promise<LoadResult> {
  const args = [
    "poll",
    "127.0.0.1",
    String(server.port),
    server.accounts,
    file,
    String(size),
    String(clients),
    String(seconds),
  ]
  const { stdout } = await run("taskset", ["-c", "1", load, ...args])
  const result = JSON.parse(stdout) as LoadResult
  countFailures(server.name, result)
  return result
}

/** So many sessions, or seconds, before anything counts: a just-in-time compiler has seen everything then. */
const warmUp = { sessions: 6000, seconds: 12 }

async function warm(server: Running, file: string, size: number): Promise<void> {
  const until = Date.now() + warmUp.seconds * 1000
  const enough = file === "BIG" ? warmUp.sessions / 10 : warmUp.sessions
  for (let sessions = 0; sessions < enough && Date.now() < until; ) {
    sessions += (await poll(server, file, size, 20, 1)).completed
  }
}

/** Lets the servers take turns; the first round is not counted. */
async function compare(
  title: string,
  servers: readonly Running[],
  task: { readonly file: string; readonly size: number; readonly clients: number; readonly seconds: number },
): Promise<ReadonlyMap<string, Measured>> {
  const amount = (result: LoadResult): number => (task.file === "BIG" ? result.bytes / 1e6 : result.completed)
  const measured = new Map<string, Measured>()
  for (let round = 0; round <= reps; round++) {
    for (const server of servers) {
      const before = cpuSeconds(server.pid)
      const result = await poll(server, task.file, task.size, task.clients, task.seconds)
      const cpu = cpuSeconds(server.pid) - before
      const rows = measured.get(server.name) ?? { wall: [], cpu: [] }
      measured.set(server.name, rows)
      if (round === 0) continue
      rows.wall.push(amount(result) / result.seconds)
      rows.cpu.push(amount(result) / Math.max(cpu, 0.01))
    }
  }
  for (const [name, { wall, cpu }] of measured) {
    process.stdout.write(`${title}: ${name} ${median(wall).toFixed(0)} (${median(cpu).toFixed(0)} per CPU second)\n`)
  }
  return measured
}

/** Memory above the idle server while sessions are held, MB; `null` when they could not all be had. */
async function hold(server: Running, mode: readonly string[], sessions: number): Promise<number | null> {
  await poll(server, mode[1] ?? "UPGRADE.TXT", mode[1] === undefined ? notice.length : bigBytes, 1, 0.2)
  await pause(1000)
  const before = memoryMb(server.pid)
  const args = [
    mode[0] ?? "",
    "127.0.0.1",
    String(server.port),
    server.accounts,
    ...mode.slice(1),
    String(sessions),
    "12",
  ]
  const child = spawn("taskset", ["-c", "1", load, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  let said = ""
  let peak: number | null = null
  const ended = new Promise((resolve) => child.once("close", resolve))
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString()
  })
  while (child.exitCode === null) {
    await Promise.race([ended, pause(2000)])
    if (said.includes("ready") && child.exitCode === null) peak = Math.max(peak ?? 0, memoryMb(server.pid) - before)
  }
  const last = JSON.parse(said.trim().split("\n").at(-1) ?? "{}") as {
    failed?: number
    held?: number
    failure?: string
  }
  countFailures(server.name, { failed: last.failed ?? sessions, failure: last.failure ?? "" })
  process.stdout.write(
    `${mode.join(" ")} ${sessions}: ${server.name} ${peak?.toFixed(1) ?? "?"} MB, ${last.failed ?? "?"} failed\n`,
  )
  return (last.failed ?? sessions) === 0 ? peak : null
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** Ours over the best of the others, median of the rounds, since what disturbs a round disturbs all in it. */
function ratio(measured: ReadonlyMap<string, Measured>, of: keyof Measured): string {
  const own = measured.get(ours)?.[of] ?? []
  const others = [...measured].filter(([name]) => name !== ours).map(([, rows]) => rows[of])
  if (others.length === 0) return "-"
  return median(own.map((value, round) => value / Math.max(...others.map((rows) => rows[round] ?? 0)))).toFixed(2)
}

interface Row {
  readonly title: string
  readonly cells: ReadonlyMap<string, string>
  readonly against: string
}

function speedRow(title: string, measured: ReadonlyMap<string, Measured>): Row {
  const cells = new Map(
    [...measured].map(([name, { wall, cpu }]) => [name, `${median(wall).toFixed(0)} (${median(cpu).toFixed(0)})`]),
  )
  return { title, cells, against: `${ratio(measured, "wall")} (${ratio(measured, "cpu")})` }
}

function table(rows: readonly Row[], names: readonly string[]): string {
  const head = ["", ...names, "ours / best other"]
  const lines = rows.map(({ title, cells, against }) => [
    title,
    ...names.map((name) => cells.get(name) ?? "-"),
    against,
  ])
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

function section(rows: readonly Row[], names: readonly string[], loadBefore: number): string {
  const cpu = cpus()[0]?.model ?? "unknown CPU"
  const machine = `${cpus().length} x ${cpu}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, Linux`
  const notes = [...why].map(([name, failure]) => `\nWhat failed last at ${name}: ${failure}.`).join("")
  return `## FTP

\`npm run bench ftp\` on ${new Date().toISOString().slice(0, 10)}; ${machine}; load average at the start ${loadBefore.toFixed(1)}.
Loopback, server pinned to the first core, load to the second (\`bench/ftp-load.c\`); ${reps} rounds in which the servers take
turns, medians, after a warm-up of up to ${warmUp.seconds} s each; in brackets the same per second of the server's CPU time, which other work on the machine disturbs less.
A poll is a whole session: connect, login, TYPE, PASV, RETR UPGRADE.TXT, QUIT. Polls and idle sessions are served by
\`waft serve\` with its database and ${idleSessions} devices; the 10 MB image, which no family would accept today, by the same FTP
server, gateway and image cache through a channel (\`bench/ftp-fleet-server.ts\`). The others serve static files.
Memory is what the server and its children use above the idle server (PSS); "-" was not measured.

${table(rows, names)}
${notes}`
}

async function main(): Promise<void> {
  const loadBefore = loadavg()[0] ?? 0
  prepare()
  const started: Running[] = []
  try {
    const others = await startOthers()
    started.push(...others.map(({ running }) => running))
    const fleetServer = await startFleetServer()
    started.push(fleetServer)
    const waft = await startWaft()
    started.push(waft)
    const everyone = [waft, ...others.map(({ running }) => running)]
    const downloaders = [fleetServer, ...others.map(({ running }) => running)]
    const rows: Row[] = []
    for (const server of downloaders) await warm(server, "BIG", bigBytes)
    // Downloads first: tens of thousands of polls leave as many connections in TIME-WAIT behind.
    for (const clients of [50, 500]) {
      const task = { file: "BIG", size: bigBytes, clients, seconds: 3 }
      rows.push(
        speedRow(`10 MB downloads, ${clients} clients, MB/s`, await compare(`10 MB, ${clients}`, downloaders, task)),
      )
    }
    for (const server of everyone) await warm(server, "UPGRADE.TXT", notice.length)
    for (const clients of [20, 200]) {
      const task = { file: "UPGRADE.TXT", size: notice.length, clients, seconds: 1.5 }
      rows.push(
        speedRow(`whole polls, ${clients} clients, per second`, await compare(`polls, ${clients}`, everyone, task)),
      )
    }
    if (!options["no-memory"]) rows.push(...(await memoryRows({ waft, fleetServer, others })))
    const failed = new Map([...failures].map(([name, count]) => [name, String(count)]))
    rows.push({ title: "failed sessions, all runs", cells: failed, against: "" })
    const names = everyone.map(({ name }) => name)
    const text = section(rows, names, loadBefore)
    process.stdout.write(`\n${text}\n`)
    if (!options["no-write"]) writeSection("ftp", text)
  } finally {
    for (const server of started) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Everyone {
  readonly waft: Running
  readonly fleetServer: Running
  readonly others: readonly { readonly running: Running; readonly forks: boolean }[]
}

async function memoryRows({ waft, fleetServer, others }: Everyone): Promise<readonly Row[]> {
  const idle = new Map<string, string>()
  const slow = new Map<string, string>()
  const note = (cells: Map<string, string>, name: string, mb: number | null): void => {
    cells.set(name, mb === null ? "failed" : mb.toFixed(0))
  }
  note(idle, ours, await hold(waft, ["hold"], idleSessions))
  note(slow, ours, await hold(fleetServer, ["slow", "BIG"], slowSessions))
  for (const { running, forks } of others) {
    note(idle, running.name, await hold(running, ["hold"], idleSessions))
    if (!forks) note(slow, running.name, await hold(running, ["slow", "BIG"], slowSessions))
  }
  return [
    { title: `${idleSessions} idle sessions, MB`, cells: idle, against: "" },
    { title: `${slowSessions} readers at 8 kB/s, MB`, cells: slow, against: "" },
  ]
}

await main()
