import type { VersionScheme } from "../family.ts"

/** Longest firmware name, characters. The longest seen is a third of that. */
const longest = 64

/** Firmware names exactly as `ATI` and `AT+QGMR` give them; they have no order. */
export const versions: VersionScheme = {
  help: "the firmware's name exactly as ATI or AT+QGMR gives it, such as AG35CEVAR05A06M4G",
  parse: (text) => {
    if (text.length <= longest && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(text)) return { version: text }
    const sentence = `"${text.slice(0, 70)}" is no firmware name: it takes 1 to ${longest} letters, digits, '.', '_', '+' or '-', exactly as ATI gives it.`
    return { fault: { rule: "firmware-name", sentence } }
  },
  compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
}
