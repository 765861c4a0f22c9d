import type { Socket } from "node:net"
import type { BodyClock } from "../../core/families/body.ts"
import { concat } from "../../core/kit/bytes.ts"
import { MalformedMessage } from "../../core/kit/malformed-message.ts"
import { decodeSmppCoding, encodeSmppCoding, relativeMinutes } from "../../core/protocols/smpp/coding.ts"
import type { SmppAddress } from "../../core/protocols/smpp/fields.ts"
import { decodePdu, encodePdu, readHeader } from "../../core/protocols/smpp/pdu.ts"
import { PduCutter } from "../../core/protocols/smpp/pdu-cutter.ts"
import { type Command, commandOfId, type Pdu, type PduOf, responseTo } from "../../core/protocols/smpp/pdu-table.ts"
import { writeReceipt } from "../../core/protocols/smpp/receipt.ts"
import { smppStatus, statusCode } from "../../core/protocols/smpp/status.ts"
import { decodeDataCoding, encodeDataCoding } from "../../core/protocols/sms/data-coding.ts"
import { maxUserDataOctets, maxUserDataSeptets, splitHeader, writeHeader } from "../../core/protocols/sms/user-data.ts"
import type { SmppAccount } from "./smpp-account.ts"
import type { NetworkMessage, SmsNetwork } from "./sms-network.ts"

export interface SmppGuestNeeds {
  readonly accounts: readonly SmppAccount[]
  readonly network: SmsNetwork
  readonly clock: BodyClock
  readonly maxPerSecond: number
  readonly nextMessageId: () => string
  readonly ended: () => void
}

const headerBit = 0x40
const receiptClass = 0x04
/** §7.1.1: a message without a validity period gets the centre's own. */
const defaultValidityMinutes = 24 * 60

type Message = PduOf<"deliverSm">["fields"]

/** One service's connection to the centre. */
export class SmppGuest {
  readonly #socket: Socket
  readonly #needs: SmppGuestNeeds
  readonly #cutter = new PduCutter()
  readonly #waiting = new Map<number, (status: number | null) => void>()
  #account: SmppAccount | null = null
  #mayReceive = false
  #sequence = 0
  /** Hand-ins of the second that began at `#secondAtMs`. */
  #inSecond = 0
  #secondAtMs = 0

  constructor(socket: Socket, needs: SmppGuestNeeds) {
    this.#socket = socket
    this.#needs = needs
    socket.on("data", (packet: Uint8Array) => this.#take(packet))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      for (const settle of this.#waiting.values()) settle(null)
      needs.ended()
    })
  }

  mayReceive(systemId: string): boolean {
    return this.#mayReceive && this.#account?.systemId === systemId
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Hands over a phone's message. False: it was not taken, another try may help. A permanent no counts as taken. */
  async deliver(message: NetworkMessage): Promise<boolean> {
    const status = await this.#request(deliverFields(message), {})
    return status !== null && !smppStatus(status).isTemporary
  }

  #request(fields: Message, tlvs: PduOf<"deliverSm">["tlvs"]): Promise<number | null> {
    const sequence = ++this.#sequence
    return new Promise((resolve) => {
      this.#waiting.set(sequence, resolve)
      this.#write({ command: "deliverSm", status: 0, sequence, fields, tlvs })
    })
  }

  #take(packet: Uint8Array): void {
    try {
      for (const octets of this.#cutter.push(packet)) this.#takePdu(octets)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#socket.destroy()
    }
  }

  #takePdu(octets: Uint8Array): void {
    const { id, sequence } = readHeader(octets)
    try {
      const pdu = decodePdu(octets)
      if (pdu === null) this.#nack(sequence, statusCode.invalidCommand)
      else this.#act(pdu)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      const command = commandOfId(id)
      if (command === null || responseTo(command) !== null) this.#nack(sequence, statusCode.invalidLength)
      else this.#settle(sequence, null)
    }
  }

  #act(pdu: Pdu): void {
    const { sequence, status } = pdu
    if (responseTo(pdu.command) === null) return this.#settle(sequence, status)
    const ok = { status: 0, sequence, tlvs: {} } as const
    switch (pdu.command) {
      case "bindReceiver":
      case "bindTransmitter":
      case "bindTransceiver":
        return this.#bind(pdu)
      case "submitSm":
        return this.#submit(pdu)
      case "enquireLink":
        return this.#write({ command: "enquireLinkResponse", fields: {}, ...ok })
      case "unbind":
        this.#mayReceive = false
        this.#write({ command: "unbindResponse", fields: {}, ...ok })
        return void this.#socket.end()
      default:
        return this.#nack(sequence, statusCode.invalidCommand)
    }
  }

  #bind(pdu: PduOf<"bindReceiver" | "bindTransmitter" | "bindTransceiver">): void {
    const { systemId, password } = pdu.fields
    const account = this.#needs.accounts.find((row) => row.systemId === systemId && row.password === password)
    const status = account === undefined ? statusCode.invalidPassword : statusCode.ok
    const tlvs = { interfaceVersion: 0x34 }
    const command = `${pdu.command}Response` as const
    this.#write({ command, status, sequence: pdu.sequence, fields: { systemId: "waft-smsc" }, tlvs })
    if (account === undefined) return
    this.#account = account
    this.#mayReceive = pdu.command !== "bindTransmitter"
  }

  #submit(pdu: PduOf<"submitSm">): void {
    const status = this.#statusFor(pdu)
    const messageId = status === statusCode.ok ? this.#needs.nextMessageId() : ""
    this.#write({ command: "submitSmResponse", status, sequence: pdu.sequence, fields: { messageId }, tlvs: {} })
    if (status === statusCode.ok) this.#needs.network.accept(this.#messageOf(pdu, messageId))
  }

  #statusFor(pdu: PduOf<"submitSm">): number {
    if (this.#account === null) return statusCode.wrongBindStatus
    const { destination, shortMessage, dataCoding } = pdu.fields
    const octets = pdu.tlvs.messagePayload ?? shortMessage
    const isSeptets = decodeSmppCoding(dataCoding).alphabet === "gsm7"
    if (octets.length > (isSeptets ? maxUserDataSeptets : maxUserDataOctets)) return 0x01
    if (!/^\d{1,20}$/.test(destination.value)) return statusCode.invalidDestination
    const nowMs = this.#needs.clock.now()
    if (nowMs - this.#secondAtMs >= 1000) {
      this.#secondAtMs = nowMs
      this.#inSecond = 0
    }
    return ++this.#inSecond > this.#needs.maxPerSecond ? statusCode.throttled : statusCode.ok
  }

  #messageOf({ fields, tlvs }: PduOf<"submitSm">, messageId: string): NetworkMessage {
    const octets = tlvs.messagePayload ?? fields.shortMessage
    const { alphabet, messageClass } = decodeSmppCoding(fields.dataCoding)
    const hasHeader = (fields.esmClass & headerBit) !== 0
    const { header, headerOctets } = hasHeader ? splitHeader(octets) : { header: null, headerOctets: 0 }
    const submittedAtMs = this.#needs.clock.now()
    const message = {
      from: this.#account?.number ?? numberOf(fields.source),
      to: numberOf(fields.destination),
      coding: encodeDataCoding(alphabet, messageClass),
      userData: {
        header,
        data:
          alphabet === "gsm7" ? octets.slice(headerOctets).map((octet) => octet & 0x7f) : octets.slice(headerOctets),
      },
      validityMinutes: relativeMinutes(fields.validity) ?? defaultValidityMinutes,
    }
    if ((fields.registeredDelivery & 0x03) === 0) return message
    return { ...message, settled: (fate) => void this.#receipt(message, { messageId, submittedAtMs, fate }) }
  }

  async #receipt(
    about: Omit<NetworkMessage, "settled">,
    facts: { readonly messageId: string; readonly submittedAtMs: number; readonly fate: "delivered" | "expired" },
  ): Promise<void> {
    const isDelivered = facts.fate === "delivered"
    const { shortMessage, tlvs } = writeReceipt({
      ...facts,
      word: isDelivered ? "DELIVRD" : "EXPIRED",
      error: isDelivered ? "000" : "001",
      doneAtMs: this.#needs.clock.now(),
    })
    const { to: from, from: to } = about
    const fields = deliverFields({ ...about, from, to, coding: 0, userData: { header: null, data: shortMessage } })
    // A receipt whose connection is gone is not kept: it tells nothing that a query would not.
    if (this.#mayReceive) await this.#request({ ...fields, esmClass: receiptClass }, tlvs)
  }

  #settle(sequence: number, status: number | null): void {
    this.#waiting.get(sequence)?.(status)
    this.#waiting.delete(sequence)
  }

  #nack(sequence: number, status: number): void {
    this.#write({ command: "genericNack", status, sequence, fields: {}, tlvs: {} })
  }

  #write<Name extends Command>(pdu: PduOf<Name>): void {
    if (!this.#socket.destroyed) this.#socket.write(encodePdu(pdu))
  }
}

function numberOf({ typeOfNumber, value }: SmppAddress): string {
  return typeOfNumber === 1 ? `+${value}` : value
}

function smppAddress(number: string): SmppAddress {
  if (number.startsWith("+")) return { typeOfNumber: 1, plan: 1, value: number.slice(1) }
  return { typeOfNumber: 0, plan: 1, value: number }
}

function deliverFields(message: Omit<NetworkMessage, "settled">): Message {
  const { alphabet, messageClass } = decodeDataCoding(message.coding)
  const { header, data } = message.userData
  return {
    serviceType: "",
    source: smppAddress(message.from),
    destination: smppAddress(message.to),
    esmClass: header === null ? 0 : headerBit,
    protocolId: 0,
    priority: 0,
    scheduledAt: "",
    validity: "",
    registeredDelivery: 0,
    replaceIfPresent: 0,
    // SMPP has no UCS2 with a class: the class is dropped, as centres do.
    dataCoding: encodeSmppCoding({ alphabet, messageClass: alphabet === "ucs2" ? null : messageClass }),
    defaultMessageId: 0,
    shortMessage: header === null ? data : concat([writeHeader(header), data]),
  }
}
