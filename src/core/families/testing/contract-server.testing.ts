import type { EvidenceKind } from "../../domain/evidence.ts"
import type { JsonObject } from "../../kit/json.ts"
import { numberOf } from "../../protocols/sms/address.ts"
import { encodeDataCoding } from "../../protocols/sms/data-coding.ts"
import { decodeFromMobile } from "../../protocols/sms/tpdu.ts"
import type {
  ConversationInput,
  ConversationMessage,
  ConversationOffer,
  ConversationSide,
  ConversationStep,
} from "../conversation.ts"
import type { DeviceEntry } from "../family.ts"
import type { SimCard } from "../radio.ts"
import { IdleClock } from "./idle-clock.testing.ts"
import { MemoryRadio } from "./memory-radio.testing.ts"

/** The server's own number in the contract suite. */
export const contractNumber = "+393399990000"
const secret = "secret-of-a-device-in-the-contract-suite"

/** What ends an update, and with it its offer. */
const ends: ReadonlySet<EvidenceKind> = new Set(["installed", "install-failed", "declined", "offer-impossible"])

const codings = {
  "8-bit-class-0": encodeDataCoding("octets", 0),
  "7-bit-no-class": encodeDataCoding("gsm7", null),
} as const satisfies Readonly<Record<Extract<ConversationMessage, { via: "sms" }>["coding"], number>>

export interface ContractServerParts {
  readonly side: ConversationSide
  readonly entry: DeviceEntry
  readonly model: string
  /** What an operator enters of the device; `id` and its SIM's `number` among it. */
  readonly entered: Readonly<Record<string, string>>
  /** What the operator says that it runs. */
  readonly firmware: string
  readonly ftpPort: number
}

/**
 * A server of any family with a conversation, for one device: it runs the family's own steps, saves what they say as JSON,
 * and hands SMS over a network in memory. Its time is the device's time.
 */
export class ContractServer {
  readonly clock = new IdleClock()
  readonly radio: MemoryRadio
  readonly #parts: ContractServerParts
  readonly #card: SimCard
  readonly #sent = new Set<string>()
  familyState: JsonObject
  /** Kinds of all evidence, in order. */
  readonly evidence: EvidenceKind[] = []
  #running: string
  #isReported = false
  #offered: ConversationOffer | null = null
  #offers = 0
  #random = 1000
  /** When the wake that stands comes; null = none does. */
  #wakeAtMs: number | null = null
  #rewake: () => void = () => undefined

  constructor(parts: ContractServerParts) {
    this.#parts = parts
    const entered = parts.entry.enter(parts.entered)
    if ("fault" in entered) throw new Error(entered.fault)
    this.familyState = entered.familyState
    this.#running = parts.firmware
    this.#card = { imsi: "222010000000001", number: parts.entered["number"] ?? "", pin: null }
    this.radio = new MemoryRadio(this.#card)
    this.radio.onSent = (tpdu) => this.#hear(tpdu)
  }

  /** What the device is known to run. */
  get known(): { readonly runningVersion: string; readonly isReported: boolean } {
    return { runningVersion: this.#running, isReported: this.#isReported }
  }

  /** What the device itself is given of the server, once and for all. */
  get deviceSettings(): Readonly<Record<string, string>> {
    return { key: secret, imei: this.#id }
  }

  /** Whether an offer stands whose update is not over. */
  get isOffering(): boolean {
    return this.#offered !== null
  }

  get #id(): string {
    return this.#parts.entered["id"] ?? ""
  }

  /** Makes an offer stand, of a rollout that is paused; gives the ticket with which alone its package can be fetched. */
  offer(offer: JsonObject, target: string, sizeBytes: number): ConversationOffer["ticket"] {
    const ticket = { user: `ticket${++this.#offers}`, secret: `secret${this.#offers}` }
    this.#offered = { offer, target, sizeBytes, ticket, isHeld: true }
    this.#take({ kind: "offered" })
    return ticket
  }

  /** Resumes the rollout: the device is set up. */
  resume(): void {
    if (this.#offered === null || !this.#offered.isHeld) return
    this.#offered = { ...this.#offered, isHeld: false }
    this.#take({ kind: "offered" })
  }

  /** Takes the offer back. */
  withdraw(): void {
    if (this.#offered === null) return
    this.#offered = null
    this.#take({ kind: "withdrawn" })
  }

  /** An operator asks for something. */
  ask(request: string): void {
    this.#take({ kind: "asked", request })
  }

  /** Lets the server's timers come until the signal. */
  async keepTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        this.#rewake = resolve
        signal.addEventListener("abort", () => resolve(), { once: true })
      })
      if (this.#wakeAtMs === null) {
        await changed
        continue
      }
      const other = new AbortController()
      const left = Math.max(0, this.#wakeAtMs - this.clock.now())
      const isDue = await Promise.race([
        this.clock.sleep(left, other.signal).then(
          () => true,
          () => false,
        ),
        changed.then(() => false),
      ])
      other.abort(new Error("the wake has changed"))
      if (!isDue || signal.aborted) continue
      this.#wakeAtMs = null
      this.#take({ kind: "time-passed" })
    }
  }

  /** An SMS of the device; one to somebody else is nothing to the server. */
  #hear(tpdu: Uint8Array): void {
    const submit = decodeFromMobile(tpdu)
    const bytes = submit.userData.data
    if (numberOf(submit.to) !== contractNumber || this.#parts.side.senderOf(bytes) !== this.#id) return
    this.#take({ kind: "message", via: "sms", from: this.#card.number, bytes })
  }

  #take(input: ConversationInput): void {
    const { side, model, ftpPort } = this.#parts
    const step = side.step(
      {
        device: {
          id: this.#id,
          model,
          familyState: this.familyState,
          ...this.known,
          secret,
        },
        now: this.clock.now(),
        offered: this.#offered,
        // The suite's FTP server knows one login for each offer.
        newTicket: () => this.#offered?.ticket ?? { user: "", secret: "" },
        ftp: { host: "127.0.0.1", port: ftpPort },
        tcp: { host: "127.0.0.1", port: 9 },
        smsNumber: contractNumber,
        random: this.#random++,
        claimants: () => [],
      },
      input,
    )
    this.#save(step)
    // In the fleet an update that is over has no offer any more; the family hears of it in the next step.
    if (step.evidence.some(({ kind }) => ends.has(kind))) this.#offered = null
    for (const message of step.send) this.#send(message)
  }

  #save({ familyState, running, wakeInMs, evidence }: ConversationStep): void {
    this.familyState = JSON.parse(JSON.stringify(familyState)) as JsonObject
    if (running !== undefined) {
      this.#running = running
      this.#isReported = true
    }
    this.evidence.push(...evidence.map(({ kind }) => kind))
    if (wakeInMs === "unchanged") return
    this.#wakeAtMs = wakeInMs === null ? null : this.clock.now() + wakeInMs
    this.#rewake()
  }

  #send(message: ConversationMessage): void {
    if (message.via === "tcp") throw new Error("an answer on a socket to a message that came by SMS")
    const { reference, to, bytes, coding } = message
    if (this.#sent.has(reference)) throw new Error(`${reference} is sent twice`)
    this.#sent.add(reference)
    if (to === this.#card.number) this.radio.deliverFrom(contractNumber, { coding: codings[coding], data: bytes })
  }
}
