/** The seven characters by which UPGRADE.TXT, the OTA header and the mote's EEPROM name a program. */

/** Length of a program name in characters; every modem relies on it (guide 3.2.1). */
export const programNameLength = 7

/** The word that stands in FILE when there is nothing to fetch (guide 3.2.1, example 1). */
export const noFile = "NO_FILE"

/**
 * Makes the program name that the vendor's IDE makes of a sketch or file name: the part before the extension, cut to seven
 * characters (`_4G_20_OTA.hex` becomes `_4G_20_`). The IDE leaves a shorter name short, which no modem takes, so it is
 * filled with `_`.
 */
export function programNameOf(fileName: string): string {
  const baseName = fileName.slice(Math.max(fileName.lastIndexOf("/"), fileName.lastIndexOf("\\")) + 1)
  const dot = baseName.indexOf(".")
  const stem = dot > 0 ? baseName.slice(0, dot) : baseName
  return stem.slice(0, programNameLength).padEnd(programNameLength, "_")
}

/** What is wrong with a program name, in words that complete "the program name … "; null when nothing is. */
export function programNameFault(name: string): string | null {
  if (name.length !== programNameLength) {
    return `has ${name.length} characters, but every modem counts on exactly ${programNameLength}`
  }
  if (name === noFile) return "is the word by which UPGRADE.TXT says that there is nothing to fetch"
  // The name becomes a file on a FAT SD card and part of AT commands in quotes; sketch names are letters, digits and `_`.
  if (!/^[A-Za-z0-9_]+$/.test(name)) {
    return "has characters that the mote's SD card or its AT commands do not take; only letters, digits and _ are safe"
  }
  return null
}

/**
 * Another name for the same program, for motes that refuse it under its own: four characters of the name, `_R` and a digit
 * or letter. Deterministic: the first that is not `taken`; null when all 36 are taken.
 */
export function otherProgramName(name: string, taken: ReadonlySet<string>): string | null {
  for (const mark of "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0") {
    const other = `${name.slice(0, 4)}_R${mark}`
    if (other !== name && !taken.has(other)) return other
  }
  return null
}
