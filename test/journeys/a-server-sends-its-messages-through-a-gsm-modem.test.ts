import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { type MobileNetwork, startMobileNetwork } from "../../src/virtual/main.ts"
import { servePseudoTerminal } from "../../src/virtual/pseudo-terminal.ts"
import { deskAtPort, onAir, wake } from "../at-desk.ts"
import { newFolder, serve, type Serving } from "../serving.ts"
import { addModule, cardOf, imeiOf, powerTelit, publish, serverNumber, until } from "../telit-fleet.ts"

// A server in a process of its own whose messages go through the AT port of a module at a pseudo-terminal: no service centre.

const [model, from, to] = ["GE910", "13.00.003", "13.00.004"] as const
const speed = 20
const pin = "2580"

let folder: string
let network: MobileNetwork
let server: Serving
const closing: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  folder = newFolder()
  network = await startMobileNetwork({ number: "+393300000000", plmn: "22201" })
})

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

it("a server brings a Telit module to a release through a GSM modem, and goes on when the modem was pulled out and came back", async () => {
  const card = { ...cardOf(90, pin), number: serverNumber }
  const radio = network.radioWith(card)
  const modem = powerTelit({ imei: imeiOf(90), model, firmware: from, secret: "the modem's own secret", radio, speed })
  closing.push(modem.switchOff)
  const link = join(folder, "modem")
  const plugIn = () => servePseudoTerminal({ port: modem.port, link, log: () => undefined })
  let plugged = await plugIn()
  closing.push(() => plugged.close())
  const pinFile = join(folder, "pin")
  writeFileSync(pinFile, `${pin}\n`)
  const flags = ["--sms-modem", link, "--sms-modem-pin-file", pinFile, "--sms-number", serverNumber]
  server = await serve({ data: join(folder, "data"), flags })
  closing.push(() => server.end("SIGTERM"))

  const imei = imeiOf(1)
  const secret = await addModule(server, { imei, model, options: { mode: "automatic", apn: "ibox.tim.it" } })
  const module = powerTelit({ imei, model, firmware: from, secret, radio: network.radioWith(cardOf(1)), speed })
  closing.push(module.switchOff)
  const desk = await deskAtPort(module.port)
  await wake(desk)
  await desk.ask("AT+IPR=115200")
  await onAir(desk)
  desk.type(`AT#OTASNAP="${serverNumber}"`)
  await desk.until(/^#OTAEV: Registered$/)

  await plugged.close()
  const release = await publish(server, { model, from, to })
  await server.api.call("startRollout", { body: { releaseIds: [release], group: `id=${imei}` } })
  plugged = await plugIn()
  await desk.until(/^#OTAEV: Server notified about successfull FW Upgrade$/)
  const show = () => server.api.call("showDevice", { params: { id: imei } })
  await until(async () => (await show()).update?.state === "succeeded")
  expect((await show()).running).toEqual({ version: to, evidence: "reported" })
})
