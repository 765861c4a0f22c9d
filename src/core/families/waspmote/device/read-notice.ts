/**
 * How the modems' libraries read UPGRADE.TXT. Nothing here is shared with the server's writer, and nothing is kinder than
 * the libraries: labels are found by substring search, values run from the colon to the next LF, nothing is trimmed.
 */

/** The library wrote past a buffer: on hardware the mote hangs or restarts at random. */
export class MemoryOverrun extends Error {
  override readonly name = "MemoryOverrun"
}

/** The value of a label, or null when the label is not there. Without an LF behind it the library's length is negative. */
export function valueOf(text: string, label: string, bufferBytes: number): string | null {
  const at = text.indexOf(label)
  if (at < 0) return null
  const colon = text.indexOf(":", at)
  const end = text.indexOf("\n", at)
  if (colon < 0 || end < 0) throw new MemoryOverrun(`no line end behind ${label}`)
  const value = text.slice(colon + 1, Math.max(end, colon + 1))
  if (value.length >= bufferBytes) throw new MemoryOverrun(`${label} overruns its buffer of ${bufferBytes}`)
  return value
}

/** C's `atol`: blanks, a sign, leading digits; everything else is 0. */
export function atol(text: string): number {
  const match = /^[ \t\r\v\f]*([+-]?\d+)/.exec(text)
  return match === null ? 0 : Number(match[1])
}

/** 8-bit casts of C. */
export function toUnsignedByte(value: number): number {
  return value & 0xff
}

export function toSignedByte(value: number): number {
  return (value << 24) >> 24
}

/** What the strict libraries (4G, WiFi PRO) make of the notice. */
export interface StrictNotice {
  readonly name: string
  readonly path: string
  readonly sizeBytes: number
  readonly version: number
}

/** Where a strict library stopped, in the order in which it looks. */
export type StrictStop = "no-file-label" | "name-length" | "no-file" | "no-path" | "no-size" | "no-version"

/**
 * Reads FILE, PATH, SIZE, VERSION in this order and stops at the first fault (Wasp4G.cpp, WaspWIFI_PRO.cpp). `onPath` is
 * called as soon as PATH is parsed: the stored copy of that name is deleted there, before the version is even looked at.
 */
export async function readStrictly(
  text: string,
  onPath: (name: string) => Promise<void>,
): Promise<StrictNotice | StrictStop> {
  const name = valueOf(text, "FILE:", 256)
  if (name === null) return "no-file-label"
  if (name.length !== 7) return "name-length"
  if (name === "NO_FILE") return "no-file"
  const path = valueOf(text, "PATH:", 100)
  if (path === null) return "no-path"
  await onPath(name)
  const size = valueOf(text, "SIZE:", 256)
  if (size === null) return "no-size"
  const version = valueOf(text, "VERSION:", 256)
  if (version === null) return "no-version"
  return { name, path, sizeBytes: atol(size.slice(0, 9)), version: toUnsignedByte(atol(version.slice(0, 9))) }
}

/** What the blind libraries (3G, GPRS) make of it: they do not read SIZE. */
export interface BlindNotice {
  readonly name: string
  readonly path: string
  readonly version: number
}

export type BlindStop = "no-file-label" | "no-path" | "no-version"

/**
 * The name is seven characters after the first colon of the whole file, whatever they are; VERSION goes into a buffer of four
 * (Wasp3G.cpp, WaspGPRS_Pro_core.cpp). NO_FILE is for the caller, who must look only now. `pathBytes` is the buffer that
 * takes PATH with what is joined to it.
 */
export function readBlindly(text: string, pathBytes: number): BlindNotice | BlindStop {
  if (!text.includes("FILE")) return "no-file-label"
  const colon = text.indexOf(":")
  const name = text.slice(colon + 1, colon + 8)
  const path = valueOf(text, "PATH", 256)
  if (path === null) return "no-path"
  if (path.length + name.length >= pathBytes) throw new MemoryOverrun(`PATH overruns its buffer of ${pathBytes}`)
  const version = valueOf(text, "VERSION", 256)
  if (version === null) return "no-version"
  if (version.length > 3) throw new MemoryOverrun("VERSION overruns its buffer of 4")
  return { name, path, version: atol(version) }
}
