import type { VersionScheme } from "../family.ts"

/**
 * Software versions as `AT+CGMR` gives them: 10.00.005 (figs. 1 and 2), 10.00.77.2 (table 1). They are ordered field by
 * field; packages are chosen by the exact text alone.
 */
export const versions: VersionScheme = {
  help: "the software version exactly as AT+CGMR gives it, such as 10.00.005",
  parse: (text) => {
    if (/^\d{2}\.\d{2}\.\d{2,4}(\.\d{1,4})?$/.test(text)) return { version: text }
    const sentence = `"${text.slice(0, 40)}" is no software version: it takes three or four fields of digits exactly as AT+CGMR gives them, such as 10.00.005.`
    return { fault: { rule: "software-version", sentence } }
  },
  compare(a, b) {
    const [left, right] = [a, b].map((text) => text.split(".").map(Number))
    for (let field = 0; field < 4; field++) {
      const difference = (left?.[field] ?? -1) - (right?.[field] ?? -1)
      if (difference !== 0) return difference
    }
    return 0
  },
}
