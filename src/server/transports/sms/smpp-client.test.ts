import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { fromHex, latin1 } from "../../../core/kit/bytes.ts"
import type { PduOf } from "../../../core/protocols/smpp/pdu-table.ts"
import { statusCode } from "../../../core/protocols/smpp/status.ts"
import { concatenationElement } from "../../../core/protocols/sms/user-data.ts"
import type { IncomingSms, OutgoingSms, SmsStatus, SmsTransport, UnreadableSms } from "./sms-transport.ts"
import { type SmppClientOptions, type SmppLogEntry, startSmppClient } from "./smpp-client.ts"
import { HandClock, SmppPeer } from "./smpp-peer.testing.ts"

const message: OutgoingSms = {
  to: "+4917123456789",
  alphabet: "octets",
  messageClass: 0,
  header: null,
  data: Uint8Array.of(0xde, 0xad, 0xbe, 0xef),
  validityMinutes: 60,
  wantsStatus: true,
}

let peer: SmppPeer
let clock: HandClock
let client: SmsTransport
let log: SmppLogEntry[]
let received: IncomingSms[]
let statuses: SmsStatus[]
let unreadable: UnreadableSms[]
let take: () => Promise<void>

beforeEach(async () => {
  peer = await SmppPeer.start()
  clock = new HandClock()
  log = []
  received = []
  statuses = []
  unreadable = []
  take = () => Promise.resolve()
})

afterEach(async () => {
  peer.answer = () => 0
  const closing = client.close()
  clock.pass(60_000)
  await closing
  await peer.close()
})

function start(options: Partial<SmppClientOptions> = {}): void {
  client = startSmppClient({
    centre: { host: "127.0.0.1", port: peer.port },
    systemId: "waft",
    password: "secret",
    sender: "+393399991234",
    receiver: {
      received: async (sms) => {
        await take()
        received.push(sms)
      },
      statusChanged: async (status) => {
        await take()
        statuses.push(status)
      },
      unreadable: async (sms) => {
        await take()
        unreadable.push(sms)
      },
    },
    clock,
    random: () => 0,
    log: (entry) => void log.push(entry),
    ...options,
  })
}

/** Moves the clock until something has happened that needs sockets as well. */
async function until(holds: () => boolean, stepMs = 0): Promise<void> {
  while (!holds()) {
    clock.pass(stepMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const deliverSm = (fields: Partial<PduOf<"deliverSm">["fields"]>): Omit<PduOf<"deliverSm">, "command"> => ({
  status: 0,
  sequence: 77,
  tlvs: {},
  fields: {
    serviceType: "",
    source: { typeOfNumber: 1, plan: 1, value: "4917123456789" },
    destination: { typeOfNumber: 1, plan: 1, value: "393399991234" },
    esmClass: 0,
    protocolId: 0,
    priority: 0,
    scheduledAt: "",
    validity: "",
    registeredDelivery: 0,
    replaceIfPresent: 0,
    dataCoding: 0xf4,
    defaultMessageId: 0,
    shortMessage: Uint8Array.of(1, 2, 3),
    ...fields,
  },
})

describe("the SMPP client", () => {
  it("binds as a transceiver and hands a message over with class, validity and the wish for a receipt", async () => {
    start()
    expect(await client.send(message)).toEqual({ kind: "accepted", reference: "m1" })
    expect((await peer.next("bindTransceiver")).fields).toMatchObject({ systemId: "waft", interfaceVersion: 0x34 })
    expect((await peer.next("submitSm")).fields).toMatchObject({
      source: { typeOfNumber: 1, plan: 1, value: "393399991234" },
      destination: { typeOfNumber: 1, plan: 1, value: "4917123456789" },
      dataCoding: 0xf4,
      validity: "000000010000000R",
      registeredDelivery: 1,
      shortMessage: message.data,
    })
    expect(log).toEqual([{ event: "bound", centre: `127.0.0.1:${peer.port}` }])
  })

  it("puts a user data header before the data and says so", async () => {
    start()
    await client.send({ ...message, header: [concatenationElement({ reference: 7, total: 2, sequence: 1 })] })
    const { fields } = await peer.next("submitSm")
    expect(fields.esmClass).toBe(0x40)
    expect(fields.shortMessage).toEqual(fromHex("050003070201deadbeef"))
  })

  it("keeps no more than its window on the way", async () => {
    peer.answer = (pdu) => (pdu.command === "submitSm" ? null : 0)
    start({ limits: { window: 3 } })
    const outcomes = Array.from({ length: 5 }, () => client.send(message))
    const first = await peer.next("submitSm")
    await peer.next("submitSm")
    await peer.next("submitSm")
    const fields = { messageId: "late" }
    peer.send("submitSmResponse", { status: 0, sequence: first.sequence, fields, tlvs: {} })
    expect(await outcomes[0]).toEqual({ kind: "accepted", reference: "late" })
    const fourth = await peer.next("submitSm")
    expect(fourth.sequence).toBe(first.sequence + 3)
  })

  it("refuses what its queue cannot hold, and what SMPP cannot carry, without sending it", async () => {
    peer.answer = () => null
    start({ limits: { maxQueued: 1 } })
    const waiting = client.send(message)
    expect(await client.send(message)).toMatchObject({ kind: "not-sent" })
    await client.close()
    expect(await waiting).toMatchObject({ kind: "not-sent" })
    start()
    peer.answer = () => 0
    expect(await client.send({ ...message, data: new Uint8Array(255) })).toMatchObject({ kind: "not-sent" })
    expect(await client.send({ ...message, to: "+123456789012345678901234" })).toMatchObject({ kind: "not-sent" })
  })

  it("says that a message is uncertain when no answer comes in time or the connection breaks first", async () => {
    peer.answer = (pdu) => (pdu.command === "submitSm" ? null : 0)
    start()
    const late = client.send(message)
    await peer.next("submitSm")
    clock.pass(60_000)
    expect(await late).toMatchObject({ kind: "uncertain", words: "the service centre did not answer" })
    const cut = client.send(message)
    await peer.next("submitSm")
    peer.hangUp()
    expect(await cut).toMatchObject({ kind: "uncertain" })
  })

  it("takes any answer with status 0 for an acceptance, whatever its body", async () => {
    peer.answer = (pdu) => (pdu.command === "submitSm" ? null : 0)
    start()
    for (const [body, reference] of [
      ["6d310000", "m1"],
      ["6d31", "m1"],
      ["41".repeat(70), "A".repeat(70)],
      ["", ""],
    ] as const) {
      const outcome = client.send(message)
      const { sequence } = await peer.next("submitSm")
      const octets = new Uint8Array(16 + body.length / 2)
      const view = new DataView(octets.buffer)
      view.setUint32(0, octets.length)
      view.setUint32(4, 0x80000004)
      view.setUint32(12, sequence)
      octets.set(fromHex(body) ?? [], 16)
      peer.sendRaw(octets)
      expect(await outcome, body).toEqual({ kind: "accepted", reference })
    }
  })

  it("takes an answer after 12 s, and tells one that comes after the wait was given up", async () => {
    peer.answer = (pdu) => (pdu.command === "submitSm" ? null : 0)
    start()
    const slow = client.send(message)
    const first = await peer.next("submitSm")
    clock.pass(12_000)
    peer.send("submitSmResponse", { status: 0, sequence: first.sequence, fields: { messageId: "slow" }, tlvs: {} })
    expect(await slow).toEqual({ kind: "accepted", reference: "slow" })
    const given = client.send(message)
    const second = await peer.next("submitSm")
    clock.pass(60_000)
    const outcome = await given
    peer.send("submitSmResponse", { status: 0, sequence: second.sequence, fields: { messageId: "late" }, tlvs: {} })
    expect(outcome.kind === "uncertain" && (await outcome.later)).toEqual({ kind: "accepted", reference: "late" })
  })

  it("tells a refusal by name, and whether another try may help", async () => {
    peer.answer = (pdu) => (pdu.command === "submitSm" ? statusCode.invalidDestination : 0)
    start()
    expect(await client.send(message)).toEqual({
      kind: "refused",
      code: "ESME_RINVDSTADR",
      words: "invalid destination address",
      isTemporary: false,
    })
  })

  it("pauses when it is throttled, twice as long each time, and then sends the same message", async () => {
    let refusals = 2
    peer.answer = (pdu) => (pdu.command === "submitSm" && refusals-- > 0 ? statusCode.throttled : 0)
    start()
    const outcome = client.send(message)
    await until(() => log.length === 2)
    expect(client.isReady()).toBe(false)
    await until(() => log.length === 3, 250)
    expect(log.slice(1)).toEqual([
      { event: "throttled", pauseMs: 1000 },
      { event: "throttled", pauseMs: 2000 },
    ])
    clock.pass(2000)
    expect(await outcome).toMatchObject({ kind: "accepted" })
  })

  it("connects again after every loss, later each time, and tells of it once", async () => {
    start()
    await peer.next("bindTransceiver")
    await until(() => log.length === 1)
    peer.answer = (pdu) => (pdu.command === "bindTransceiver" ? statusCode.invalidPassword : 0)
    peer.hangUp()
    await until(() => peer.connections === 4, 250)
    expect(log.filter((entry) => entry.event === "down")).toHaveLength(1)
    peer.answer = () => 0
    const outcome = client.send(message)
    await until(() => log.at(-1)?.event === "bound", 1000)
    expect(await outcome).toMatchObject({ kind: "accepted" })
  })

  it("asks a silent centre whether it lives, and leaves one that does not answer", async () => {
    start()
    await until(() => client.isReady())
    clock.pass(30_000)
    await peer.next("enquireLink")
    await until(() => client.isReady())
    peer.answer = (pdu) => (pdu.command === "enquireLink" ? null : 0)
    await until(() => !client.isReady(), 1000)
    expect(log.at(-1)).toEqual({ event: "down", why: "the centre does not answer enquire_link" })
  })

  it("answers enquire_link and unbind", async () => {
    start()
    await until(() => client.isReady())
    peer.send("enquireLink", { status: 0, sequence: 5, fields: {}, tlvs: {} })
    expect((await peer.next("enquireLinkResponse")).sequence).toBe(5)
    peer.send("unbind", { status: 0, sequence: 6, fields: {}, tlvs: {} })
    expect((await peer.next("unbindResponse")).sequence).toBe(6)
    await until(() => peer.connections === 2, 250)
  })
})

describe("an incoming message", () => {
  it("reaches the receiver with number, coding and data, and is answered once it is taken", async () => {
    let release: () => void = () => undefined
    take = () =>
      new Promise((resolve) => {
        release = resolve
      })
    start()
    await until(() => client.isReady())
    peer.send("deliverSm", deliverSm({}))
    const answered = peer.next("deliverSmResponse")
    expect(await Promise.race([answered, Promise.resolve("not yet")])).toBe("not yet")
    await until(() => {
      release()
      return received.length === 1
    })
    expect(await answered).toMatchObject({ sequence: 77, status: 0 })
    expect(received[0]).toEqual({
      from: "+4917123456789",
      to: "+393399991234",
      alphabet: "octets",
      messageClass: 0,
      header: null,
      data: Uint8Array.of(1, 2, 3),
    })
  })

  it("that the receiver cannot take stays with the centre", async () => {
    take = () => Promise.reject(new Error("disk full"))
    start()
    await until(() => client.isReady())
    peer.send("deliverSm", deliverSm({}))
    expect(await peer.next("deliverSmResponse")).toMatchObject({ status: statusCode.temporaryAtReceiver })
    expect(log.at(-1)).toMatchObject({ event: "not-taken" })
  })

  it("beyond the limit of those being taken is put off", async () => {
    take = () => new Promise(() => undefined)
    start({ limits: { maxIncoming: 1 } })
    await until(() => client.isReady())
    peer.send("deliverSm", deliverSm({}))
    peer.send("deliverSm", { ...deliverSm({}), sequence: 78 })
    expect(await peer.next("deliverSmResponse")).toMatchObject({ sequence: 78, status: statusCode.throttled })
  })

  it("in the default alphabet is septets, also from a centre that shows it as Latin-1", async () => {
    start()
    await until(() => client.isReady())
    peer.send("deliverSm", deliverSm({ dataCoding: 0, shortMessage: Uint8Array.of(0x41, 0xfc) }))
    await until(() => received.length === 1)
    expect(received[0]).toMatchObject({ alphabet: "gsm7", messageClass: null, data: Uint8Array.of(0x41, 0x7e) })
  })

  it("that is a receipt becomes the status of the message that it names", async () => {
    start()
    await until(() => client.isReady())
    const text = latin1("id:m1 sub:001 dlvrd:000 stat:EXPIRED err:021 text:")
    peer.send("deliverSm", deliverSm({ esmClass: 0x04, dataCoding: 0, shortMessage: text }))
    await until(() => statuses.length === 1)
    expect(statuses).toEqual([
      {
        reference: "m1",
        otherReferences: ["M1"],
        about: "+4917123456789",
        state: "failed",
        words: "EXPIRED, error 021",
      },
    ])
    expect(received).toEqual([])
  })

  it("that cannot be read stays with the centre until it is kept elsewhere", async () => {
    take = () => Promise.reject(new Error("disk full"))
    start()
    await until(() => client.isReady())
    peer.sendRaw(fromHex("00000011000000050000000000000009ff") ?? new Uint8Array(0))
    expect(await peer.next("deliverSmResponse")).toMatchObject({ status: statusCode.temporaryAtReceiver })
  })

  it("may come as a data_sm, and so may a receipt, in message_payload (§4.7)", async () => {
    start()
    await until(() => client.isReady())
    const { serviceType, source, destination, dataCoding } = deliverSm({}).fields
    const fields = { serviceType, source, destination, esmClass: 0, registeredDelivery: 0, dataCoding }
    peer.send("dataSm", { status: 0, sequence: 5, fields, tlvs: { messagePayload: Uint8Array.of(7, 8) } })
    expect(await peer.next("dataSmResponse")).toMatchObject({ sequence: 5, status: 0 })
    expect(received[0]).toMatchObject({ from: "+4917123456789", data: Uint8Array.of(7, 8) })
    const tlvs = { messagePayload: latin1("id:1A stat:delivered err:000") }
    peer.send("dataSm", { status: 0, sequence: 6, fields: { ...fields, esmClass: 0x04 }, tlvs })
    expect(await peer.next("dataSmResponse")).toMatchObject({ sequence: 6, status: 0 })
    expect(statuses[0]).toMatchObject({ reference: "1A", state: "delivered" })
    expect(statuses[0]?.otherReferences).toContain("26")
  })

  it("after any malformed PDU is still heard", async () => {
    start()
    await until(() => client.isReady())
    const malformed = [
      "00000011000000050000000000000009ff",
      "00000014800000040000000000000063ffffffff",
      "00000010000001020000000000000008",
      // An enquire_link may have more behind it than it should.
      "00000012000000150000000000000007abcd",
      "00000012000000040000000000000007abcd",
    ]
    const [first = "", ...others] = malformed
    peer.sendRaw(fromHex(first) ?? new Uint8Array(0))
    expect(await peer.next("deliverSmResponse")).toMatchObject({ sequence: 9, status: statusCode.permanentAtReceiver })
    for (const octets of others) peer.sendRaw(fromHex(octets) ?? new Uint8Array(0))
    expect(await peer.next("genericNack")).toMatchObject({ sequence: 8, status: statusCode.invalidCommand })
    expect(await peer.next("enquireLinkResponse")).toMatchObject({ sequence: 7, status: 0 })
    expect(await peer.next("genericNack")).toMatchObject({ sequence: 7, status: statusCode.invalidLength })
    expect(unreadable).toEqual([{ octets: malformed[0], why: expect.stringContaining("no end of text") as string }])
    // A user data header that is longer than its message is none.
    peer.send("deliverSm", deliverSm({ esmClass: 0x40, shortMessage: Uint8Array.of(9, 1) }))
    expect(await peer.next("deliverSmResponse")).toMatchObject({ status: 0 })
    peer.send("deliverSm", deliverSm({}))
    await until(() => received.length === 2)
    expect(received[0]).toMatchObject({ header: null, data: Uint8Array.of(9, 1) })
    expect(log.filter((entry) => entry.event === "malformed")).toHaveLength(1)
    expect(peer.connections).toBe(1)
  })

  it("after a length that no PDU has comes over a new connection", async () => {
    start()
    await until(() => client.isReady())
    peer.sendRaw(new Uint8Array(16).fill(0xff))
    await until(() => peer.connections === 2, 250)
    await until(() => client.isReady())
  })
})
