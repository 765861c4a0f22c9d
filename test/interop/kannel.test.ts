import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer, type Server as HttpServer } from "node:http"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { SimCard } from "../../src/core/families/radio.ts"
import { addressOf } from "../../src/core/protocols/sms/address.ts"
import { decodeFromCentre, encodeTpdu } from "../../src/core/protocols/sms/tpdu.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { calmConditions } from "../../src/virtual/sms/conditions.ts"
import { SmppCentre } from "../../src/virtual/sms/smpp-centre.ts"
import { SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"

// Kannel, a gateway that nobody here wrote, bound to our service centre: it reads our PDUs and we read its.

const card: SimCard = { imsi: "222010000000001", number: "+393354757180", pin: null }
const service = "+393399990000"
const data = Uint8Array.from({ length: 140 }, (_, index) => (index * 37) & 0xff)

let folder = ""
let centre: SmppCentre
let radio: VirtualRadio
let web: HttpServer
let sendPort = 0
const off = new AbortController()
const boxes: ChildProcess[] = []
const asked: URL[] = []

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await nodeClock.sleep(100)
}

const canConnect = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  )

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-kannel-"))
  const network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
  network.issueCard(card)
  radio = new VirtualRadio(network, "22201")
  radio.insert(card)
  radio.setOnAir(true)
  const accounts = [{ systemId: "kannel", password: "secret", number: service }]
  centre = await SmppCentre.start({ listen: { host: "127.0.0.1", port: 0 }, network, clock: nodeClock, accounts })
  web = createHttpServer((request, response) => {
    asked.push(new URL(request.url ?? "/", "http://localhost"))
    response.end()
  })
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve))
  const [adminPort, boxPort] = [await freePort(), await freePort()]
  sendPort = await freePort()
  const file = join(folder, "kannel.conf")
  writeFileSync(file, configuration({ adminPort, boxPort, webPort: (web.address() as AddressInfo).port }))
  boxes.push(spawn("/usr/sbin/bearerbox", [file], { cwd: folder, stdio: "ignore" }))
  await until(() => canConnect(adminPort))
  boxes.push(spawn("/usr/sbin/smsbox", [file], { cwd: folder, stdio: "ignore" }))
  await until(() => canConnect(sendPort))
  const status = `http://127.0.0.1:${adminPort}/status.txt?password=status`
  await until(async () => /waft.*online/.test(await (await fetch(status)).text()))
})

afterAll(async () => {
  for (const box of boxes.reverse()) {
    const gone = new Promise((resolve) => box.once("exit", resolve))
    box.kill("SIGKILL")
    await gone
  }
  await centre.close()
  web.close()
  off.abort(new Error("over"))
  rmSync(folder, { recursive: true, force: true })
})

function configuration(ports: { adminPort: number; boxPort: number; webPort: number }): string {
  return `
group = core
admin-port = ${ports.adminPort}
admin-password = admin
status-password = status
smsbox-port = ${ports.boxPort}
box-allow-ip = "127.0.0.1"

group = smsc
smsc = smpp
smsc-id = waft
host = 127.0.0.1
port = ${centre.port}
transceiver-mode = true
smsc-username = kannel
smsc-password = secret
system-type = ""
alt-dcs = true

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${sendPort}
global-sender = ${service.slice(1)}

group = sendsms-user
username = waft
password = waft
user-deny-ip = ""
user-allow-ip = ""

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:${ports.webPort}/?data=%b&coding=%c&mclass=%m&from=%p&to=%P"
`
}

describe("Kannel's bearerbox at our service centre", () => {
  it("binds, and its binary message of class 0 reaches the module unchanged", async () => {
    const url = new URL(`http://127.0.0.1:${sendPort}/cgi-bin/sendsms`)
    const query = { username: "waft", password: "waft", to: card.number, coding: "1", mclass: "0" }
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const text = Array.from(data, (octet) => `%${octet.toString(16).padStart(2, "0")}`).join("")
    const answer = await fetch(`${url.href}&text=${text}`)
    expect(await answer.text()).toMatch(/^0: Accepted/)
    const message = decodeFromCentre(await radio.receiveSms(off.signal))
    expect(message).toMatchObject({ kind: "deliver", coding: 0x14, userData: { header: null, data } })
  })

  it("hands a module's binary message of class 0 on unchanged", async () => {
    const tpdu = encodeTpdu({
      kind: "submit",
      rejectDuplicates: false,
      statusReportWanted: false,
      hasReplyPath: false,
      reference: 0,
      to: addressOf(service),
      protocolId: 0,
      coding: 0x14,
      validity: { format: "relative", minutes: 60 },
      userData: { header: null, data },
    })
    expect(await radio.sendSms(tpdu)).toBe(true)
    await until(() => asked.length > 0)
    const [url] = asked
    expect(url?.searchParams.get("coding")).toBe("1")
    expect(url?.searchParams.get("mclass")).toBe("0")
    const raw = /[?&]data=([^&]*)/.exec(url?.search ?? "")?.[1] ?? ""
    const octets = raw.replaceAll("+", "%20").match(/%[0-9a-fA-F]{2}|[^%]/g) ?? []
    const bytes = octets.map((part) => (part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)))
    expect(Uint8Array.from(bytes)).toEqual(data)
  })
})
