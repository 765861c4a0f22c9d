/** Everything that a bad modem does, from one number: the same seed is the same conversation. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 0x9e3779b9) >>> 0
  }

  /** 0 <= value < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** 0 <= value < count. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  of<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0]
  }
}

/** Lines that modems of all makes say when nobody asked, in the middle of anything. */
export const noises = [
  "APP RDY",
  "SRING: 1",
  "SMS DONE",
  "PB DONE",
  "Call Ready",
  "RING",
  "NO CARRIER",
  "+CREG: 1",
  "+CMTI: 1",
  "^MODE: 2",
  "*PSUTTZ: 26/11/28",
  "$QCRMCALL: 0",
  "READY",
  "POWERED DOWN?",
  "+QIND: SMS DONE",
  "\u00ff\u00fe\u0080",
  "> ",
] as const
