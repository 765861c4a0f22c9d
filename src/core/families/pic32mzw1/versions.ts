import type { Fault, VersionScheme } from "../family.ts"

/** The range that every release of the device software handles (pic32mzw1.md 2.7). */
export const smallestVersion = 1
export const largestVersion = 99

/** Versions of this family: 1 to 99, a number in the manifest and a constant compiled into the program. */
export const versions: VersionScheme = {
  help: "a whole number from 1 to 99 that grows with every release; the image's own version constant must be the same",
  parse: (text) => {
    if (!/^\d{1,9}$/.test(text)) {
      return fault("version-number", `${shown(text)} is no version: it takes a whole number from 1 to 99.`)
    }
    const version = Number(text)
    if (version === 0) {
      return fault("version-zero", "Version 0 makes a board refuse the whole manifest; take 1 to 99.")
    }
    if (version > largestVersion) {
      return fault(
        "version-above-99",
        `Version ${version} is above 99: the board's database writes it in decimal and reads it as hexadecimal, and its bootloader keeps 8 bits of that, so from 100 on it would program its flash again at every reset; take 1 to 99.`,
      )
    }
    return { version: String(version) }
  },
  compare: (a, b) => Number(a) - Number(b),
}

/**
 * How the board's database reads a version back: it writes decimal digits and parses them base 16 (2.7), so 10 becomes
 * 16. Order is kept, equality is not.
 */
export function versionAsStored(version: number): number {
  return Number.parseInt(String(version).slice(0, 3), 16)
}

/** The number that `EraseVer` and `Patch` must carry so that a board finds the row of the image published as `version`. */
export const versionToErase = versionAsStored

function fault(rule: string, sentence: string): { readonly fault: Fault } {
  return { fault: { rule, sentence } }
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
