import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { DeviceView, EventView } from "../../src/core/contract/schemas.ts"
import { type MobileNetwork, type SimCard, startMobileNetwork } from "../../src/virtual/main.ts"
import type { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"
import { type AtDesk, deskAtPort, onAir, wake } from "../at-desk.ts"
import { newFolder, serve, type Serving } from "../serving.ts"
import { addModule, cardOf, imeiOf, powerTelit, publish, serverNumber, smsFlags, until } from "../telit-fleet.ts"

// The critical scenario of the application note's chapter 7, with whole modules, a service centre, and a server in a process
// of its own. Its steps 1 to 3 lead into it; step 4 and step 5, which the vendor calls "not released yet", lead out.

const [model, from, to] = ["GE910", "13.00.003", "13.00.004"] as const
const speed = 20

let folder: string
let network: MobileNetwork
let server: Serving
let release: string
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  folder = newFolder()
  network = await startMobileNetwork({ number: serverNumber, plmn: "22201" })
  server = await serve({ data: join(folder, "data"), flags: smsFlags(network) })
  release = await publish(server, { model, from, to })
})

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await server.end("SIGTERM")
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Member {
  readonly imei: string
  readonly card: SimCard
  readonly radio: VirtualRadio
  readonly desk: AtDesk
}

const registered = /^#OTAEV: Registered$/

/** Step 1: a module with a SIM, registered for the service. */
async function member(n: number): Promise<Member> {
  const [imei, card] = [imeiOf(n), cardOf(n)]
  const secret = await addModule(server, { imei, model, options: { mode: "automatic", apn: "ibox.tim.it" } })
  const radio = network.radioWith(card)
  const module = powerTelit({ imei, model, firmware: from, secret, radio, speed })
  closing.push(module.switchOff)
  const desk = await deskAtPort(module.port)
  await wake(desk)
  await desk.ask("AT+IPR=115200")
  await onAir(desk)
  desk.type(`AT#OTASNAP="${serverNumber}"`)
  await desk.until(registered)
  return { imei, card, radio, desk }
}

const show = (imei: string): Promise<DeviceView> => server.api.call("showDevice", { params: { id: imei } })
const explain = async ({ imei }: Member): Promise<string> => (await show(imei)).explain

/** What the event log has of a module's conversation, kind by kind. */
async function notes({ imei }: Member): Promise<readonly EventView[]> {
  const events = await server.api.list("listEvents", {})
  return events.filter(({ kind, deviceId }) => deviceId === imei && kind.startsWith("conversation."))
}

const kinds = async (one: Member): Promise<readonly string[]> =>
  (await notes(one)).map(({ kind }) => kind.slice("conversation.".length))

/** Steps 1 to 3. */
async function lostSim(n: number): Promise<{ readonly a: Member; readonly b: Member }> {
  const [a, b] = await Promise.all([member(n), member(n + 1)])
  for (const one of [a, b]) expect(await explain(one)).not.toMatch(/no SIM/)

  // 2. SIM A moves into module B, which registers by itself; module A remains without a SIM.
  a.radio.remove()
  b.radio.insert(a.card)
  await b.desk.until(registered)
  expect((await a.desk.ask("AT+CPIN?")).at(-1)).toMatch(/^\+CME ERROR: (10|SIM not inserted)$/)
  await until(async () => /registered to no SIM/.test(await explain(a)))
  expect(await explain(a)).toContain(`the SIM ${a.card.imsi} (${a.card.number}) has turned up in ${b.imei}`)
  expect(await kinds(b)).toEqual(["registered", "sim-changed", "sim-moved", "registered"])

  // 3. SIM A moves back; module A finds its IMSI in its memory and says nothing.
  b.radio.remove()
  a.radio.insert(a.card)
  await onAir(a.desk)
  const known = a.desk.lines.filter((line) => registered.test(line)).length
  await stillForAMinute()
  expect(a.desk.lines.filter((line) => registered.test(line))).toHaveLength(known)
  expect(await explain(a)).toContain(`has turned up in ${b.imei}`)
  expect(await kinds(a)).toEqual(["registered"])
  expect(await states(a, b)).toEqual(["attention", "idle"])
  return { a, b }
}

/** What `waft device list` shows of the two. */
async function states(a: Member, b: Member): Promise<readonly string[]> {
  const devices = await server.api.list("listDevices", { query: { group: `id=${a.imei} or id=${b.imei}` } })
  return devices.map(({ state }) => state)
}

/** A minute of the modules' time. */
function stillForAMinute(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 60_000 / speed))
}

async function rollOutTo({ imei }: Member): Promise<void> {
  await server.api.call("startRollout", { body: { releaseIds: [release], group: `id=${imei}` } })
}

/** Module A runs the new firmware, and says so itself; the server has it from the module, with its SIM. */
async function expectUpdated(a: Member, b: Member): Promise<void> {
  await a.desk.until(/^#OTAEV: Server notified about successfull FW Upgrade$/)
  expect(await a.desk.ask("AT+CGMR")).toEqual(["AT+CGMR", to, "OK"])
  await until(async () => (await show(a.imei)).update?.state === "succeeded")
  expect((await show(a.imei)).running).toEqual({ version: to, evidence: "reported" })
  expect(await explain(a)).not.toMatch(/no SIM/)
  expect(await explain(b)).toContain(`has turned up in ${a.imei}`)
  expect(await b.desk.ask("AT+CGMR")).toEqual(["AT+CGMR", from, "OK"])
}

describe.concurrent("a SIM that goes to another Telit module and back", () => {
  it("leaves its module registered to none, which an operator's forced registration cures before the next update", async () => {
    const { a, b } = await lostSim(1)
    await server.api.call("askDevice", { params: { id: a.imei }, body: { request: "force-registration" } })
    await a.desk.until(registered)
    expect(await kinds(a)).toEqual(["registered", "asked", "sim-back", "sim-moved", "registered"])
    expect(await explain(a)).not.toMatch(/no SIM/)
    expect(await explain(b)).toContain(`has turned up in ${a.imei}`)
    expect(await states(a, b)).toEqual(["idle", "attention"])
    await rollOutTo(a)
    await expectUpdated(a, b)
    expect(await kinds(a)).not.toContain("last-number")
  })

  it("leaves its module registered to none, which the next update cures by itself, at the last number, and says so", async () => {
    const { a, b } = await lostSim(11)
    await rollOutTo(a)
    await expectUpdated(a, b)
    expect(await kinds(a)).toEqual(["registered", "last-number", "sim-back", "sim-moved"])
    const note = (await notes(a)).find(({ kind }) => kind === "conversation.last-number")
    expect(note?.sentence).toContain(
      `addressed to its last number: the SIM ${a.card.imsi} (${a.card.number}), which ${b.imei} has registered as its own`,
    )
  })
})
