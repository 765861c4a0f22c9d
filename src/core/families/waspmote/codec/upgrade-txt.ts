/**
 * UPGRADE.TXT, the notice that every modem reads first. The server's own writer: virtual motes must not use this file,
 * they read the notice as the modems' libraries do.
 */

/** `SD.cat` reads through a buffer of 256 bytes; what is longer than this comes with its tail replaced by `>>`. */
export const longestUpgradeTxtBytes = 254

export interface UpgradeNotice {
  /** Program name of exactly seven characters. */
  readonly name: string
  /** Length of the whole OTA binary, header included. */
  readonly sizeBytes: number
  /** 0 to 255. */
  readonly version: number
}

/**
 * Writes the one form that all five modems read alike: FILE, PATH, SIZE, VERSION in this order, each line ended by LF, and
 * the binary in the login directory (`PATH:/`).
 */
export function makeUpgradeTxt({ name, sizeBytes, version }: UpgradeNotice): string {
  return `FILE:${name}\nPATH:/\nSIZE:${sizeBytes}\nVERSION:${version}\n`
}

/** Writes "nothing to fetch". All four labels stay, because 3G and GPRS look for PATH and VERSION before they read the name. */
export function makeNoFile(): string {
  return "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"
}
