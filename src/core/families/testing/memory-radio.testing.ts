import { addressOf } from "../../protocols/sms/address.ts"
import { encodeTpdu } from "../../protocols/sms/tpdu.ts"
import type { BodyRadio, SimCard } from "../radio.ts"

/** The network that a module in memory finds: country and network code. */
export const plmn = "22201"

/** A SIM slot and a network in memory, for tests. */
export class MemoryRadio implements BodyRadio {
  #card: SimCard | null
  #isOnAir = false
  readonly #inbox: Uint8Array[] = []
  #wakes: (() => void)[] = []
  #cardWakes: (() => void)[] = []
  readonly sent: Uint8Array[] = []
  /** Whether the network takes messages. */
  takes = true
  onSent: (tpdu: Uint8Array) => void = () => undefined

  constructor(card: SimCard | null) {
    this.#card = card
  }

  readonly card = (): SimCard | null => this.#card
  readonly network = (): string | null => (this.#isOnAir && this.#card !== null ? plmn : null)
  readonly setOnAir = (isOnAir: boolean): void => {
    this.#isOnAir = isOnAir
    for (const wake of this.#wakes.splice(0)) wake()
  }
  readonly cardChanged = (signal: AbortSignal): Promise<void> => this.#wait(this.#cardWakes, signal)
  readonly sendSms = async (tpdu: Uint8Array): Promise<boolean> => {
    await Promise.resolve()
    if (this.network() === null || !this.takes) return false
    this.sent.push(tpdu)
    this.onSent(tpdu)
    return true
  }
  readonly receiveSms = async (signal: AbortSignal): Promise<Uint8Array> => {
    for (;;) {
      signal.throwIfAborted()
      const tpdu = this.network() === null ? undefined : this.#inbox.shift()
      if (tpdu !== undefined) return tpdu
      await this.#wait(this.#wakes, signal)
    }
  }

  put(card: SimCard | null): void {
    this.#card = card
    this.#isOnAir = false
    for (const wake of this.#cardWakes.splice(0)) wake()
  }

  deliver(tpdu: Uint8Array): void {
    this.#inbox.push(tpdu)
    for (const wake of this.#wakes.splice(0)) wake()
  }

  /** Delivers an SMS of a sender, as the network does. */
  deliverFrom(sender: string, { coding, data }: { readonly coding: number; readonly data: Uint8Array }): void {
    this.deliver(
      encodeTpdu({
        kind: "deliver",
        noMoreMessages: true,
        loopPrevention: false,
        statusReportWanted: false,
        hasReplyPath: false,
        from: addressOf(sender),
        protocolId: 0,
        coding,
        sentAt: { atMs: Date.UTC(2026, 10, 21), zoneQuarters: 0 },
        userData: { header: null, data },
      }),
    )
  }

  #wait(wakes: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      wakes.push(resolve)
      signal.addEventListener("abort", () => reject(new Error("over")), { once: true })
    })
  }
}
