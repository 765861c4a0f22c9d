import type { BodyRadio, SimCard } from "../../radio.ts"

/** A SIM slot, and a network whose only other subscriber is the certification's server. */
export class CertificationRadio implements BodyRadio {
  readonly #sent: (tpdu: Uint8Array) => void
  #card: SimCard | null
  #isOnAir = false
  readonly #inbox: Uint8Array[] = []
  readonly #wakes = new Set<() => void>()
  readonly #cardWakes = new Set<() => void>()

  /** `sent` gets every SMS-SUBMIT of the module. */
  constructor(card: SimCard, sent: (tpdu: Uint8Array) => void) {
    this.#card = card
    this.#sent = sent
  }

  readonly card = (): SimCard | null => this.#card
  /** The test network of 3GPP TS 23.003. */
  readonly network = (): string | null => (this.#isOnAir && this.#card !== null ? "00101" : null)
  readonly cardChanged = (signal: AbortSignal): Promise<void> => waitIn(this.#cardWakes, signal)

  readonly setOnAir = (isOnAir: boolean): void => {
    this.#isOnAir = isOnAir
    for (const wake of [...this.#wakes]) wake()
  }

  readonly sendSms = (tpdu: Uint8Array): Promise<boolean> => {
    if (this.network() === null) return Promise.resolve(false)
    this.#sent(tpdu)
    return Promise.resolve(true)
  }

  readonly receiveSms = async (signal: AbortSignal): Promise<Uint8Array> => {
    for (;;) {
      signal.throwIfAborted()
      const tpdu = this.network() === null ? undefined : this.#inbox.shift()
      if (tpdu !== undefined) return tpdu
      await waitIn(this.#wakes, signal)
    }
  }

  /** Another card in the slot. */
  insert(card: SimCard): void {
    this.#card = card
    this.#isOnAir = false
    for (const wake of [...this.#cardWakes]) wake()
  }

  deliver(tpdu: Uint8Array): void {
    this.#inbox.push(tpdu)
    for (const wake of [...this.#wakes]) wake()
  }
}

function waitIn(wakes: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      wakes.delete(wake)
      const reason: unknown = signal.reason
      reject(reason instanceof Error ? reason : new Error(String(reason)))
    }
    const wake = (): void => {
      signal.removeEventListener("abort", stop)
      wakes.delete(wake)
      resolve()
    }
    if (signal.aborted) return stop()
    wakes.add(wake)
    signal.addEventListener("abort", stop, { once: true })
  })
}
