// `npm run bench wire [-- --rounds 6 --seconds 4]`: polls a second of two servers in the same run, one that takes down what devices
// say and one that does not, turn about; FTP by ftp-load.c and manifests by wrk, the servers on the first core and the load on the
// second. Writes its section of docs/benchmarks.md. Needs a C compiler and Debian's wrk.
import { execFile, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { installMissing } from "../scripts/debian-tools.js"
import { root, serve, type Serving } from "../test/serving.ts"
import { writeSection } from "./write-section.ts"

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "6" }, seconds: { type: "string", default: "4" } },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const run = promisify(execFile)
const motes = 500
const boards = 500
/** What a mote with nothing to do reads. */
const notice = "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"
const folder = mkdtempSync(join(tmpdir(), "waft-bench-wire-"))
const load = join(folder, "ftp-load")

interface Subject {
  readonly server: Serving
  readonly accounts: string
  readonly paths: string
  /** Polls for each second of the server's own processor time, a round each. */
  readonly ftp: number[]
  readonly http: number[]
}

/** Processor time of a process so far, s. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function start(wire: "on" | "off"): Promise<Subject> {
  const server = await serve({ core: 0, flags: ["--wire", wire] })
  const body = [
    ...Array.from({ length: motes }, (_, i) => ({ id: `mote-${i}`, family: "waspmote", model: "4g" })),
    ...Array.from({ length: boards }, (_, i) => ({ id: `board-${i}`, family: "pic32mzw1", model: "v3.8" })),
  ]
  const added = await server.api.call("importDevices", { body })
  const accounts = join(folder, `accounts-${wire}`)
  const paths = join(folder, `paths-${wire}.lua`)
  writeFileSync(accounts, added.map(({ ftp }) => (ftp === undefined ? "" : `${ftp.user} ${ftp.password}\n`)).join(""))
  const urls = added.flatMap(({ manifestUrl }) => (manifestUrl === undefined ? [] : [new URL(manifestUrl).pathname]))
  const requests = urls.map((path) => `wrk.format("GET", ${JSON.stringify(path)})`)
  const script = [
    `at = 0`,
    `function init() requests = { ${requests.join(", ")} } end`,
    `function request() at = at % ${urls.length} + 1; return requests[at] end`,
  ]
  writeFileSync(paths, script.join("\n"))
  return { server, accounts, paths, ftp: [], http: [] }
}

async function measured(pid: number, polls: () => Promise<number>): Promise<number> {
  const before = cpuSeconds(pid)
  const count = await polls()
  return count / (cpuSeconds(pid) - before)
}

async function ftpPolls({ server, accounts }: Subject): Promise<number> {
  const port = server.ftp.split(":")[1] ?? ""
  const args = [
    "-c",
    "1",
    load,
    "poll",
    "127.0.0.1",
    port,
    accounts,
    "UPGRADE.TXT",
    String(notice.length),
    "32",
    String(seconds),
  ]
  const { completed, failed } = JSON.parse((await run("taskset", args)).stdout) as { completed: number; failed: number }
  if (failed > 0) throw new Error(`${failed} polls failed`)
  return completed
}

async function httpPolls({ server, paths }: Subject): Promise<number> {
  const args = [
    "-c",
    "1",
    "wrk",
    "-t1",
    "-c100",
    `-d${seconds}s`,
    "--timeout",
    "60s",
    "-s",
    paths,
    `http://${server.deviceHttp}`,
  ]
  const { stdout } = await run("taskset", args)
  const count = Number(/(\d+) requests in/.exec(stdout)?.[1])
  if (!(count > 0) || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk said: ${stdout}`)
  return count
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0

installMissing([{ program: "wrk", package: "wrk" }])
if (spawnSync("cc", ["-O2", "-o", load, join(root, "bench", "ftp-load.c")], { stdio: "inherit" }).status !== 0) {
  throw new Error("ftp-load.c was not compiled: a C compiler is needed (Debian: gcc libc6-dev)")
}
const [on, off] = [await start("on"), await start("off")]
try {
  for (let round = -1; round < rounds; round++) {
    // Whoever begins has it easier or harder: they take turns.
    for (const subject of round % 2 === 0 ? [on, off] : [off, on]) {
      const { pid } = subject.server
      const ftp = await measured(pid, () => ftpPolls(subject))
      const http = await measured(pid, () => httpPolls(subject))
      // The first round warms up.
      if (round < 0) continue
      subject.ftp.push(ftp)
      subject.http.push(http)
    }
  }
  const rows = (["ftp", "http"] as const).map((kind) => {
    const [with_, without] = [median(on[kind]), median(off[kind])]
    const pairs = on[kind].map((value, i) => value / (off[kind][i] ?? value))
    const cost = (1 - median(pairs)) * 100
    const name = kind === "ftp" ? "FTP session that reads the notice" : "manifest by HTTP"
    return `| ${name} | ${Math.round(without)} | ${Math.round(with_)} | ${cost.toFixed(1)} % |`
  })
  const text = [
    "## The wire",
    "",
    `\`npm run bench wire -- --rounds ${rounds} --seconds ${seconds}\`: polls for each second of the server's own processor time, taken down and not, turn about in the same run; medians, and the cost as the median of the rounds' ratios. The machine's load was ${loadavg()[0]?.toFixed(1)} at the end.`,
    "",
    "| poll | off | on | cost |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n")
  process.stdout.write(`${text}\n`)
  if (process.env["CI"] === undefined) writeSection("wire", text)
} finally {
  await on.server.end("SIGKILL")
  await off.server.end("SIGKILL")
  for (const { server } of [on, off]) rmSync(server.data, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
}
