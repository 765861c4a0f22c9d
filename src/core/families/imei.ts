/** IMEIs, the serial numbers of mobile equipment (3GPP TS 23.003 §6.2.1). */

/** A new IMEI: the allocation's first digits, random ones, and the check digit. `random`: 0 <= value < 1. */
export function newImei(prefix: string, random: () => number): string {
  const rest = Array.from({ length: 14 - prefix.length }, () => Math.min(9, Math.floor(random() * 10))).join("")
  return `${prefix}${rest}${checkDigit(prefix + rest)}`
}

/** Luhn's check digit (annex B). */
function checkDigit(digits: string): string {
  let sum = 0
  for (const [index, digit] of Array.from(digits).reverse().entries()) {
    const value = Number(digit) * (index % 2 === 0 ? 2 : 1)
    sum += value > 9 ? value - 9 : value
  }
  return String((10 - (sum % 10)) % 10)
}
