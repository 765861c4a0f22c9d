import { once, setMaxListeners } from "node:events"
import { readFileSync, rmSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { EventView } from "../../src/core/contract/schemas.ts"
import { frameOf, octetsOfSms, PfmCutter } from "../../src/core/families/telit/codec/pfm-carriers.ts"
import { waftCodec } from "../../src/core/families/telit/codec/pfm-codec.ts"
import { type PfmKeys, pfmKeys } from "../../src/core/families/telit/codec/pfm-keys.ts"
import type { PfmMessage } from "../../src/core/families/telit/codec/pfm-table.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { calmConditions } from "../../src/virtual/sms/conditions.ts"
import { SmppCentre } from "../../src/virtual/sms/smpp-centre.ts"
import { SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { newFolder, serve, type Serving } from "../serving.ts"
import { addModule, cardOf, imeiOf, messagePort, serverNumber, smppFlags, until } from "../telit-fleet.ts"

// Modules, and others, that say far too much or nothing at all, to one server in a process of its own. The sockets that say
// nothing stand through the whole file. That others are not delayed is told by this: a flood goes on until they have been answered.

/** A server and this process may each have that many files open; what is left over is for everything else. */
const silentSockets = Math.min(10_000, openFiles() - 2000)

const off = new AbortController()
// Every message under way listens to it.
setMaxListeners(0, off.signal)
const network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
const data = newFolder()
const log: string[] = []
const silent: Socket[] = []
let centre: SmppCentre
let server: Serving
let port: number
let closedSockets = 0

beforeAll(async () => {
  const account = { systemId: "waft", password: "rehearse", number: serverNumber }
  centre = await SmppCentre.start({
    listen: { host: "127.0.0.1", port: 0 },
    network,
    clock: nodeClock,
    accounts: [account],
  })
  const smpp = smppFlags(`smpp://waft@127.0.0.1:${centre.port}`, account.password)
  const flags = [...smpp, "--sms-number", serverNumber, "--log-level", "warn"]
  server = await serve({ data, flags, onLog: (line) => log.push(line) })
  port = await messagePort(server)
})

afterAll(async () => {
  for (const socket of silent) socket.destroy()
  await server.end("SIGTERM")
  off.abort(new Error("over"))
  await centre.close()
  rmSync(data, { recursive: true, force: true })
})

/** A module that this test plays: its number, its keys, and what it has heard by SMS. */
interface Player {
  readonly imei: string
  readonly number: string
  readonly keys: PfmKeys
  readonly heard: string[]
}

async function player(n: number): Promise<Player> {
  const imei = imeiOf(n)
  const { number } = cardOf(n)
  const keys = pfmKeys(await addModule(server, { imei, model: "GE910" }), imei)
  const heard: string[] = []
  network.attach(number, async ({ userData }) => {
    await Promise.resolve()
    const message = waftCodec.decode(octetsOfSms(userData.data) ?? new Uint8Array(0), keys)
    heard.push(message === "forged" ? message : message.name)
    return true
  })
  return { imei, number, keys, heard }
}

function registration({ imei, number, keys }: Player, transaction: number): Uint8Array {
  const sim = { number: number.slice(1), imsi: `22201${number.slice(-10)}`, plmn: "22201" }
  const fields = { ...sim, model: "GE910", firmware: "13.00.003", apn: "internet", variant: "sms" } as const
  return waftCodec.encode({ name: "remoteRegistration", imei, transaction, fields }, keys)
}

/** Resolves when the server has taken the message. */
function bySms(from: string, octets: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const userData = { header: null, data: octets }
    network.accept({ from, to: serverNumber, coding: 0xf4, userData, validityMinutes: 60, settled: () => resolve() })
  })
}

/** What the server answers on a connection of its own; null = it ended the connection without an answer. */
async function overTcp({ keys }: Player, octets: Uint8Array): Promise<PfmMessage | "forged" | null> {
  const socket = connect(port, "127.0.0.1")
  const cutter = new PfmCutter()
  let answer: PfmMessage | "forged" | null = null
  socket.on("error", () => undefined)
  socket.on("data", (bytes: Buffer) => {
    for (const message of cutter.push(bytes)) answer = waftCodec.decode(message, keys)
  })
  socket.write(frameOf(octets))
  await once(socket, "close")
  return answer
}

/** Sends again and again, some at a time, until enough was sent and everybody else has been answered. */
async function flood(
  atLeast: number,
  others: Promise<unknown>,
  send: (n: number) => Promise<unknown>,
): Promise<number> {
  const unanswered = new Set([others])
  const answered = others.then(() => unanswered.clear())
  let sent = 0
  const lane = async (): Promise<void> => {
    while (sent < atLeast || unanswered.size > 0) await send(++sent)
  }
  await Promise.all([answered, ...Array.from({ length: 20 }, lane)])
  return sent
}

/** Modules that register, one by SMS and one over TCP, and have had their Acks. */
async function othersRegister(first: number): Promise<void> {
  for (let n = first; n < first + 10; n += 2) {
    const [one, two] = await Promise.all([player(n), player(n + 1)])
    await bySms(one.number, registration(one, 1))
    await until(() => one.heard.includes("remoteRegistrationAck"))
    expect(await overTcp(two, registration(two, 1))).toMatchObject({ name: "remoteRegistrationAck" })
  }
}

async function eventsOf(imei: string): Promise<readonly EventView[]> {
  const events = await server.api.list("listEvents", {})
  return events.filter(({ deviceId }) => deviceId === imei)
}

function residentMegabytes(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "latin1"))?.[1]) / 1024
}

function openFiles(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1])
}

describe("a server of Telit modules", () => {
  it(`holds ${silentSockets} sockets that say nothing in little memory`, async () => {
    const before = residentMegabytes()
    while (silent.length < silentSockets) {
      const some = Array.from({ length: Math.min(500, silentSockets - silent.length) }, () => {
        const socket = connect({ host: "127.0.0.1", port, localAddress: `127.0.0.${2 + (silent.length % 200)}` })
        socket.on("error", () => undefined)
        socket.once("close", () => closedSockets++)
        silent.push(socket)
        return once(socket, "connect")
      })
      await Promise.all(some)
    }
    await othersRegister(100)
    expect(residentMegabytes() - before).toBeLessThan(150)
  })

  it("answers a module that registers a thousand times a minute a few times, says so once, and delays no other", async () => {
    const noisy = await player(1)
    const before = residentMegabytes()
    const startMs = Date.now()
    const sent = await flood(1000, othersRegister(200), (n) => {
      const octets = registration(noisy, n)
      return n % 2 === 0 ? bySms(noisy.number, octets) : overTcp(noisy, octets)
    })
    const minutes = Math.ceil((Date.now() - startMs) / 60_000)
    expect(sent).toBeGreaterThanOrEqual(1000)
    expect(noisy.heard.length).toBeLessThanOrEqual(3 * minutes)
    const kinds = (await eventsOf(noisy.imei)).map(({ kind }) => kind)
    expect(kinds.slice(0, 2)).toEqual(["device.added", "conversation.registered"])
    expect(kinds.filter((kind) => kind === "conversation.too-often").length).toBeGreaterThanOrEqual(1)
    expect(kinds.length).toBeLessThanOrEqual(2 + minutes)
    expect(residentMegabytes() - before).toBeLessThan(100)
  })

  it("says nothing to forged, cut and unknown messages by the thousand, notes each stranger once, and delays no other", async () => {
    const victim = await player(2)
    const before = residentMegabytes()
    const whole = registration(victim, 1)
    const forged = registration({ ...victim, keys: pfmKeys("a secret of somebody else", victim.imei) }, 1)
    const unknown = registration({ ...victim, imei: imeiOf(999_999) }, 1)
    const kinds = [
      forged,
      unknown,
      whole.subarray(0, whole.length - 9),
      whole.subarray(0, 12),
      Uint8Array.of(0xa7),
      new Uint8Array(140).fill(0xff),
    ]
    const sent = await flood(3000, othersRegister(300), (n) => {
      const octets = kinds[n % kinds.length] ?? forged
      const from = `+4917${String(n % 1500).padStart(7, "0")}`
      return n % 10 === 0 ? overTcp(victim, octets.length < 23 ? forged : octets) : bySms(from, octets)
    })
    expect(sent).toBeGreaterThanOrEqual(3000)
    expect(victim.heard).toEqual([])
    expect((await eventsOf(victim.imei)).map(({ kind }) => kind)).toEqual(["device.added"])
    expect((await server.api.call("showDevice", { params: { id: victim.imei } })).lastSeen).toBeNull()
    const strangers = log.filter((line) => line.includes("a message of no device"))
    expect(strangers.length).toBeGreaterThan(0)
    expect(strangers.length).toBeLessThanOrEqual(1000)
    const senders = strangers.map((line) => /"from":"([^"]*)"/.exec(line)?.[1])
    expect(new Set(senders).size).toBe(senders.length)
    expect(residentMegabytes() - before).toBeLessThan(100)
  })

  it("closes the sockets that say nothing after their time, and has logged nothing of them", async () => {
    await until(() => closedSockets === silentSockets)
    expect(log.filter((line) => line.includes("device-tcp"))).toEqual([])
  })
})
