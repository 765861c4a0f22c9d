import { isMove } from "../../src/core/domain/events/move.ts"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { EventView } from "../../src/core/contract/schemas.ts"
import type { PfmName } from "../../src/core/families/telit/codec/pfm-table.ts"
import { type MobileNetwork, type PoweredModule, startMobileNetwork } from "../../src/virtual/main.ts"
import { type AtDesk, deskAtPort, onAir, wake } from "../at-desk.ts"
import { freePort, newFolder, serve, type Serving } from "../serving.ts"
import { addModule, cardOf, imeiOf, powerTelit, publish, serverNumber, smsFlags, until } from "../telit-fleet.ts"
import { PfmWire, type Stop } from "./pfm-wire.testing.ts"

// One module for each message of each variant and each of two accidents: the message is lost on its way when the server is
// killed, or it has arrived and its sender was not told. All are led to their accident, then the server is killed for all.

const [model, from, to] = ["GE910", "13.00.003", "13.00.004"] as const
const speed = 40

type Variant = "sms" | "combined" | "tcp-ip"

/** Every message that crosses the air, but those that answer on a socket: they are lost with the message before them. */
const messages: Readonly<Record<Variant, readonly PfmName[]>> = {
  sms: [
    "remoteRegistration",
    "remoteRegistrationAck",
    "provisioning",
    "provisioningAck",
    "command",
    "commandAck",
    "commandProgress",
    "commandFinal",
  ],
  combined: ["remoteRegistration", "commandOverIp", "commandAck", "commandProgressAck", "commandFinal"],
  "tcp-ip": ["remoteRegistration", "updateRequest", "commandProgressAck", "commandFinal"],
}

/** Those of the server that go by SMS. */
const downBySms: ReadonlySet<PfmName> = new Set(["remoteRegistrationAck", "provisioning", "command", "commandOverIp"])

interface Case {
  readonly title: string
  readonly variant: Variant
  readonly stop: Stop
  readonly number: number
}

const cases: readonly Case[] = (Object.keys(messages) as Variant[])
  .flatMap((variant) =>
    messages[variant].flatMap((name) => (["lost", "unanswered"] as const).map((what) => ({ variant, name, what }))),
  )
  .map(({ variant, name, what }, i) => ({
    title: `${variant}: ${name} ${what}`,
    variant,
    stop: { imei: imeiOf(i + 1), name, what },
    number: i + 1,
  }))

interface Standing {
  readonly one: Case
  readonly module: PoweredModule
  readonly desk: AtDesk
}

let folder: string
let network: MobileNetwork
let wire: PfmWire
let server: Serving
let flags: readonly string[]
const standing: Standing[] = []

const start = (): Promise<Serving> => serve({ data: join(folder, "data"), flags })

beforeAll(async () => {
  folder = newFolder()
  network = await startMobileNetwork({ number: serverNumber, plmn: "22201" })
  wire = new PfmWire(cases.map(({ stop }) => stop))
  const [http, ftp, tcp] = [await freePort(), await freePort(), await freePort()]
  const centre = await wire.beforeCentre(network.smpp)
  messagePort = await wire.beforeServer({ host: "127.0.0.1", port: tcp })
  const listeners = ["--http", http, "--ftp", ftp, "--device-tcp", tcp]
  flags = [
    ...listeners.map((part) => (typeof part === "number" ? `127.0.0.1:${part}` : part)),
    ...smsFlags(network, `127.0.0.1:${centre}`),
  ]
  server = await start()
})
let messagePort = 0

afterAll(async () => {
  for (const { module, desk } of standing) {
    await desk.leave()
    await module.switchOff()
  }
  await server.end("SIGKILL")
  await wire.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

async function switchOn(one: Case): Promise<void> {
  const { variant, number, stop } = one
  const { imei } = stop
  const options = { mode: "automatic", apn: "ibox.tim.it", variant }
  const secret = await addModule(server, { imei, model, options })
  const radio = network.radioWith(cardOf(number))
  const module = powerTelit({ imei, model, firmware: from, secret, radio, speed })
  const desk = await deskAtPort(module.port)
  standing.push({ one, module, desk })
  await wake(desk)
  await desk.ask("AT+IPR=115200")
  await onAir(desk)
}

/** Tells a module where to register; by TCP it does so at the host's word alone (§4.2.1). */
function register({ one, desk }: Standing): void {
  if (one.variant === "sms") return desk.type(`AT#OTASNAP="${serverNumber}"`)
  desk.type('AT#OTASNAPIPCFG=2,"ibox.tim.it"')
  desk.type(`AT#OTASNAPIP=${messagePort},"127.0.0.1","${cardOf(one.number).number}"`)
}

const has = ({ desk }: Standing, text: string): boolean => desk.lines.includes(`#OTAEV: ${text}`)
const count = ({ desk }: Standing, text: string): number =>
  desk.lines.filter((line) => line === `#OTAEV: ${text}`).length

const notified = "Server notified about successfull FW Upgrade"

/** A host of the TCP/IP protocol asks for its update once it is registered; others wait for theirs. */
async function host(member: Standing): Promise<void> {
  register(member)
  if (member.one.variant !== "tcp-ip") return
  await until(() => has(member, "Registered"))
  member.desk.type("AT#OTAIPUPD")
}

/** What modules that no accident holds up come to before the server is killed. */
function isAtRest(member: Standing): boolean {
  return has(member, notified) || waits.has(member.one.title)
}

/** The accidents after which a module, or the server, waits for a word that does not come before the restart. */
const waits: ReadonlySet<string> = new Set([
  "sms: remoteRegistration lost",
  "sms: provisioning lost",
  "sms: provisioningAck lost",
  "sms: command lost",
  "combined: commandOverIp lost",
  ...(["combined", "tcp-ip"] as const).flatMap((variant) =>
    messages[variant]
      .filter((name) => name !== "commandOverIp")
      .flatMap((name) => [`${variant}: ${name} lost`, `${variant}: ${name} unanswered`]),
  ),
])

async function everyEvent(): Promise<readonly EventView[]> {
  return server.api.list("listEvents", {})
}

/** Each event of an update begins where the one before it ended. */
function expectUnbroken(events: readonly EventView[], imei: string): void {
  const moves = events.filter(isMove).filter(({ deviceId }) => deviceId === imei)
  let state: unknown = "waiting"
  for (const { kind, data } of moves) {
    expect(data.from, `${imei} ${kind}`).toBe(state)
    state = data.to
  }
  expect(state).toBe("succeeded")
}

describe("a server killed with kill -9 at every step of a conversation", () => {
  it("goes on where it was: every module is updated once, and the record says so", async () => {
    const releaseIds = [await publish(server, { model, from, to })]
    await Promise.all(cases.map(switchOn))
    const { id } = await server.api.call("startRollout", { body: { releaseIds, group: null } })
    const hosts = standing.map(host)
    await until(() => wire.left.length === 0 && standing.every(isAtRest))
    const before = new Set(standing.filter((member) => has(member, notified)).map(({ one }) => one.title))
    expect(standing.filter(({ one }) => waits.has(one.title) && before.has(one.title))).toEqual([])

    wire.isShut = true
    await server.end("SIGKILL")
    wire.breakAll()
    // And once more, while it takes up what it finds and reaches nobody.
    server = await start()
    await server.end("SIGKILL")
    server = await start()
    wire.isShut = false
    // A registration over TCP is the host's to repeat (§4.2.1).
    for (const member of standing) if (!has(member, "Registered") && member.one.variant !== "sms") register(member)
    await Promise.all(hosts)
    await until(() => standing.every((member) => has(member, notified)))
    await until(async () => (await server.api.call("showRollout", { params: { id } })).state !== "running")

    const events = await everyEvent()
    for (const member of standing) {
      const { imei } = member.one.stop
      const title = member.one.title
      expect(await member.desk.ask("AT+CGMR"), title).toEqual(["AT+CGMR", to, "OK"])
      expect(count(member, "Start Fw Download"), title).toBe(1)
      expect(count(member, "Module Upgraded To New FW"), title).toBe(1)
      const device = await server.api.call("showDevice", { params: { id: imei } })
      expect(device.running, title).toEqual({ version: to, evidence: "reported" })
      expectUnbroken(events, imei)
    }
    // What the server could not know to have gone was sent again, and the log says so.
    const again = new Set(events.filter(({ kind }) => kind === "message.sent-again").map(({ deviceId }) => deviceId))
    const bySms = cases.filter(({ stop }) => downBySms.has(stop.name))
    expect(bySms.map(({ stop }) => stop.imei).filter((imei) => !again.has(imei))).toEqual([])
  })
})
