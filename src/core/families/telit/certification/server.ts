import { addressOf } from "../../../protocols/sms/address.ts"
import { encodeDataCoding } from "../../../protocols/sms/data-coding.ts"
import { decodeFromMobile, encodeTpdu } from "../../../protocols/sms/tpdu.ts"
import type { BodyClock, ByteStream } from "../../body.ts"
import { ftpAddress } from "./net.ts"
import type { CertificationRadio } from "./radio.ts"
import type { Variant } from "../models.ts"
import { frameOf, octetsOfSms, PfmCutter, smsBytes } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import type { PfmKeys } from "../codec/pfm-keys.ts"
import { isFromModule, pfmTable, type PfmFromModule, type PfmFromServer } from "../codec/pfm-table.ts"

export interface ServerParts {
  readonly imei: string
  readonly keys: PfmKeys
  readonly variant: Variant
  readonly clock: BodyClock
  readonly radio: () => CertificationRadio
  readonly heard: (message: PfmFromModule) => void
}

type Saying = {
  [Name in PfmFromServer["name"]]: Omit<Extract<PfmFromServer, { name: Name }>, "imei">
}[PfmFromServer["name"]]

/** The number that its SMS come from; a host may have named any other. */
const number = "+15550100"
const bearer = { bearer: "gprs", access: "certification", user: "", password: "" } as const
const answerSeconds = 60

/** A server for one module that says what the certification's script wants, over SMS and over sockets. */
export class CertificationServer {
  readonly #parts: ServerParts
  #transaction = 1000
  /** Whether a module that asks on a socket gets an update. */
  offersUpdates = false

  constructor(parts: ServerParts) {
    this.#parts = parts
  }

  /** What the module needs to know before its first update (§3.2.2); over TCP it comes with each. */
  provision(): void {
    if (this.#parts.variant === "sms")
      this.#sms({ name: "provisioning", transaction: ++this.#transaction, fields: bearer })
  }

  /** Orders an update of so many octets, and has the module ask its host; a TCP/IP module has to ask by itself. */
  order(sizeBytes: number): void {
    this.offersUpdates = true
    const asking = { mode: "manual", answerSeconds } as const
    const transaction = ++this.#transaction
    const { variant } = this.#parts
    if (variant === "sms") this.#sms({ name: "command", transaction, fields: { ...asking, ...access(sizeBytes) } })
    if (variant === "combined") this.#sms({ name: "commandOverIp", transaction, fields: { ...asking, ...bearer } })
  }

  takeSms(tpdu: Uint8Array): void {
    const octets = octetsOfSms(decodeFromMobile(tpdu).userData.data)
    const message = octets === null ? null : this.#read(octets)
    if (message === null) return
    this.#parts.heard(message)
    const reply = this.#replyTo(message)
    if (reply !== null) this.#sms(reply)
  }

  /** One connection of the module. */
  async serve(stream: ByteStream): Promise<void> {
    const cutter = new PfmCutter()
    for (;;) {
      const packet = await stream.read(500, 600_000)
      if (packet.length === 0) return stream.end()
      for (const octets of cutter.push(packet)) {
        const message = this.#read(octets)
        if (message === null) return stream.end()
        this.#parts.heard(message)
        const reply = this.#replyTo(message)
        // The end of the connection tells the module that its last word was taken in.
        if (reply === null) return stream.end()
        await stream.write(frameOf(this.#encode(reply)))
      }
    }
  }

  #replyTo({ name, transaction }: PfmFromModule): Saying | null {
    if (name === "remoteRegistration") {
      return { name: "remoteRegistrationAck", transaction, fields: { smsNumber: number.slice(1) } }
    }
    if (this.#parts.variant === "sms") return null
    const isAsking = name === "updateRequest"
    if (name === "commandAck" || (isAsking && this.offersUpdates)) {
      return { name: "commandProgressOverIp", transaction, fields: access(0) }
    }
    return isAsking ? { name: "nothingOffered", transaction, fields: {} } : null
  }

  #read(octets: Uint8Array): PfmFromModule | null {
    const message = waftCodec.decode(octets, this.#parts.keys)
    return message !== "forged" && isFromModule(message) ? message : null
  }

  #encode(saying: Saying): Uint8Array {
    const message = { imei: this.#parts.imei, ...saying }
    if (pfmTable[message.name].from !== "server") throw new RangeError(`a server says no ${message.name}`)
    return waftCodec.encode(message, this.#parts.keys)
  }

  #sms(saying: Saying): void {
    const { radio, clock } = this.#parts
    radio().deliver(
      encodeTpdu({
        kind: "deliver",
        noMoreMessages: true,
        loopPrevention: false,
        statusReportWanted: false,
        hasReplyPath: false,
        from: addressOf(number),
        protocolId: 0,
        coding: encodeDataCoding("octets", 0),
        sentAt: { atMs: clock.now(), zoneQuarters: 0 },
        userData: { header: null, data: smsBytes(this.#encode(saying), "8-bit-class-0") },
      }),
    )
  }
}

function access(sizeBytes: number) {
  const { host, port } = ftpAddress
  return { ftpHost: host, ftpPort: port, ftpUser: "certify", ftpPassword: "certify", ftpPath: "delta", sizeBytes }
}
