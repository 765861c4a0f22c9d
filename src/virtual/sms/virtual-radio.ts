import type { BodyRadio, SimCard } from "../../core/families/radio.ts"
import { deliverTpdu, type SmsNetwork } from "./sms-network.ts"

const maxWaiting = 50

/** A module's radio at a network in this process. Whoever owns the module puts cards in and takes them out. */
export class VirtualRadio implements BodyRadio {
  readonly #network: SmsNetwork
  readonly #plmn: string
  readonly #inbox: Uint8Array[] = []
  readonly #wakes = new Set<() => void>()
  readonly #cardWakes = new Set<() => void>()
  #card: SimCard | null = null
  #isOnAir = false
  #leave: () => void = () => undefined

  /** `plmn`: the network's country and network code. */
  constructor(network: SmsNetwork, plmn: string) {
    this.#network = network
    this.#plmn = plmn
  }

  // ---- the owner's end

  /** Puts a card into the slot; one that is in it comes out first. */
  insert(card: SimCard): void {
    this.#change(card)
  }

  remove(): void {
    this.#change(null)
  }

  // ---- the module's end

  readonly card = (): SimCard | null => this.#card

  readonly cardChanged = (signal: AbortSignal): Promise<void> => waitIn(this.#cardWakes, signal)

  readonly network = (): string | null => (this.#isOnAir && this.#card !== null ? this.#plmn : null)

  readonly setOnAir = (isOnAir: boolean): void => {
    this.#isOnAir = isOnAir
    this.#attach()
  }

  readonly sendSms = (tpdu: Uint8Array): Promise<boolean> => {
    const card = this.#card
    return Promise.resolve(card !== null && this.#isOnAir && this.#network.submit(card.imsi, tpdu))
  }

  readonly receiveSms = async (signal: AbortSignal): Promise<Uint8Array> => {
    for (;;) {
      signal.throwIfAborted()
      const tpdu = this.#inbox.shift()
      if (tpdu !== undefined) return tpdu
      await waitIn(this.#wakes, signal)
    }
  }

  #change(card: SimCard | null): void {
    this.#card = card
    // A new card asks for its PIN, and the network has to find it first.
    this.#isOnAir = false
    this.#attach()
    for (const wake of [...this.#cardWakes]) wake()
  }

  #attach(): void {
    this.#leave()
    this.#leave = () => undefined
    const card = this.#card
    if (card === null || !this.#isOnAir) return
    const leaveMessages = this.#network.attach(card.number, (message, atMs) => {
      // A module that reads nothing for long must not fill the memory.
      if (this.#inbox.length >= maxWaiting) return Promise.resolve(false)
      this.#take(deliverTpdu(message, atMs))
      return Promise.resolve(true)
    })
    const leaveReports = this.#network.attachReports(card.number, (tpdu) => this.#take(tpdu))
    this.#leave = () => {
      leaveMessages()
      leaveReports()
    }
  }

  #take(tpdu: Uint8Array): void {
    this.#inbox.push(tpdu)
    for (const wake of [...this.#wakes]) wake()
  }
}

function waitIn(wakes: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(asError(signal.reason))
    const wake = (): void => {
      signal.removeEventListener("abort", stop)
      wakes.delete(wake)
      resolve()
    }
    const stop = (): void => {
      wakes.delete(wake)
      reject(asError(signal.reason))
    }
    wakes.add(wake)
    signal.addEventListener("abort", stop, { once: true })
  })
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
