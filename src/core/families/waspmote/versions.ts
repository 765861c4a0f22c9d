import type { VersionScheme } from "../family.ts"

/** The version of a Waspmote program: what stands behind VERSION, one unsigned byte (guide 3.2.1). */
export const versions: VersionScheme = {
  help: "a whole number from 0 to 255, as it stands in UPGRADE.TXT",
  parse: (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) > 255) {
      return {
        fault: {
          rule: "version-not-a-byte",
          sentence: `${JSON.stringify(text.slice(0, 40))} is no version of a Waspmote program: it must be a whole number from 0 to 255.`,
        },
      }
    }
    return { version: String(Number(text)) }
  },
  compare: (a, b) => Number(a) - Number(b),
}
