import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, hex, latin1 } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { decodeSmppCoding, encodeSmppCoding, relativeMinutes, relativeTime } from "./coding.ts"
import { decodePdu, encodePdu } from "./pdu.ts"
import { PduCutter } from "./pdu-cutter.ts"
import { type Command, type Pdu, type PduOf, pduTable, responseTo } from "./pdu-table.ts"
import { isReceipt, otherForms, readReceipt, writeReceipt } from "./receipt.ts"
import { smppStatus, statusCode } from "./status.ts"
import vectors from "./vectors.json" with { type: "json" }

const bytes = (text: string) => fromHex(text.replaceAll(" ", "")) ?? new Uint8Array(0)
const message = {
  serviceType: "",
  source: { typeOfNumber: 0, plan: 1, value: "1234" },
  destination: { typeOfNumber: 1, plan: 1, value: "4917123" },
  esmClass: 0,
  protocolId: 0,
  priority: 0,
  scheduledAt: "",
  validity: "",
  registeredDelivery: 0,
  replaceIfPresent: 0,
  dataCoding: 0,
  defaultMessageId: 0,
  shortMessage: new Uint8Array(0),
}
const delivery = (text: string, tlvs: PduOf<"deliverSm">["tlvs"] = {}): PduOf<"deliverSm"> => ({
  command: "deliverSm",
  status: 0,
  sequence: 1,
  fields: { ...message, esmClass: 0x04, shortMessage: latin1(text) },
  tlvs,
})

/** Where the mandatory fields of a PDU end: from there on it may be cut. */
function fieldsEnd(whole: Uint8Array): number {
  const read = decodePdu(whole)
  return read === null ? 16 : encodePdu({ ...read, tlvs: {} }).length
}

describe("a PDU", () => {
  it.each(vectors.pdus)("is read and written as by hand: $source", ({ octets, pdu }) => {
    const read = decodePdu(bytes(octets))
    const fields: Record<string, unknown> = { ...read?.fields }
    if (fields["shortMessage"] instanceof Uint8Array) fields["shortMessage"] = hex(fields["shortMessage"])
    expect({ ...read, fields }).toEqual({ tlvs: {}, ...pdu })
    if (read !== null && pdu.status === 0) expect(hex(encodePdu(read))).toBe(hex(bytes(octets)))
  })

  it("that is cut anywhere inside its fields is malformed", () => {
    for (const { octets } of vectors.pdus) {
      const whole = bytes(octets)
      if (whole.length === 16) continue
      for (let end = 17; end < whole.length; end++) {
        const cut = Uint8Array.from([0, 0, 0, end, ...whole.subarray(4, end)])
        // The text of a response, and what stands behind the fields of any PDU, may be cut.
        if ((whole[4] ?? 0) >= 0x80 || end >= fieldsEnd(whole)) expect(() => decodePdu(cut)).not.toThrow()
        else expect(() => decodePdu(cut), `${octets} at ${end}`).toThrow(MalformedMessage)
      }
    }
  })

  it("that answers a submit_sm is read whatever stands in its body: its status is the answer (§4.4.2)", () => {
    const long = "41".repeat(70)
    for (const [body, messageId] of [
      ["", ""],
      ["00", ""],
      ["6d3100", "m1"],
      ["6d31", "m1"],
      ["6d310000", "m1"],
      ["6d3100042301", "m1"],
      [`${long}00`, "A".repeat(70)],
      [long, "A".repeat(70)],
    ] as const) {
      const octets = bytes(`000000${hex(Uint8Array.of(16 + body.length / 2))}800000040000000000000007${body}`)
      expect(decodePdu(octets), body).toMatchObject({ command: "submitSmResponse", status: 0, fields: { messageId } })
    }
  })

  it("is read with octets behind its short_message, and with a text that is longer than it may be", () => {
    const pdu = { ...delivery("hello"), fields: { ...message, shortMessage: latin1("hello") } }
    const whole = encodePdu(pdu)
    for (const spare of ["00", "0000", "ffff", "0424ff", "042400ff01"]) {
      const octets = concat([whole, bytes(spare)])
      octets[3] = octets.length
      expect(decodePdu(octets), spare).toMatchObject({ fields: { shortMessage: latin1("hello") } })
    }
    const longType = concat([whole.subarray(0, 16), latin1("a service type"), whole.subarray(16)])
    longType[3] = longType.length
    expect(decodePdu(longType)).toMatchObject({ fields: { serviceType: "a service type", source: message.source } })
  })

  it("of a command that Waft does not speak is none of its own", () => {
    expect(decodePdu(bytes("00000010000001020000000000000001"))).toBeNull()
  })

  it("of random bytes is read, unknown or malformed", () => {
    const id = fc.constantFrom(...Object.values(pduTable).map((row) => row.id))
    fc.assert(
      fc.property(id, fc.uint8Array({ maxLength: 120 }), (command, body) => {
        const frame = new Uint8Array(16 + body.length)
        const view = new DataView(frame.buffer)
        view.setUint32(0, frame.length)
        view.setUint32(4, command)
        frame.set(body, 16)
        try {
          decodePdu(frame)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it("keeps its meaning when an unknown or a misshapen optional parameter stands in it", () => {
    const body = concat([bytes("534d534300"), bytes("1403 0002 abcd"), bytes("0210 0002 3434"), bytes("0427 0001 02")])
    const frame = concat([Uint8Array.of(0, 0, 0, 16 + body.length), bytes("800000090000000000000001"), body])
    expect(decodePdu(frame)).toMatchObject({ fields: { systemId: "SMSC" }, tlvs: { messageState: 2 } })
    expect(decodePdu(frame)?.tlvs).not.toHaveProperty("interfaceVersion")
  })

  it("whose field is too long is not written", () => {
    const tooLong = { ...delivery("x".repeat(255)) }
    expect(() => encodePdu(tooLong)).toThrow(RangeError)
    expect(() => encodePdu({ ...delivery(""), fields: { ...message, serviceType: "7 bytes" } })).toThrow(RangeError)
  })

  it("that asks has an answer in the table, and an answer has none", () => {
    for (const command of Object.keys(pduTable) as Command[]) {
      const response = responseTo(command)
      expect(response === null, command).toBe(pduTable[command].id >= 0x80000000)
      if (response !== null) expect(pduTable[response].id).toBe(pduTable[command].id + 0x80000000)
    }
  })
})

describe("the PDU cutter", () => {
  const stream = concat(vectors.pdus.map(({ octets }) => bytes(octets)))
  const whole = vectors.pdus.map(({ octets }) => hex(bytes(octets)))

  it("gives the same PDUs however two cuts divide the bytes", () => {
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 11) {
        const cutter = new PduCutter()
        const parts = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)]
        expect(parts.flatMap((part) => cutter.push(part)).map(hex)).toEqual(whole)
      }
    }
  })

  it("gives up a connection whose next length no PDU has", () => {
    for (const length of ["00000000", "0000000f", "00011171", "ffffffff"]) {
      const cutter = new PduCutter()
      expect(() => cutter.push(concat([bytes(length), new Uint8Array(12)])), length).toThrow(MalformedMessage)
    }
  })

  it("keeps nothing of the packet's own memory", () => {
    const cutter = new PduCutter()
    const packet = bytes("0000001000000015")
    cutter.push(packet)
    packet.fill(0)
    expect(cutter.push(bytes("000000000000000a")).map(hex)).toEqual(["0000001000000015000000000000000a"])
  })
})

describe("data_coding", () => {
  it.each(vectors.codings)(
    "$value means $alphabet, class $messageClass: $source",
    ({ value, alphabet, messageClass }) => {
      expect(decodeSmppCoding(value)).toEqual({ alphabet, messageClass })
    },
  )

  it("is written so that it reads back", () => {
    for (const alphabet of ["gsm7", "octets"] as const) {
      for (const messageClass of [null, 0, 1, 2, 3] as const) {
        expect(decodeSmppCoding(encodeSmppCoding({ alphabet, messageClass }))).toEqual({ alphabet, messageClass })
      }
    }
    expect(() => encodeSmppCoding({ alphabet: "ucs2", messageClass: 0 })).toThrow(RangeError)
  })
})

describe("a relative time", () => {
  it.each(vectors.times)("of $minutes minutes is $text", ({ minutes, text }) => {
    expect(relativeTime(minutes)).toBe(text)
    expect(relativeMinutes(text)).toBe(minutes)
  })

  it("is a minute at least and 99 days at most; anything else is none", () => {
    expect(relativeTime(0)).toBe("000000000100000R")
    expect(relativeTime(1e9)).toBe("000099000000000R")
    expect(relativeMinutes("261121142500004+")).toBeNull()
  })
})

describe("a delivery receipt", () => {
  it.each(vectors.receipts)("is read from its text: $source", ({ text, receipt }) => {
    expect(isReceipt(delivery(text))).toBe(true)
    expect(readReceipt(delivery(text))).toEqual(receipt)
  })

  it("is read from its optional parameters first", () => {
    const pdu = delivery("id:1 stat:UNDELIV err:1", { receiptedMessageId: "7", messageState: 2 })
    expect(readReceipt(pdu)).toMatchObject({ messageId: "7", state: "delivered", word: "DELIVRD" })
  })

  it("is read from message_payload, and with an id that its optional parameter leaves empty", () => {
    const pdu = delivery("", { messagePayload: latin1("id:7 stat:DELIVRD"), receiptedMessageId: "" })
    expect(readReceipt(pdu)).toMatchObject({ messageId: "7", state: "delivered" })
    expect(readReceipt(delivery("id:7", { messageState: 99 }))).toMatchObject({ state: "unknown" })
  })

  it("may write the id of a response in another way", () => {
    expect(otherForms("1A2B")).toEqual(expect.arrayContaining(["1a2b", "6699"]))
    expect(otherForms("6699")).toEqual(expect.arrayContaining(["1A2B", "1a2b", "00001A2B"]))
    expect(otherForms("00001a2b")).toEqual(expect.arrayContaining(["1a2b", "6699"]))
    expect(otherForms("m1")).toEqual(["M1"])
    for (const form of ["18446744073709551615", "ffffffffffffffff"]) {
      expect(otherForms(form)).toContain(form.startsWith("f") ? "18446744073709551615" : "ffffffffffffffff")
    }
  })

  it("that names no message is none, and an ordinary message is no receipt", () => {
    expect(readReceipt(delivery("good morning"))).toBeNull()
    expect(isReceipt({ ...delivery(""), fields: message })).toBe(false)
  })

  it("survives being written, sent and read", () => {
    const atMs = Date.UTC(2026, 10, 21, 14, 25)
    const { shortMessage, tlvs } = writeReceipt({
      messageId: "a1",
      word: "EXPIRED",
      error: "001",
      submittedAtMs: atMs,
      doneAtMs: atMs,
    })
    const pdu = { ...delivery(""), fields: { ...message, esmClass: 0x04, shortMessage }, tlvs }
    const read = decodePdu(encodePdu(pdu)) as Pdu & { command: "deliverSm" }
    expect(readReceipt(read)).toEqual({ messageId: "a1", state: "failed", word: "EXPIRED", error: "001" })
    expect(readReceipt({ ...read, tlvs: {} })).toEqual({
      messageId: "a1",
      state: "failed",
      word: "EXPIRED",
      error: "001",
    })
  })
})

describe("a command status", () => {
  it("tells what may be tried again", () => {
    expect(smppStatus(statusCode.throttled)).toMatchObject({ name: "ESME_RTHROTTLED", isTemporary: true })
    expect(smppStatus(statusCode.invalidDestination)).toMatchObject({ name: "ESME_RINVDSTADR", isTemporary: false })
    expect(smppStatus(0x400)).toMatchObject({ code: 0x400, name: "0x00000400", isTemporary: false })
  })
})
