import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { SimCard } from "../../src/core/families/radio.ts"
import { addressOf } from "../../src/core/protocols/sms/address.ts"
import { decodeFromCentre, encodeTpdu } from "../../src/core/protocols/sms/tpdu.ts"
import { steadyClock } from "../../src/server/clock.ts"
import type {
  IncomingSms,
  OutgoingSms,
  SmsStatus,
  SmsTransport,
} from "../../src/server/transports/sms/sms-transport.ts"
import { type SmppLogEntry, startSmppClient } from "../../src/server/transports/sms/smpp-client.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { calmConditions } from "../../src/virtual/sms/conditions.ts"
import { SmppCentre } from "../../src/virtual/sms/smpp-centre.ts"
import { SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"

// The server's SMPP client, the service centre in software and a module's radio, over real sockets.

const service = "+393399990000"
const card: SimCard = { imsi: "262010000000001", number: "+4917100000001", pin: null }
const everyOctet = Uint8Array.from({ length: 140 }, (_, index) => (index * 7) & 0xff)

let network: SmsNetwork
let centre: SmppCentre
let client: SmsTransport
let radio: VirtualRadio
let off: AbortController
const received: IncomingSms[] = []
const statuses: SmsStatus[] = []
const log: SmppLogEntry[] = []

const message: OutgoingSms = {
  to: card.number,
  alphabet: "octets",
  messageClass: 0,
  header: null,
  data: everyOctet,
  validityMinutes: 60,
  wantsStatus: true,
}

async function startCentre(port: number, maxPerSecond?: number): Promise<SmppCentre> {
  return SmppCentre.start({
    listen: { host: "127.0.0.1", port },
    network,
    clock: nodeClock,
    accounts: [{ systemId: "waft", password: "secret", number: service }],
    ...(maxPerSecond === undefined ? {} : { maxPerSecond }),
  })
}

function startClient(): SmsTransport {
  return startSmppClient({
    centre: { host: "127.0.0.1", port: centre.port },
    systemId: "waft",
    password: "secret",
    sender: service,
    clock: steadyClock,
    random: () => 0,
    log: (entry) => void log.push(entry),
    limits: {
      reconnect: { firstMs: 50, longestMs: 100 },
      throttle: { firstMs: 100, longestMs: 1000 },
    },
    receiver: {
      received: async (sms) => {
        await Promise.resolve()
        received.push(sms)
      },
      statusChanged: async (status) => {
        await Promise.resolve()
        statuses.push(status)
      },
      unreadable: () => Promise.reject(new Error("every message can be read")),
    },
  })
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

beforeEach(async () => {
  for (const list of [received, statuses, log]) list.length = 0
  off = new AbortController()
  network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
  network.issueCard(card)
  centre = await startCentre(0)
  radio = new VirtualRadio(network, "26201")
  radio.insert(card)
  radio.setOnAir(true)
  client = startClient()
})

afterEach(async () => {
  await client.close()
  await centre.close()
  off.abort(new Error("over"))
})

describe("short messages between server and module", () => {
  it("pass binary data of class 0 unchanged in both directions, and the receipt comes back", async () => {
    const sent = await client.send(message)
    const down = decodeFromCentre(await radio.receiveSms(off.signal))
    expect(down).toMatchObject({ kind: "deliver", coding: 0x14, userData: { header: null, data: everyOctet } })
    await until(() => statuses.length === 1)
    expect(statuses).toMatchObject([
      { reference: sent.kind === "accepted" ? sent.reference : "", state: "delivered", words: "DELIVRD, error 000" },
    ])
    const tpdu = encodeTpdu({
      kind: "submit",
      rejectDuplicates: false,
      statusReportWanted: false,
      hasReplyPath: false,
      reference: 0,
      to: addressOf(service),
      protocolId: 0,
      coding: 0x14,
      validity: { format: "none" },
      userData: { header: null, data: everyOctet },
    })
    expect(await radio.sendSms(tpdu)).toBe(true)
    await until(() => received.length === 1)
    expect(received[0]).toEqual({
      from: card.number,
      to: service,
      alphabet: "octets",
      messageClass: 0,
      header: null,
      data: everyOctet,
    })
  })

  it("pass a text of 160 septets without a class", async () => {
    const data = Uint8Array.from({ length: 160 }, (_, index) => 0x41 + (index % 26))
    await client.send({ ...message, alphabet: "gsm7", messageClass: null, data })
    const down = decodeFromCentre(await radio.receiveSms(off.signal))
    expect(down).toMatchObject({ coding: 0x00, userData: { data } })
  })

  it("wait when the centre throttles, and then all arrive once", async () => {
    await client.close()
    await centre.close()
    centre = await startCentre(0, 20)
    client = startClient()
    const outcomes = await Promise.all(Array.from({ length: 45 }, () => client.send(message)))
    expect(outcomes.every((outcome) => outcome.kind === "accepted")).toBe(true)
    expect(log.some((entry) => entry.event === "throttled")).toBe(true)
    expect(network.totals.messages).toBe(45)
  })

  it("wait in the centre while the server is away, and come when it is back", async () => {
    await client.close()
    const tpdu = encodeTpdu({
      kind: "submit",
      rejectDuplicates: false,
      statusReportWanted: false,
      hasReplyPath: false,
      reference: 0,
      to: addressOf(service),
      protocolId: 0,
      coding: 0x04,
      validity: { format: "relative", minutes: 60 },
      userData: { header: null, data: Uint8Array.of(1) },
    })
    await radio.sendSms(tpdu)
    client = startClient()
    await until(() => received.length === 1)
  })

  it("wait in the server while the centre restarts", async () => {
    await until(() => client.isReady())
    const { port } = centre
    await centre.close()
    await until(() => !client.isReady())
    const outcome = client.send(message)
    centre = await startCentre(port)
    expect(await outcome).toMatchObject({ kind: "accepted" })
  })
})
