// `npm run bench wire [-- --rounds 40 --slice 1]`: polls for each second of the server's own processor time, with and without taking down
// what devices say. One server is told from slice to slice; each round has both, turn about, and the cost is the median of the rounds'
// ratios. FTP by ftp-load.c and manifests by wrk; the server on the first core and the load on the second. Writes its section of
// docs/benchmarks.md. Needs a C compiler and Debian's wrk.
import { type ChildProcess, execFile, fork, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { installMissing } from "../scripts/debian-tools.js"
import { client } from "../src/cli/api-client.ts"
import { newFolder, root } from "../test/serving.ts"
import { writeSection } from "./write-section.ts"

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "40" }, slice: { type: "string", default: "1" } },
})
const rounds = Number(values.rounds)
/** Whole seconds: wrk knows no others. */
const seconds = Number(values.slice)
const run = promisify(execFile)
const motes = 500
const boards = 500
/** What a mote with nothing to do reads. */
const notice = "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"
const folder = mkdtempSync(join(tmpdir(), "waft-bench-wire-"))
const load = join(folder, "ftp-load")

interface Subject {
  readonly child: ChildProcess
  readonly data: string
  readonly ftp: string
  readonly deviceHttp: string
  readonly accounts: string
  readonly paths: string
}

interface Told {
  readonly url: string
  readonly token: string
  readonly listeners: Readonly<Record<string, string>>
}

/** Processor time of all threads of a process so far, s. */
function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  return tasks.reduce((sum, task) => sum + cpuOf(`/proc/${pid}/task/${task}/schedstat`), 0) / 1e9
}

function cpuOf(file: string): number {
  try {
    return Number(readFileSync(file, "latin1").split(" ")[0])
  } catch {
    // The thread has ended meanwhile.
    return 0
  }
}

async function start(): Promise<Subject> {
  const data = newFolder()
  const child = fork(join(root, "bench", "wire-server.ts"), [data], { execArgv: ["--import", "tsx"] })
  const [{ url, token, listeners }] = (await once(child, "message")) as [Told]
  spawnSync("taskset", ["-a", "-c", "-p", "0", String(child.pid)], { stdio: "ignore" })
  const body = [
    ...Array.from({ length: motes }, (_, i) => ({ id: `mote-${i}`, family: "waspmote", model: "4g" })),
    ...Array.from({ length: boards }, (_, i) => ({ id: `board-${i}`, family: "pic32mzw1", model: "v3.8" })),
  ]
  const added = await client(url, token).call("importDevices", { body })
  const accounts = join(folder, "accounts")
  const paths = join(folder, "paths.lua")
  writeFileSync(accounts, added.map(({ ftp }) => (ftp === undefined ? "" : `${ftp.user} ${ftp.password}\n`)).join(""))
  const urls = added.flatMap(({ manifestUrl }) => (manifestUrl === undefined ? [] : [new URL(manifestUrl).pathname]))
  const requests = urls.map((path) => `wrk.format("GET", ${JSON.stringify(path)})`)
  const script = [
    `at = 0`,
    `function init() requests = { ${requests.join(", ")} } end`,
    `function request() at = at % ${urls.length} + 1; return requests[at] end`,
  ]
  writeFileSync(paths, script.join("\n"))
  const { ftp = "", "device-http": deviceHttp = "" } = listeners
  return { child, data, ftp, deviceHttp, accounts, paths }
}

/** From now on what devices say is taken down, or not. */
async function tell({ child }: Subject, isOn: boolean): Promise<void> {
  child.send(isOn)
  await once(child, "message")
}

async function measured(pid: number, polls: () => Promise<number>): Promise<number> {
  const before = cpuSeconds(pid)
  const count = await polls()
  return count / (cpuSeconds(pid) - before)
}

async function ftpPolls({ ftp, accounts }: Subject): Promise<number> {
  const port = ftp.split(":")[1] ?? ""
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

async function httpPolls({ deviceHttp, paths }: Subject): Promise<number> {
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
    `http://${deviceHttp}`,
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
const subject = await start()
const kinds = { ftp: ftpPolls, http: httpPolls } as const
const names = { ftp: "FTP session that reads the notice", http: "manifest by HTTP" } as const
type Kind = keyof typeof kinds
/** Polls for each second of processor time, a round each. */
const measuredOf: Record<Kind, { readonly on: number[]; readonly off: number[] }> = {
  ftp: { on: [], off: [] },
  http: { on: [], off: [] },
}
try {
  for (let round = -2; round < rounds; round++) {
    for (const kind of ["ftp", "http"] as const) {
      // Whoever begins has it easier or harder: they take turns.
      for (const isOn of round % 2 === 0 ? [true, false] : [false, true]) {
        await tell(subject, isOn)
        const polls = await measured(subject.child.pid ?? 0, () => kinds[kind](subject))
        // The first rounds warm up.
        if (round >= 0) measuredOf[kind][isOn ? "on" : "off"].push(polls)
      }
    }
  }
  const rows = (["ftp", "http"] as const).map((kind) => {
    const { on, off } = measuredOf[kind]
    const costs = on.map((value, i) => (1 - value / (off[i] ?? value)) * 100).toSorted((a, b) => a - b)
    const at = (part: number): string => (costs[Math.floor((costs.length - 1) * part)] ?? 0).toFixed(1)
    return `| ${names[kind]} | ${Math.round(median(off))} | ${Math.round(median(on))} | ${at(0.5)} % | ${at(0.25)} to ${at(0.75)} % |`
  })
  const text = [
    "## The wire",
    "",
    `\`npm run bench wire -- --rounds ${rounds} --slice ${seconds}\`: polls for each second of the server's own processor time, taken down and not. One server is told from slice to slice; the cost is the median of the rounds' ratios, beside the quartiles. The machine's load was ${loadavg()[0]?.toFixed(1)} at the end.`,
    "",
    "| poll | off | on | cost | half of the rounds |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n")
  process.stdout.write(`${text}\n`)
  if (process.env["CI"] === undefined) writeSection("wire", text)
} finally {
  subject.child.disconnect()
  await once(subject.child, "exit")
  rmSync(subject.data, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
}
