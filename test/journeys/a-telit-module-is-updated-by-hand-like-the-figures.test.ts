import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { DeviceView } from "../../src/core/contract/schemas.ts"
import { type MobileNetwork, type SimCard, startMobileNetwork } from "../../src/virtual/main.ts"
import { servePseudoTerminal } from "../../src/virtual/pseudo-terminal.ts"
import { type AtDesk, deskAtTerminal, onAir, wake } from "../at-desk.ts"
import { freshLinks } from "../fresh-link.ts"
import { newFolder, serve, type Serving } from "../serving.ts"
import {
  addModule,
  cardOf,
  imeiOf,
  messagePort,
  powerTelit,
  publish,
  serverNumber,
  smsFlags,
  until,
} from "../telit-fleet.ts"

// The screenshots of the application note, figs. 1 to 3, typed by hand at a pseudo-terminal: a module in this process, a
// server in a process of its own, SMPP, TCP and FTP over real sockets, and both sides' own programs between them.

const [model, pin] = ["GE864", "6755"] as const
const [from, to] = ["10.00.005", "10.00.006"] as const
/** 60 s to answer are 12 s of the test. */
const speed = 5

/**
 * Figure 2 as the supplied text of the note prints it. What was read wrong from the picture is corrected below and nowhere
 * else: `*` for `#`, a missing number of the port, a full stop for a comma, a host without its quotes, `ok` for `OK`.
 */
const figure2 = `
at+cgmr
10.00.005
OK
at*otasnapipcfg=2,"ibox.tim.it"
OK
at*otasnapip= port.hostname."+39335475718"
OK
#OTAEV: Registered
#OTAEV: Do you want to upgrade the firmware?
at*otasuan=1
OK
#OTAEV: Start Fw Download
#OTAEV: Fw Download Complete
#OTAEV: Module Upgraded To New Fw
at+cpin=6755
OK
#OTAEV: Server notified about successfull FW Upgrade
at+cgmr
10.00.006
ok
`

function corrected(printed: string, port: number): readonly string[] {
  return printed
    .trim()
    .replaceAll("at*", "at#")
    .replace(" port.hostname.", `${port},"127.0.0.1",`)
    .replace(/\bok$/, "OK")
    .split("\n")
}

/**
 * Figure 1 is missing from the supplied text. This is DERIVED: the steps 1 to 7 that stand above it (chapter 3.2) with the
 * command and the line that chapters 3.2.1 and 3.2.3 print for each, in the form of figure 2. Step 2, the Provisioning,
 * shows nothing at the port; the PIN is entered after step 7, as chapter 3.1.1 demands.
 */
const figure1 = [
  // 1. performs a Remote Registration; the current version is 10.00.005
  "at+cgmr",
  from,
  "OK",
  `at#otasnap="${serverNumber}"`,
  "OK",
  "#OTAEV: Registered",
  // 3. receives the request to update the firmware
  "#OTAEV: Do you want to upgrade the firmware?",
  // 4. accepts the request
  "at#otasuan=1",
  "OK",
  // 5. performs the Delta Firmware File Download
  "#OTAEV: Start Fw Download",
  "#OTAEV: Fw Download Complete",
  // 6. performs the Firmware Update, 7. reboots after the update with the new firmware 10.00.006
  "#OTAEV: Module Upgraded To New FW",
  `at+cpin=${pin}`,
  "OK",
  "#OTAEV: Server notified about successfull FW Upgrade",
  "at+cgmr",
  to,
  "OK",
]

/** Figure 3 is missing too, and DERIVED in the same way from the steps 1 to 5 of chapter 5.2 and the lines of 5.2.1 and 5.2.2. */
function figure3(port: number, ownNumber: string): readonly string[] {
  return [
    // 1. performs a Remote Registration
    "at+cgmr",
    from,
    "OK",
    'at#otasnapipcfg=2,"ibox.tim.it"',
    "OK",
    `at#otasnapip=${port},"127.0.0.1","${ownNumber}"`,
    "OK",
    "#OTAEV: Registered",
    // 2. starts an Update
    "at#otaipupd",
    "OK",
    // 3. performs the Delta Firmware File Download
    "#OTAEV: Start Fw Download",
    "#OTAEV: Fw Download Complete",
    // 4. performs the Firmware Update, 5. reboots after the update with the new firmware
    "#OTAEV: Module Upgraded To New FW",
    `at+cpin=${pin}`,
    "OK",
    "#OTAEV: Server notified about successful FW Upgrade",
    "at+cgmr",
    to,
    "OK",
  ]
}

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

interface Seat {
  readonly imei: string
  readonly card: SimCard
  readonly spelling: string
  /** What the operator has said of the module. */
  readonly options: Readonly<Record<string, string>>
}

/** A module on the air at its pseudo-terminal, a rollout that waits for it, and somebody who has sat down before it. */
async function sitDown({ imei, card, spelling, options }: Seat): Promise<AtDesk> {
  const secret = await addModule(server, { imei, model, options })
  await server.api.call("startRollout", { body: { releaseIds: [release], group: `id=${imei}` } })
  const module = powerTelit({ imei, model, firmware: from, secret, radio: network.radioWith(card), speed, spelling })
  closing.push(module.switchOff)
  const link = join(folder, `tty-${imei}`)
  const terminal = await servePseudoTerminal({ port: module.port, link, log: () => undefined })
  closing.push(terminal.close)
  const desk = deskAtTerminal(await freshLinks(link)())
  closing.push(desk.leave)
  // "It is necessary to set the DTE speed to the DCE speed" (§3.1.2); the figures begin after it, with the module on the air.
  await wake(desk)
  await desk.ask("AT+IPR=115200")
  await desk.ask(`AT+CPIN=${pin}`)
  await onAir(desk)
  return desk
}

/** Types the figure's commands, each when everything before it has been said; gives all that stands on the screen then. */
async function typeFigure(desk: AtDesk, figure: readonly string[]): Promise<readonly string[]> {
  const start = desk.lines.length
  for (const line of figure) {
    if (line.startsWith("at")) desk.type(line)
    const text = line.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    // What must not come ends the wait as well, so that it is seen.
    const said = await desk.until(new RegExp(`^(${text}|ERROR|\\+CM[ES] ERROR.*|#OTAEV: OTA FW Upgrade Failed)$`))
    if (said !== line) break
  }
  return desk.lines.slice(start)
}

function show(imei: string): Promise<DeviceView> {
  return server.api.call("showDevice", { params: { id: imei } })
}

/** A Command Final by SMS is with the network, and no further, when the module says that the server was notified. */
async function expectServerAgrees(imei: string): Promise<void> {
  await until(async () => (await show(imei)).update?.state === "succeeded")
  const { running, update } = await show(imei)
  expect(running).toEqual({ version: to, evidence: "reported" })
  expect(update?.basis).toBe("reported")
}

describe.concurrent("the transcript of an update typed at a Telit module's pseudo-terminal", () => {
  it("is the note's figure 2, the combined protocol, line by line", async () => {
    const imei = imeiOf(2)
    const card = { ...cardOf(2, pin), number: "+39335475718" }
    const desk = await sitDown({ imei, card, spelling: "screen", options: { mode: "manual" } })
    const figure = corrected(figure2, await messagePort(server))
    expect(await typeFigure(desk, figure)).toEqual(figure)
    await expectServerAgrees(imei)
  })

  it("is figure 1, the SMS protocol, as derived from the note's steps and lines", async () => {
    const imei = imeiOf(1)
    const options = { mode: "manual", apn: "ibox.tim.it" }
    const desk = await sitDown({ imei, card: cardOf(1, pin), spelling: "reference", options })
    expect(await typeFigure(desk, figure1)).toEqual(figure1)
    await expectServerAgrees(imei)
  })

  it("is figure 3, the TCP/IP protocol, as derived from the note's steps and lines", async () => {
    const imei = imeiOf(3)
    const card = cardOf(3, pin)
    const desk = await sitDown({ imei, card, spelling: "text", options: { variant: "tcp-ip" } })
    const figure = figure3(await messagePort(server), card.number)
    expect(await typeFigure(desk, figure)).toEqual(figure)
    await expectServerAgrees(imei)
  })
})
