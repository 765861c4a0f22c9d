import type { BodyRadio, SimCard } from "../../radio.ts"

const mostTries = 3

/** What the module knows of the card in its slot: whether its PIN has been entered. */
export class SimState {
  readonly #radio: BodyRadio
  #opened: SimCard | null = null
  #triesLeft = mostTries

  constructor(radio: BodyRadio) {
    this.#radio = radio
  }

  /** The card, once its PIN is entered; null before. */
  get ready(): SimCard | null {
    const card = this.#radio.card()
    if (card === null) return null
    return card.pin === null || this.#opened === card ? card : null
  }

  get state(): "none" | "pin" | "puk" | "ready" {
    if (this.#radio.card() === null) return "none"
    if (this.ready !== null) return "ready"
    return this.#triesLeft > 0 ? "pin" : "puk"
  }

  /** Tries a PIN; true = the card is open now. */
  enter(pin: string): boolean {
    const card = this.#radio.card()
    if (card === null || this.state !== "pin") return false
    if (card.pin !== pin) {
      this.#triesLeft--
      return false
    }
    this.#triesLeft = mostTries
    this.#opened = card
    return true
  }

  /** The card has gone or come: whatever was entered counts no more. */
  forget(): void {
    this.#opened = null
  }
}
