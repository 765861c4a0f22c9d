import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { MemoryPort } from "../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import type { SimCard } from "../../src/core/families/radio.ts"
import { makeFirmware } from "../../src/core/families/recovery/firmware-image.ts"
import { writeFullPackage } from "../../src/core/families/recovery/full-package.ts"
import { device } from "../../src/core/families/telit/device/run.ts"
import { octetsOfSms, smsBytes, type SmsCoding } from "../../src/core/families/telit/codec/pfm-carriers.ts"
import { waftCodec } from "../../src/core/families/telit/codec/pfm-codec.ts"
import { pfmKeys } from "../../src/core/families/telit/codec/pfm-keys.ts"
import type { PfmFromModule, PfmFromServer } from "../../src/core/families/telit/codec/pfm-table.ts"
import { fromLatin1, latin1 } from "../../src/core/kit/bytes.ts"
import { steadyClock } from "../../src/server/clock.ts"
import { type FtpServer, startFtpServer } from "../../src/server/transports/ftp/ftp-server.ts"
import { MemoryHost, passwordOf } from "../../src/server/transports/ftp/memory-host.testing.ts"
import type { IncomingSms, SmsTransport } from "../../src/server/transports/sms/sms-transport.ts"
import { startSmppClient } from "../../src/server/transports/sms/smpp-client.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { nodeNet } from "../../src/virtual/node-net.ts"
import { SmppCentre } from "../../src/virtual/sms/smpp-centre.ts"
import { SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"

// The SMS variant over everything real but the air: SMPP client, service centre, network with doubles and overtaking,
// module, FTP. The server's side is a script here; its table has tests and journeys of its own.

const imei = "357464030012345"
const secret = "a secret of this module"
const keys = pfmKeys(secret, imei)
const service = "+393399990000"
const card: SimCard = { imsi: "222010000000001", number: "+393354757180", pin: null }
const bytes = writeFullPackage({
  from: "13.00.003",
  to: "13.00.004",
  product: "GE910",
  image: makeFirmware({ product: "GE910", version: "13.00.004", sizeBytes: 9000 }),
})

let off: AbortController
let network: SmsNetwork
let centre: SmppCentre
let client: SmsTransport
let ftp: FtpServer
let coding: SmsCoding
const heard: PfmFromModule[] = []

/** What the server says to each message of the module, by name. */
function answersTo({ name, transaction }: PfmFromModule): PfmFromServer[] {
  const bearer = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
  const where = { ftpHost: "127.0.0.1", ftpPort: ftp.address.port, ftpUser: "t1", ftpPassword: passwordOf("t1") }
  const fields = { mode: "automatic", answerSeconds: 60, ...where, ftpPath: "fw.pkg", sizeBytes: bytes.length } as const
  if (name === "remoteRegistration") {
    return [
      { name: "remoteRegistrationAck", imei, transaction, fields: { smsNumber: service.slice(1) } },
      { name: "provisioning", imei, transaction: 1001, fields: bearer },
    ]
  }
  return name === "provisioningAck" ? [{ name: "command", imei, transaction: 1002, fields }] : []
}

const forms = {
  "8-bit-class-0": { alphabet: "octets", messageClass: 0 },
  "7-bit-no-class": { alphabet: "gsm7", messageClass: null },
} as const

async function received({ from, data }: IncomingSms): Promise<void> {
  const octets = octetsOfSms(data)
  const message = octets === null ? "forged" : waftCodec.decode(octets, keys)
  if (message === "forged") throw new Error("no message of the module")
  heard.push(message as PfmFromModule)
  const form = forms[coding]
  for (const answer of answersTo(message as PfmFromModule)) {
    const sms = { ...form, header: null, data: smsBytes(waftCodec.encode(answer, keys), coding) } as const
    void client.send({ ...sms, to: from, validityMinutes: 60, wantsStatus: false })
  }
  await Promise.resolve()
}

beforeEach(async () => {
  heard.length = 0
  off = new AbortController()
  const weather = { delayMs: { min: 1, max: 30 }, lossRate: 0, duplicateRate: 0.6, reorderRate: 0.3, reorderMs: 60 }
  network = new SmsNetwork({
    clock: nodeClock,
    conditions: { seed: 11, costPerMessage: 70, ...weather },
    signal: off.signal,
  })
  network.issueCard(card)
  const accounts = [{ systemId: "waft", password: "secret", number: service }]
  centre = await SmppCentre.start({ listen: { host: "127.0.0.1", port: 0 }, network, clock: nodeClock, accounts })
  client = startSmppClient({
    centre: { host: "127.0.0.1", port: centre.port },
    systemId: "waft",
    password: "secret",
    sender: service,
    clock: steadyClock,
    random: () => 0,
    receiver: { received, statusChanged: () => Promise.resolve(), unreadable: () => Promise.resolve() },
  })
  ftp = await startFtpServer({
    listen: { host: "127.0.0.1", port: 0 },
    passive: { minPort: 0, maxPort: 0 },
    tls: null,
    host: new MemoryHost({ t1: { "fw.pkg": bytes } }),
    clock: steadyClock,
  })
})

afterEach(async () => {
  await client.close()
  await centre.close()
  off.abort(new Error("over"))
  await ftp.close()
})

describe("a Telit module whose messages come twice and overtake each other", () => {
  it.each(["8-bit-class-0", "7-bit-no-class"] as const)(
    "registers, is provisioned and updated once, by %s",
    async (form) => {
      coding = form
      const port = new MemoryPort()
      const radio = new VirtualRadio(network, "22201")
      radio.insert(card)
      const storage = new MemoryStorage()
      const body = {
        clock: nodeClock,
        net: nodeNet(off.signal),
        storage,
        random: Math.random,
        log: () => undefined,
        port,
        radio,
      }
      const server = { key: secret, imei, firmware: "13.00.003", imageBytes: "9000" }
      const running = device.run(body, { model: "GE910", server, fault: null, speed: 200, signal: off.signal })
      while (!port.isAttached || radio.network() === null) await nodeClock.sleep(5)
      let text = ""
      const host = port.open({ receive: (typed) => void (text += fromLatin1(typed)), vanish: () => undefined })
      host?.write(latin1(`AT+IPR=115200;#OTASNAP="${service}"\r`))
      while (!text.includes("Server notified") || !text.includes("Registered")) await nodeClock.sleep(20)
      // Doubles that are still on their way must change nothing.
      await nodeClock.sleep(300)
      off.abort(new Error("over"))
      port.powerOff(off.signal.reason)
      expect(await running).toMatchObject({ running: { version: "13.00.004" } })
      const lines = text.split(/[\r\n]+/).filter((line) => line.startsWith("#OTAEV"))
      expect(lines).toEqual([
        "#OTAEV: Registered",
        "#OTAEV: Automatic Fw Upgrade Requested",
        "#OTAEV: Start Fw Download",
        "#OTAEV: Fw Download Complete",
        "#OTAEV: Module Upgraded To New FW",
        "#OTAEV: Server notified about successfull FW Upgrade",
      ])
      expect(new Set(heard.map(({ name }) => name))).toEqual(
        new Set(["remoteRegistration", "provisioningAck", "commandAck", "commandProgress", "commandFinal"]),
      )
      expect(heard.length).toBeGreaterThan(5)
      expect(network.totals.cost).toBe(network.totals.messages * 70)
    },
  )
})
