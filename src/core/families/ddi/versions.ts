import type { VersionScheme } from "../family.ts"

/** Versions as whoever builds the firmware writes them: DDI carries a text and compares nothing. */
export const versions: VersionScheme = {
  help: "any text of 1 to 64 printable characters, such as 1.4.2; numbers in it are compared as numbers",
  parse: (text) => {
    if (/^[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(text)) return { version: text }
    const sentence = "A version takes 1 to 64 printable characters (ASCII) and neither begins nor ends with a blank."
    return { fault: { rule: "version-text", sentence } }
  },
  compare: (a, b) => {
    const [left, right] = [partsOf(a), partsOf(b)]
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const [one = "", other = ""] = [left[i], right[i]]
      if (one === other) continue
      const numbers = [one, other].every((part) => /^\d+$/.test(part))
      const order = numbers ? Number(one) - Number(other) : one < other ? -1 : 1
      if (order !== 0) return order
    }
    return 0
  },
}

function partsOf(version: string): readonly string[] {
  return version.match(/\d+|\D+/g) ?? []
}
