import type { BodyClock } from "./body.ts"
import type { MemoryPort } from "./memory-port.ts"

/**
 * The certification of a customer's own host program, for families whose vendor asks for one: the program gets a virtual
 * device at a port, and is judged by what it does there.
 */
export interface CertificationSide {
  readonly variants: readonly string[]
  /** Runs to the end and judges. Rejects with the signal's reason, and with `RangeError` for options that cannot be. */
  readonly certify: (bench: CertificationBench) => Promise<CertificationReport>
}

export interface CertificationBench {
  readonly model: string
  readonly variant: string
  /** PIN of the virtual device's SIM cards: the host has to know it. */
  readonly pin: string
  /** Where the host stands. */
  readonly port: MemoryPort
  readonly clock: BodyClock
  /** 0 <= value < 1. */
  readonly random: () => number
  /** The device's own pauses are divided by this; what the host is given time for is not. */
  readonly speed: number
  /** One line for whoever looks on. */
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

export interface CertificationReport {
  readonly model: string
  readonly variant: string
  readonly isPassed: boolean
  readonly rows: readonly CertificationRow[]
}

export interface CertificationRow {
  readonly name: string
  readonly title: string
  /** Where the vendor's document asks for it. */
  readonly section: string
  /** `not-seen`: the host never came so far; it counts as not passed. */
  readonly verdict: "passed" | "failed" | "not-seen"
  readonly words: string
}
