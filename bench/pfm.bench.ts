// `npm run bench pfm [-- --known 100000 --active 1000 --rate 200]`: conversations of Telit modules by SMS. The server is pinned to
// one core and bound by SMPP to an SMS centre in this process, which plays the modules. Writes its section of docs/benchmarks.md.
import { spawnSync } from "node:child_process"
import { setMaxListeners } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { cpus, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { waftCodec } from "../src/core/families/telit/codec/pfm-codec.ts"
import { type PfmKeys, pfmKeys } from "../src/core/families/telit/codec/pfm-keys.ts"
import type { PfmFromModule, PfmFromServer } from "../src/core/families/telit/codec/pfm-table.ts"
import { octetsOfSms } from "../src/core/families/telit/codec/pfm-carriers.ts"
import { familyById } from "../src/core/families/index.ts"
import { nodeClock } from "../src/virtual/node-clock.ts"
import { calmConditions } from "../src/virtual/sms/conditions.ts"
import { SmppCentre } from "../src/virtual/sms/smpp-centre.ts"
import { SmsNetwork } from "../src/virtual/sms/sms-network.ts"
import { serve, type Serving } from "../test/serving.ts"
import { smppFlags } from "../test/telit-fleet.ts"
import { writeSection } from "./write-section.ts"

const { values } = parseArgs({
  options: {
    known: { type: "string", default: "100000" },
    active: { type: "string", default: "1000" },
    rate: { type: "string", default: "200" },
  },
})
const known = Number(values.known)
const active = Number(values.active)
/** Short messages a second, both ways together. */
const rate = Number(values.rate)
const serverNumber = "+390000000000"
const [from, to] = ["13.00.003", "13.00.004"]
const model = "GE910"
const patienceMs = 4 * 60_000
/** Modules beside the active ones whose conversations come first and are not measured: a server that has just started is slower. */
const warmUp = 200

/** One module that takes part; the others are only known. */
interface Module {
  readonly imei: string
  readonly number: string
  readonly imsi: string
  readonly keys: PfmKeys
  /** When its last message was handed to the network; null = the server has answered. */
  sentAtMs: number | null
}

/** How long the server took from a module's message to its own next one, ms. */
const reactions: number[] = []
/** Module messages that wait for their turn. */
const outbox: { readonly module: Module; readonly message: PfmFromModule; readonly isAnswered: boolean }[] = []

const off = new AbortController()
setMaxListeners(0, off.signal)
const scratch = mkdtempSync(join(tmpdir(), "waft-bench-pfm-"))
const servers: Serving[] = []
const network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
const account = { systemId: "waft", password: "rehearse", number: serverNumber }
const centre = await SmppCentre.start({
  listen: { host: "127.0.0.1", port: 0 },
  network,
  clock: nodeClock,
  accounts: [account],
})
async function bench(): Promise<void> {
  const data = join(scratch, "data")
  const flags = [...smppFlags(`smpp://waft@127.0.0.1:${centre.port}`, account.password), "--sms-number", serverNumber]
  const first = await start(data, flags)
  const addedFrom = performance.now()
  const modules = await addModules(first)
  const addedMs = performance.now() - addedFrom
  await publish(first)
  await first.end("SIGTERM")
  const server = await start(data, flags)
  const idle = residentMegabytes(server, "VmRSS")
  // The server has bound, and what starting left behind is done.
  await sleep(10_000)
  lastSentMs = performance.now()
  const pace = setInterval(sendDue, 10)
  const [warming, measured] = [modules.slice(active), modules.slice(0, active)]
  await registerAll(warming)
  await rollOut(server, warming, "warm-up")
  const before = { ...schedule(server), at: performance.now(), messages: network.totals.messages }
  const registration = await registerAll(measured)
  const rollout = await rollOut(server, measured, "active")
  clearInterval(pace)
  const after = schedule(server)
  const seconds = (performance.now() - before.at) / 1000
  const messages = network.totals.messages - before.messages
  const share = (ns: number): string => `${((ns / 1e9 / seconds) * 100).toFixed(0)} %`
  const row = (what: string, is: string, asked = ""): string => `| ${what} | ${is} | ${asked} |`
  const text = [
    "## Conversations by SMS",
    "",
    `\`npm run bench pfm\`: ${known} modules known, ${active} of them in conversation, ${rate} SMS a second through SMPP at most, the server on one core of ${cpus()[0]?.model ?? "?"}, Node ${process.version}; after a warm-up by ${warmUp} other modules. The modules and their SMS centre run in one process on another core.`,
    "",
    "| what | measured | asked |",
    "|---|---|---|",
    row(`registration to its Ack, ${active} modules`, latencyWords(registration), "p99 < 50 ms"),
    row(`a module's message to the server's next, rollout to ${active}`, latencyWords(rollout), "p99 < 50 ms"),
    row("SMS both ways", `${messages} in ${seconds.toFixed(0)} s, ${(messages / seconds).toFixed(0)} a second`),
    row("the server's use of its core meanwhile", share(after.ranNs - before.ranNs)),
    row("its threads waited for that core, which others use too", share(after.waitedNs - before.waitedNs)),
    row(`server, ${known} modules known, nothing said`, `${idle.toFixed(0)} MB`),
    row("server at most", `${residentMegabytes(server, "VmHWM").toFixed(0)} MB`, "< 400 MB"),
    row(`entering ${known} modules by the API`, `${(addedMs / 1000).toFixed(0)} s`),
    "",
    `Load average at the end: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(", ")}.`,
  ].join("\n")
  process.stdout.write(`${text}\n`)
  if (process.env["CI"] === undefined) writeSection("pfm", text)
}

async function start(data: string, flags: readonly string[]): Promise<Serving> {
  const server = await serve({ data, flags, core: 0 })
  servers.push(server)
  return server
}

const imeiOf = (n: number): string => `35${String(n).padStart(13, "0")}`
const numberOf = (n: number): string => `+39${String(n).padStart(9, "0")}`

async function addModules({ api }: Serving): Promise<readonly Module[]> {
  const modules: Module[] = []
  const atOnce = 5000
  for (let first = 1; first <= known; first += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, known - first + 1) }, (_, i) => first + i)
    const body = numbers.map((n) => ({
      id: imeiOf(n),
      family: "telit",
      model,
      ...(n > active + warmUp ? {} : { labels: { bench: n <= active ? "active" : "warm-up" } }),
      options: { number: numberOf(n), variant: "sms", mode: "automatic", apn: "internet" },
    }))
    for (const [i, { id, agent }] of (await api.call("importDevices", { body })).entries()) {
      const n = first + i
      if (n > active + warmUp) continue
      const keys = pfmKeys(agent?.token.split(".")[1] ?? "", id)
      const module: Module = {
        imei: id,
        number: numberOf(n),
        imsi: `00101${String(n).padStart(10, "0")}`,
        keys,
        sentAtMs: null,
      }
      network.attach(module.number, ({ userData }) => Promise.resolve(hear(module, userData.data)))
      modules.push(module)
    }
  }
  return modules
}

async function publish({ api }: Serving): Promise<void> {
  const made = familyById("telit")?.imageTool?.invent?.({ model, version: to, from })
  if (made?.ok !== true) throw new Error("no package can be made")
  const query = {
    family: "telit",
    fileName: "bench.bin",
    version: to,
    models: model,
    options: JSON.stringify({ from }),
  }
  await api.call("publishRelease", { query, body: made.bytes })
}

/** A module hears the server: notes how long that took, and has its answer sent in its turn. */
function hear(module: Module, data: Uint8Array): boolean {
  if (module.sentAtMs !== null) {
    reactions.push(performance.now() - module.sentAtMs)
    module.sentAtMs = null
  }
  const octets = octetsOfSms(data)
  if (octets === null) throw new Error("the server sent what is no message")
  for (const [message, isAnswered] of answersTo(module, waftCodec.decode(octets, module.keys) as PfmFromServer)) {
    outbox.push({ module, message, isAnswered })
  }
  return true
}

function identityOf({ imsi, number }: Module, firmware: string) {
  return { number: number.slice(1), imsi, plmn: "00101", model, firmware, apn: "internet", variant: "sms" } as const
}

/** What a module says to each message of the server, and whether the server is to answer that at once. */
function answersTo(module: Module, said: PfmFromServer): readonly (readonly [PfmFromModule, boolean])[] {
  const { imei, imsi } = module
  const { transaction } = said
  if (said.name === "query") return [[{ name: "notified", imei, transaction, fields: identityOf(module, from) }, false]]
  if (said.name === "provisioning") return [[{ name: "provisioningAck", imei, transaction, fields: {} }, true]]
  if (said.name !== "command") return []
  return [
    [{ name: "commandAck", imei, transaction, fields: { answer: "accepted", imsi, firmware: from } }, false],
    [{ name: "commandProgress", imei, transaction, fields: {} }, false],
    [{ name: "commandFinal", imei, transaction, fields: { result: "updated", imsi, firmware: to } }, false],
  ]
}

let lastSentMs = performance.now()

/** Sends what is due: half of the rate is the modules', since nearly every message has its counterpart. */
function sendDue(): void {
  const due = Math.floor(((performance.now() - lastSentMs) / 1000) * (rate / 2))
  if (due < 1) return
  lastSentMs += (due / (rate / 2)) * 1000
  for (const { module, message, isAnswered } of outbox.splice(0, due)) {
    if (isAnswered) module.sentAtMs = performance.now()
    const data = waftCodec.encode(message, module.keys)
    network.accept({
      from: module.number,
      to: serverNumber,
      coding: 0xf4,
      userData: { header: null, data },
      validityMinutes: 60,
    })
  }
}

async function registerAll(modules: readonly Module[]): Promise<readonly number[]> {
  for (const module of modules) {
    const message = {
      name: "remoteRegistration",
      imei: module.imei,
      transaction: 1,
      fields: identityOf(module, from),
    } as const
    outbox.push({ module, message, isAnswered: true })
  }
  await until("every registration is acknowledged", () => Promise.resolve(reactions.length >= modules.length))
  return reactions.splice(0)
}

async function rollOut({ api }: Serving, modules: readonly Module[], label: string): Promise<readonly number[]> {
  const [release] = await api.list("listReleases", {})
  const { id } = await api.call("startRollout", { body: { releaseIds: [release?.id ?? ""], group: `bench=${label}` } })
  await until("the rollout is over", async () => {
    const { state, counts } = await api.call("showRollout", { params: { id } })
    process.stdout.write(`${label}: ${state} ${JSON.stringify(counts)}\n`)
    if (state === "failed") throw new Error(`the rollout did not reach all ${modules.length} modules`)
    return state === "succeeded"
  })
  return reactions.splice(0)
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await sleep(2000)
  }
}

function latencyWords(latencies: readonly number[]): string {
  if (latencies.length === 0) return "none"
  const sorted = [...latencies].sort((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, n ${sorted.length}`
}

/** How long the server's threads ran, and how long they waited for a core. */
function schedule({ pid }: Serving): { readonly ranNs: number; readonly waitedNs: number } {
  const rows = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ").map(Number),
  )
  const sum = (column: number): number => rows.reduce((total, row) => total + (row[column] ?? 0), 0)
  return { ranNs: sum(0), waitedNs: sum(1) }
}

function residentMegabytes({ pid }: Serving, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1")
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

try {
  spawnSync("taskset", ["-p", "-c", "1", String(process.pid)])
  await bench()
} finally {
  off.abort(new Error("the bench is over"))
  for (const server of servers) await server.end("SIGKILL")
  await centre.close()
  rmSync(scratch, { recursive: true, force: true })
}
