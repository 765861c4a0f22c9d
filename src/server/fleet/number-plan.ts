import { type CountryCode, parsePhoneNumberFromString as parsed, type NumberType } from "libphonenumber-js/max"
import metadata from "libphonenumber-js/max/metadata"

/**
 * What countries publish of their numbers through the ITU (ITU-T E.164 and its annexes), as Google's libphonenumber keeps it: which are
 * premium, which share their calling code with another country.
 */

/** Kinds of numbers that cost their caller more. */
const dear: ReadonlySet<NumberType> = new Set<NumberType>(["PREMIUM_RATE", "SHARED_COST", "PERSONAL_NUMBER", "UAN"])
/** Services on short codes have up to six digits within their country; the shortest numbers of subscribers are in the plans. */
const mostShortCode = 6
/** Digits of the longest number (E.164 §6.2.1). */
const mostDigits = 15

/**
 * Whether a number costs its caller more than a subscriber's, or is a short code. Numbers of SIMs for machines stand in few plans: one that
 * is in none is dear where the same beginning with another length is, for exchanges do not wait for the last digits.
 */
export function isDear(number: string): boolean {
  const type = parsed(number)?.getType()
  if (type !== undefined) return dear.has(type)
  const code = callingCode(number).length
  if (number.length - code <= mostShortCode) return true
  for (let length = code + 3; length <= mostDigits + 1; length++) {
    if (dear.has(parsed(number.slice(0, length).padEnd(length, "0"))?.getType())) return true
  }
  return false
}

/** The country that a number belongs to, among those that share its calling code; null = the plans do not say. */
export function countryOf(number: string): CountryCode | null {
  return parsed(number)?.country ?? null
}

/** The countries that are meant by a calling code alone: the one that it is named after, and in North America both large ones. */
export function countriesOf(code: string): readonly CountryCode[] {
  if (code === "+1") return ["US", "CA"]
  return metadata.country_calling_codes[code.slice(1)]?.slice(0, 1) ?? []
}

/** Calling codes of two digits (E.164, annex); 1 and 7 have one, all others three. */
const twoDigits = new Set(
  "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(
    " ",
  ),
)

/** The beginning that all numbers of this one's country share, also of one that is not whole: `+39` of +3933. */
export function callingCode(number: string): string {
  const digits = number.replace(/^\+/, "")
  const length = /^[17]/.test(digits) ? 1 : twoDigits.has(digits.slice(0, 2)) ? 2 : 3
  return `+${digits.slice(0, length)}`
}
