import type { OutgoingMessage } from "../../../core/domain/records.ts"
import type { MessageFate, StatusHints } from "./carrier.ts"

/** A status that came before its message was known by that name. */
export type Early = StatusHints & { readonly status: MessageFate["status"] | "unknown"; readonly detail: string }

/** Names that are kept of messages that nobody here may have sent, at most. */
const mostEarly = 1000

/** By which references the carrier knows our messages, and the statuses that came before a message's acceptance did. */
export class CarrierNames {
  readonly #messages: ReadonlyMap<string, OutgoingMessage>
  readonly #byCarrier = new Map<string, string>()
  readonly #early = new Map<string, Early>()

  constructor(messages: ReadonlyMap<string, OutgoingMessage>) {
    this.#messages = messages
  }

  /** A carrier that gives no reference cannot tell of the message either. */
  add(carrierReference: string | null, reference: string): void {
    if (carrierReference !== null && carrierReference !== "") this.#byCarrier.set(carrierReference, reference)
  }

  delete(carrierReference: string | null): void {
    if (carrierReference !== null) this.#byCarrier.delete(carrierReference)
  }

  /** The message that a status is about: of those whose reference can be written so, the one to that number. */
  named(carrierReference: string, { otherReferences = [], about = "" }: StatusHints): OutgoingMessage | undefined {
    const found = [carrierReference, ...otherReferences].flatMap((name) => {
      const message = this.#messages.get(this.#byCarrier.get(name) ?? "")
      return message === undefined ? [] : [message]
    })
    const [exact] = this.#byCarrier.has(carrierReference) ? found : []
    const others = new Set(found)
    const fallback = about === "" && others.size === 1 ? found[0] : undefined
    return found.find(({ to }) => isSameNumber(to, about)) ?? exact ?? fallback
  }

  /** Receipts of messages that nobody here sent must not pile up. */
  keepEarly(carrierReference: string, early: Early): void {
    this.#early.set(carrierReference, early)
    if (this.#early.size > mostEarly) this.#early.delete(this.#early.keys().next().value ?? "")
  }

  /** The status of a message that came before it was accepted; it is forgotten here. */
  takeEarly(sent: OutgoingMessage): Early | undefined {
    for (const [carrierReference, early] of this.#early) {
      if (this.named(carrierReference, early) !== sent) continue
      this.#early.delete(carrierReference)
      return early
    }
    return undefined
  }
}

/** Whether two ways to write a number may be the same one: with its country's code, or without. */
function isSameNumber(one: string, other: string): boolean {
  const [a = "", b = ""] = [one, other].map((number) => number.replaceAll(/\D/g, "").replace(/^0+/, ""))
  return a.length >= leastDigits && b.length >= leastDigits && (a.endsWith(b) || b.endsWith(a))
}

const leastDigits = 6
