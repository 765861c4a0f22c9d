import { type LimitName, limits } from "../../core/kit/limits.ts"

export interface SmsBudgetOptions {
  /** Beginnings of the numbers that may be written to, such as `+39`; null = any. */
  readonly allowed: readonly string[] | null
  /** Messages a day in all. */
  readonly perDay: number
  /** A clock that never goes back, ms. */
  readonly monotonic: () => number
  readonly hit: (limit: LimitName) => void
}

const dayMs = 86_400_000
/** Numbers that are counted one by one; the one that was counted longest ago goes first. */
const mostNumbers = 200_000

/**
 * Numbers that cost their caller more, within what looks like one country: premium services by the numbering plans that countries
 * publish through the ITU, and the island states that share +1 with North America. An operator's own carrier knows better: it
 * should refuse them too.
 */
const dear: Readonly<Record<string, string>> = {
  "+1": "900 976 242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876",
  "+30": "901 909",
  "+31": "900 906 909",
  "+32": "900 902 903 904 905 907 909",
  "+33": "89",
  "+34": "803 806 807 905 907",
  "+351": "760 761 762",
  "+353": "15",
  "+358": "600 700",
  "+36": "90",
  "+39": "144 166 89",
  "+41": "900 901 906",
  "+420": "900 906 908 909",
  "+421": "900",
  "+43": "900 901 930 931",
  "+44": "70 87 9",
  "+46": "900 939 944",
  "+47": "82",
  "+48": "70",
  "+49": "137 900",
  "+61": "190",
  "+64": "900",
  "+7": "803 809",
}
const premium: readonly string[] = [
  // International premium rate (ITU-T E.169.2).
  "+979",
  ...Object.entries(dear).flatMap(([country, numbers]) => numbers.split(" ").map((number) => `${country}${number}`)),
]

/** Beginnings of the numbers that may be written to: those that are set, or those of this server's own country; null = any. */
export function allowedNumbers(set: readonly string[] | "any", ownNumber: string): readonly string[] | null {
  if (set === "any") return null
  return set.length > 0 ? set : [countryOf(ownNumber)]
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
    const isOurs = allowed === null || allowed.some((prefix) => to.startsWith(prefix))
    const isDear = allowed !== null && premium.some((prefix) => to.startsWith(prefix) && !allowed.includes(prefix))
    if (!isOurs || isDear) {
      return this.#no(
        "sms.number",
        `the number ${to} is outside the ranges that this server may write to (--sms-allow)`,
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

/** Country codes of two digits (E.164, annex); 1 and 7 have one, all others three. */
const twoDigits = new Set(
  "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(
    " ",
  ),
)

/** The beginning that all numbers of this one's country share: `+39` of +393312345678. */
export function countryOf(number: string): string {
  const digits = number.replace(/^\+/, "")
  const length = /^[17]/.test(digits) ? 1 : twoDigits.has(digits.slice(0, 2)) ? 2 : 3
  return `+${digits.slice(0, length)}`
}
