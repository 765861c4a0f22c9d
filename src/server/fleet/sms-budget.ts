import { type LimitName, limits } from "../../core/kit/limits.ts"
import { callingCode, countriesOf, countryOf, isDear } from "./number-plan.ts"

export interface SmsBudgetOptions {
  /** Which numbers may be written to; null = any. */
  readonly allowed: readonly NumberRange[] | null
  /** Messages a day in all. */
  readonly perDay: number
  /** A clock that never goes back, ms. */
  readonly monotonic: () => number
  readonly hit: (limit: LimitName) => void
}

const dayMs = 86_400_000
/** Numbers that are counted one by one; the one that was counted longest ago goes first. */
const mostNumbers = 200_000

/** Numbers that may be written to. */
export interface NumberRange {
  /** Their beginning, such as `+39`. */
  readonly prefix: string
  /** The countries they belong to where several share a calling code; null = any. */
  readonly countries: readonly string[] | null
}

/** What may be written to by setting, or, where nothing is set, this server's own country; null = any. */
export function allowedNumbers(set: readonly string[] | "any", ownNumber: string): readonly NumberRange[] | null {
  if (set === "any") return null
  if (set.length > 0) return set.map(rangeOf)
  const code = callingCode(ownNumber)
  const own = countryOf(`+${ownNumber.replace(/^\+/, "")}`)
  return [own === null ? rangeOf(code) : { prefix: code, countries: [own] }]
}

function rangeOf(prefix: string): NumberRange {
  const countries = prefix === callingCode(prefix) ? countriesOf(prefix) : []
  return { prefix, countries: countries.length === 0 ? null : countries }
}

/** A range within a country of two digits or more is taken at its word, whatever it costs. */
function isAtItsWord({ prefix }: NumberRange): boolean {
  return prefix.length >= callingCode(prefix).length + 2
}

function isWithin({ prefix, countries }: NumberRange, number: string): boolean {
  if (!number.startsWith(prefix)) return false
  const country = countries === null ? null : countryOf(number)
  return country === null || countries === null || countries.includes(country)
}

/** What short messages may cost: which numbers, how many a day to each, how many a day in all. */
export class SmsBudget {
  readonly #options: SmsBudgetOptions
  readonly #sent = new Map<string, number>()
  #all = 0
  #total = 0
  #dayAt: number

  constructor(options: SmsBudgetOptions) {
    this.#options = options
    this.#dayAt = options.monotonic()
  }

  /** Messages since the start. */
  get total(): number {
    return this.#total
  }

  /** Counts a message to that number, or says in words why it must not be sent. */
  refuse(to: string): string | null {
    const { allowed, perDay } = this.#options
    this.#turnDay()
    if (!/^\+\d{7,15}$/.test(to)) return this.#no("sms.number", `${to} is no international number`)
    const ranges = allowed?.filter((range) => isWithin(range, to))
    if (ranges?.length === 0) {
      return this.#no(
        "sms.number",
        `the number ${to} is outside the ranges that this server may write to (--sms-allow)`,
      )
    }
    if (ranges !== undefined && !ranges.some(isAtItsWord) && isDear(to)) {
      return this.#no(
        "sms.number",
        `the number ${to} is a premium or special one, or a short code, in its country's plan; --sms-allow may name its range`,
      )
    }
    const sent = this.#sent.get(to) ?? 0
    const most = limits["sms.per-number-day"].most
    if (sent >= most) return this.#no("sms.per-number-day", `${to} has had ${most} messages today`)
    if (this.#all >= perDay) return this.#no("sms.per-day", `${perDay} messages were sent today (--sms-per-day)`)
    this.#all++
    this.#total++
    this.#sent.delete(to)
    this.#sent.set(to, sent + 1)
    const oldest = this.#sent.size > mostNumbers ? this.#sent.keys().next().value : undefined
    if (oldest !== undefined) this.#sent.delete(oldest)
    return null
  }

  /** Takes back what was counted for a message that did not go. */
  giveBack(to: string): void {
    const sent = this.#sent.get(to) ?? 0
    // The day may have turned in between.
    if (sent === 0) return
    this.#sent.set(to, sent - 1)
    this.#all--
    this.#total--
  }

  #no(limit: LimitName, words: string): string {
    this.#options.hit(limit)
    return words
  }

  #turnDay(): void {
    const now = this.#options.monotonic()
    if (now - this.#dayAt < dayMs) return
    this.#dayAt = now
    this.#all = 0
    this.#sent.clear()
  }
}
