// `npm run attack [-- --seconds N] [--rows 1,4,9] [--memory MB] [--no-clock]`: starts a server, runs the attacks of docs/security.md against it one after
// another while honest devices finish their updates, and prints what held and what fell. Ends with 1 when anything fell.
// --no-clock judges no contact by its time, for machines that are busy with other things.
import { execFileSync, fork } from "node:child_process"
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { LyingDate } from "../test/faults/lying-date.testing.ts"
import { greenhouse } from "../test/journeys/mote-server.ts"
import { newFolder, serve, type Serving } from "../test/serving.ts"
import { addHonest, type Fared } from "./honest.ts"
import type { ToHonest } from "./honest-process.ts"
import { machineRows } from "./machine-rows.ts"
import { limitMemory, type MemoryLimit } from "./memory-limit.ts"
import { networkRows } from "./network-rows.ts"
import type { Attack } from "./tools.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "6" },
    rows: { type: "string" },
    memory: { type: "string" },
    "no-clock": { type: "boolean", default: false },
  },
})
const seconds = Number(values.seconds)
const wanted = values.rows?.split(",").map(Number)
const memoryBytes = values.memory === undefined ? null : Number(values.memory) * (1 << 20)

/**
 * Longest that a contact of 99 in 100 may take, ms; on a machine that is busy with other things, three times what it takes
 * without any attack.
 */
const mostContactMs = 1000

const date = hasFaketime() ? new LyingDate(newFolder()) : null
let logged = 0
const small = ["--image-cache-mb", "16", "--upload-limit-mb", "32", "--delta-workers", "0"]
const server = await serve({
  flags: ["--log-level", "info", ...(memoryBytes === null ? [] : small)],
  env: { ...date?.env, ...(memoryBytes === null ? {} : { NODE_OPTIONS: "--max-old-space-size=128" }) },
  onLog: (line) => (logged += line.length + 1),
})
const memory: MemoryLimit | null = memoryBytes === null ? null : limitMemory(server.pid, memoryBytes)
const token = readFileSync(`${server.data}/admin-token`, "utf8").trim()
const honest = fork(new URL("./honest-process.ts", import.meta.url), { execArgv: ["--import", "tsx"] })
const tell = (message: ToHonest): void => void honest.send(message)
tell({ doors: { ftp: server.ftp, deviceHttp: server.deviceHttp }, devices: await addHonest(server) })
const program = greenhouse(1)
let version = 0

/** Publishes the next version of both families and rolls it out to the honest devices. */
async function rollOut({ api }: Serving): Promise<string> {
  version++
  const text = String(version)
  const mote = { family: "waspmote", fileName: "GREENH_", version: text }
  const bundle = { family: "ddi", fileName: "bundle.swu", version: text }
  const releaseIds = [
    (await api.call("publishRelease", { query: mote, body: program })).id,
    (await api.call("publishRelease", { query: bundle, body: Buffer.alloc(200_000, version) })).id,
  ]
  await api.call("startRollout", { body: { releaseIds, group: "id=mote-* or id=gateway-*", takeOver: true } })
  return text
}

/** A date that was thirty days ahead, and a rollout that was started then. */
const aheadOfTime: Attack = {
  row: 12,
  what: "a rollout after the date was thirty days ahead",
  run: () => Promise.resolve(date === null ? "not tried: libfaketime is not installed" : null),
}

/** Lets the honest devices live until they have that version. */
function live(text: string): Promise<Fared> {
  const fared = new Promise<Fared>((resolve) => honest.once("message", (message) => resolve(message as Fared)))
  tell({ version: text, ms: 1000 * seconds, mostMs: 1000 * seconds + 30_000 })
  return fared
}

/** What the server has had of the processor, ms. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  // utime and stime, in ticks of 10 ms.
  return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0))
}

async function tried(
  attack: Attack,
): Promise<{ readonly fell: string | null; readonly fared: Fared; readonly share: number }> {
  if (attack.row === 12 && date !== null) {
    date.set(30)
    await rollOut(server)
    date.set(0)
  }
  const text = await rollOut(server)
  const ending = new AbortController()
  const began = performance.now()
  const processorBefore = processorMs(server.pid)
  const timer = setTimeout(() => ending.abort(), 1000 * seconds)
  const [fell, fared] = await Promise.all([
    attack
      .run({ server, token, loggedBytes: () => logged, signal: ending.signal })
      .catch((error: unknown) => `the attack broke off: ${String(error)}`),
    live(text),
  ])
  clearTimeout(timer)
  const used = isAlive(server.pid) ? processorMs(server.pid) - processorBefore : 0
  return { fell: fell ?? verdictOf(fared), fared, share: used / (performance.now() - began) }
}

function verdictOf({ finished, of, p99 }: Fared): string | null {
  if (finished < of) return `${of - finished} of ${of} devices did not finish`
  if (!values["no-clock"] && p99 >= Math.max(mostContactMs, 3 * quiet.p99))
    return `the devices' p99 contact took ${p99.toFixed(0)} ms`
  const most = memory?.isOnlyWatched === true ? memory.most() : 0
  return memoryBytes !== null && most > memoryBytes ? `${(most / (1 << 20)).toFixed(0)} MB of memory were used` : null
}

function hasFaketime(): boolean {
  try {
    return execFileSync("dpkg", ["-L", "libfaketime"], { encoding: "utf8" }).includes("libfaketime.so.1")
  } catch {
    return false
  }
}

const rows = [...networkRows, ...machineRows, aheadOfTime]
  .toSorted((a, b) => a.row - b.row)
  .filter(({ row }) => wanted === undefined || wanted.includes(row))
if (memory !== null) process.stdout.write(`memory: ${values.memory} MB by ${memory.how}\n`)
const quiet = await live(await rollOut(server))
process.stdout.write(`without an attack: ${quiet.finished} of ${quiet.of} updated, p99 ${quiet.p99.toFixed(0)} ms\n`)
let fallen = 0
for (const attack of rows) {
  const { fell, fared, share } = await tried(attack)
  if (fell !== null) fallen++
  const line = `${String(attack.row).padStart(2)}  ${fell === null ? "held" : "FELL"}  ${attack.what}`
  const others = `${fared.finished} of ${fared.of} updated, ${fared.contacts} contacts, ${fared.failed} failed, p99 ${fared.p99.toFixed(0)} ms; the server had ${(100 * share).toFixed(0)} % of a core`
  process.stdout.write(`${line}\n          ${others}${fell === null ? "" : `\n          ${fell}`}\n`)
  if (!isAlive(server.pid)) {
    process.stdout.write("          the server is gone\n")
    fallen++
    break
  }
}
if (memory !== null && isAlive(server.pid)) {
  process.stdout.write(`most memory of the server: ${(memory.most() / (1 << 20)).toFixed(0)} MB\n`)
}
honest.disconnect()
await server.end("SIGKILL")
memory?.end()
process.stdout.write(fallen === 0 ? `all ${rows.length} held\n` : `${fallen} of ${rows.length} fell\n`)
process.exit(fallen === 0 ? 0 : 1)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
