import type { Duplex } from "node:stream"
import { concat, hex, latin1 } from "../../../src/core/kit/bytes.ts"
import { decodePdu, encodePdu } from "../../../src/core/protocols/smpp/pdu.ts"
import { PduCutter } from "../../../src/core/protocols/smpp/pdu-cutter.ts"
import type { Command, Pdu, PduOf } from "../../../src/core/protocols/smpp/pdu-table.ts"
import { statusCode } from "../../../src/core/protocols/smpp/status.ts"
import type { HandClock } from "../../../src/server/transports/sms/smpp-peer.testing.ts"
import type { Cut } from "./cuts.ts"
import type { Dice } from "./dice.ts"

/** What became of one receiver's messages at the centre. */
interface Story {
  /** Texts of the copies that the centre took, in hexadecimal. */
  readonly copies: string[]
  delivered: number
}

interface Deed {
  readonly atMs: number
  readonly deed: () => void
}

interface CentreNeeds {
  readonly dice: Dice
  readonly clock: HandClock
  readonly cuts: readonly Cut[] | null
  /** Messages that devices send. */
  readonly incoming: number
}

const secondsMs = 1000
/** Faults of sending are over after these, so that what waits comes through. */
const quietAfterMs = 450 * secondsMs
const noFields = { serviceType: "", protocolId: 0, priority: 0, scheduledAt: "", validity: "" }

/** A service centre that answers late, oddly, twice or never, loses its connection, and writes receipts as it likes. */
export class BadCentre {
  readonly #needs: CentreNeeds
  readonly #stories = new Map<string, Story>()
  readonly #beganMs: number
  #deeds: Deed[] = []
  #wire: Duplex | null = null
  #cutter = new PduCutter()
  #sequence = 1000
  #ids = 0
  /** Messages of devices that wait for their answer, by sequence number. */
  readonly #asked = new Map<number, number>()
  #left: number[]
  readonly acknowledged = new Set<number>()
  readonly sent: number
  /** Bytes that were pushed. */
  passed = 0

  constructor(needs: CentreNeeds) {
    this.#needs = needs
    this.#beganMs = needs.clock.now()
    this.sent = needs.incoming
    this.#left = Array.from({ length: needs.incoming }, (_, id) => id)
  }

  of(number: string): Story {
    const story = this.#stories.get(number) ?? { copies: [], delivered: 0 }
    this.#stories.set(number, story)
    return story
  }

  get unfinished(): number {
    return this.#left.length
  }

  take(bytes: Uint8Array, wire: Duplex): void {
    if (wire !== this.#wire) {
      this.#wire = wire
      this.#cutter = new PduCutter()
      // What was on its way when the last connection broke comes again.
      this.#asked.clear()
    }
    for (const octets of this.#cutter.push(bytes)) {
      const pdu = decodePdu(octets)
      if (pdu !== null) this.#act(pdu)
    }
  }

  tick(): void {
    const { clock, dice } = this.#needs
    const due = this.#deeds.filter(({ atMs }) => atMs <= clock.now())
    this.#deeds = this.#deeds.filter(({ atMs }) => atMs > clock.now())
    for (const { deed } of due) deed()
    const [id] = this.#left
    if (id !== undefined && this.#asked.size === 0 && this.#wire !== null && dice.chance(0.2)) this.#handOver(id)
  }

  get #isQuiet(): boolean {
    return this.#needs.clock.now() - this.#beganMs > quietAfterMs
  }

  #after(ms: number, deed: () => void): void {
    this.#deeds.push({ atMs: this.#needs.clock.now() + ms, deed })
  }

  #act(pdu: Pdu): void {
    const { sequence } = pdu
    if (pdu.command === "bindTransceiver") {
      const fields = { systemId: "bad" }
      return this.#send("bindTransceiverResponse", { status: 0, sequence, fields, tlvs: {} })
    }
    if (pdu.command === "enquireLink") {
      if (!this.#isQuiet && this.#needs.dice.chance(0.05)) return
      return this.#send("enquireLinkResponse", { status: 0, sequence, fields: {}, tlvs: {} })
    }
    if (pdu.command === "unbind") return this.#send("unbindResponse", { status: 0, sequence, fields: {}, tlvs: {} })
    if (pdu.command === "submitSm") return this.#submitted(pdu)
    if (pdu.command === "deliverSmResponse" || pdu.command === "dataSmResponse") this.#answered(pdu)
  }

  #answered({ sequence, status }: Pdu): void {
    const id = this.#asked.get(sequence)
    this.#asked.delete(sequence)
    if (id === undefined || status === statusCode.temporaryAtReceiver || status === statusCode.throttled) return
    this.#left = this.#left.filter((left) => left !== id)
    if (status === statusCode.ok) this.acknowledged.add(id)
  }

  #submitted({ sequence, fields }: PduOf<"submitSm">): void {
    const { dice } = this.#needs
    const to = `+${fields.destination.value}`
    const fault = this.#isQuiet ? 99 : dice.below(16)
    const refuse = (status: number): void =>
      this.#send("submitSmResponse", { status, sequence, fields: { messageId: "" }, tlvs: {} })
    // It never came, or came to a centre that lost it.
    if (fault === 0) return
    if (fault === 1) return this.#break()
    if (fault === 2) return refuse(statusCode.throttled)
    if (fault === 3) return refuse(0x08)
    if (fault === 4 && dice.chance(0.5)) return refuse(statusCode.invalidDestination)
    const story = this.of(to)
    story.copies.push(hex(fields.shortMessage))
    const id = this.#newId()
    const isDelivered = dice.chance(0.8)
    this.#after(dice.below(90) * secondsMs, () => {
      if (isDelivered) story.delivered++
      this.#tellReceipts(to, id, isDelivered)
    })
    // It was taken, and nobody says so; or late, when the wait is over.
    if (fault === 5) return
    if (fault === 6) return this.#break()
    const wire = this.#wire
    // Sequence numbers are of one session (SMPP 3.4, 5.1.4): what was not answered in it is answered in none.
    const answer = (): void => {
      if (this.#wire === wire) this.#accept(sequence, id.given)
    }
    if (fault === 7) return this.#after(12 * secondsMs, answer)
    if (fault === 8) return this.#after((61 + dice.below(60)) * secondsMs, answer)
    answer()
    if (fault === 9) answer()
  }

  /** An id as the response gives it, and as receipts write it. */
  #newId(): { readonly given: string; readonly written: string } {
    const { dice } = this.#needs
    const number = 0xa000 + 16 * ++this.#ids
    const inHex = number.toString(16)
    const given = dice.of([String(number), inHex, inHex.toUpperCase(), `0000${inHex}`, inHex.padStart(70, "0")])
    const written = dice.of([given, given, dice.of([String(number), inHex, inHex.toUpperCase()])])
    return { given, written }
  }

  /** Acceptance with a body as it should be, or as centres have it. */
  #accept(sequence: number, id: string): void {
    const text = latin1(id)
    const body = this.#needs.dice.of([
      concat([text, Uint8Array.of(0)]),
      concat([text, Uint8Array.of(0)]),
      concat([text, Uint8Array.of(0, 0)]),
      text,
      new Uint8Array(0),
    ])
    const octets = new Uint8Array(16 + body.length)
    const view = new DataView(octets.buffer)
    view.setUint32(0, octets.length)
    view.setUint32(4, 0x80000004)
    view.setUint32(12, sequence)
    octets.set(body, 16)
    this.#push(octets)
  }

  #tellReceipts(about: string, { written }: { readonly written: string }, isDelivered: boolean): void {
    const { dice } = this.#needs
    if (dice.chance(0.1)) return
    if (dice.chance(0.2))
      this.#receipt(about, written, dice.of(["UNKNOWN", "ENROUTE", "BUFFERED", "accepted", "WHATEVER"]))
    const word = isDelivered
      ? dice.of(["DELIVRD", "DELIVERED", "delivrd", "Delivered"])
      : dice.of(["UNDELIV", "expired", "Undelivered", "REJECTD"])
    this.#receipt(about, written, word)
    if (dice.chance(0.1)) this.#receipt(about, written, word)
  }

  #receipt(about: string, id: string, word: string): void {
    const text = latin1(`id:${id} sub:001 dlvrd:001 stat:${word} err:000 text:`)
    this.#deliver(about, { esmClass: 0x04, dataCoding: 0, octets: text })
  }

  #handOver(id: number): void {
    const sequence = this.#deliver("+4917100000000", { esmClass: 0, dataCoding: 0xf4, octets: Uint8Array.of(0, id) })
    this.#asked.set(sequence, id)
  }

  /** As a deliver_sm, now and then with an octet behind it, or as a data_sm. */
  #deliver(
    from: string,
    {
      esmClass,
      dataCoding,
      octets,
    }: { readonly esmClass: number; readonly dataCoding: number; readonly octets: Uint8Array },
  ): number {
    const { dice } = this.#needs
    const sequence = ++this.#sequence
    const source = { typeOfNumber: 1, plan: 1, value: from.slice(1) }
    const destination = { typeOfNumber: 1, plan: 1, value: "393399991234" }
    const common = { source, destination, esmClass, dataCoding, registeredDelivery: 0 }
    if (dice.chance(0.3)) {
      const fields = { serviceType: "", ...common }
      this.#send("dataSm", { status: 0, sequence, fields, tlvs: { messagePayload: octets } })
      return sequence
    }
    const isPayload = dice.chance(0.2)
    const shortMessage = isPayload ? new Uint8Array(0) : octets
    const fields = { ...noFields, ...common, replaceIfPresent: 0, defaultMessageId: 0, shortMessage }
    const tlvs = isPayload ? { messagePayload: octets } : {}
    const whole = encodePdu<"deliverSm">({ command: "deliverSm", status: 0, sequence, fields, tlvs })
    if (!isPayload && dice.chance(0.2)) {
      const longer = concat([whole, Uint8Array.of(0)])
      new DataView(longer.buffer).setUint32(0, longer.length)
      this.#push(longer)
    } else this.#push(whole)
    return sequence
  }

  #send<Name extends Command>(command: Name, pdu: Omit<PduOf<Name>, "command">): void {
    this.#push(encodePdu<Name>({ command, ...pdu }))
  }

  #break(): void {
    this.#wire?.destroy(new Error("reset"))
    this.#wire = null
    this.#asked.clear()
  }

  /** In one packet or cut; with chosen cuts, broken there and nowhere else. */
  #push(octets: Uint8Array): void {
    const { cuts, dice } = this.#needs
    const wire = this.#wire
    if (wire === null || wire.destroyed) return
    const cut = cuts?.find(({ at }) => at > this.passed && at < this.passed + octets.length)
    const at =
      cut === undefined ? (cuts === null && dice.chance(0.3) ? 1 + dice.below(octets.length) : 0) : cut.at - this.passed
    this.passed += octets.length
    if (at === 0) return void wire.push(octets)
    wire.push(octets.subarray(0, at))
    if (cut?.how === "drop") {
      // Nothing comes behind what was cut off, also not before the other end sees the connection break.
      this.#wire = null
      this.#asked.clear()
      setImmediate(() => wire.destroy(new Error("reset")))
      return
    }
    wire.push(octets.subarray(at))
  }
}
