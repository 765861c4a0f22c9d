import { concat } from "../kit/bytes.ts"
import { DeltaError } from "./delta-error.ts"

export const stagingChoices = [1, 2, 4, 8] as const
/** How many sectors are staged before any of them is put in place. */
export type StagingSectors = (typeof stagingChoices)[number]

/** Format versions that have such a header. */
export type CompactVersion = 2 | 3 | 4

/** The fixed part of a header from format version 2 on, in the order of its bytes; docs/delta-format.md, section 1. */
export interface CompactHeader {
  readonly headerSize: number
  /** 0 stored, 1 full, 2 delta, 3 packed. */
  readonly algorithm: number
  readonly profile: number
  readonly prior: number
  readonly architecture: number
  readonly phase: { readonly old: number; readonly new: number }
  readonly sourceSize: number
  readonly targetSize: number
  readonly payloadSize: number
  /** 0: streamed. */
  readonly sectorSize: number
  readonly preserveSlots: number
  /** Sectors that are staged at a time: 1, and from version 3 on 2, 4 or 8. */
  readonly stagingSectors: StagingSectors
  readonly payloadCrc: number
  readonly sourceDigest: Uint8Array
  readonly targetSha256: Uint8Array
}

/** Bytes of the source's SHA-256 that such a header names. */
export const shortDigest = 8
const flagInPlace = 16
const flagPrior = 32
const stagingShift = 6
const start = 5

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128)
  bytes.push(rest)
  return bytes
}

function word(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]
}

/** Everything of the fixed part but magic, version, header size and the header's CRC. */
export function writeCompact(header: Omit<CompactHeader, "headerSize">): Uint8Array {
  const { sectorSize } = header
  const flags =
    header.algorithm |
    (header.profile << 2) |
    (sectorSize > 0 ? flagInPlace : 0) |
    (header.prior > 0 ? flagPrior : 0) |
    (stagingChoices.indexOf(header.stagingSectors) << stagingShift)
  const place = sectorSize > 0 ? [(23 - Math.clz32(sectorSize)) | (header.preserveSlots << 4)] : []
  return concat([
    Uint8Array.of(flags, header.architecture, header.phase.old | (header.phase.new << 4)),
    Uint8Array.from([...varint(header.sourceSize), ...varint(header.targetSize), ...varint(header.payloadSize)]),
    Uint8Array.from([...place, ...word(header.payloadCrc)]),
    header.sourceDigest.subarray(0, shortDigest),
    header.targetSha256,
  ])
}

/** The header's size, which it names itself, in front of what `writeCompact` gave and `after` bytes behind that. */
export function withSize(body: Uint8Array, after: number): Uint8Array {
  for (const width of [1, 2]) {
    const size = varint(start + width + body.length + after)
    if (size.length === width) return concat([Uint8Array.from(size), body])
  }
  throw new RangeError("a header of more than 16 KB")
}

class Reader {
  at = start
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new DeltaError("truncated", "shorter than a header")
    return byte
  }

  /** At most five bytes, of which the last has no more than four bits. */
  varint(): number {
    let value = 0
    for (let i = 0, unit = 1; i < 5; i++, unit *= 128) {
      const byte = this.byte()
      value += (byte & 127) * unit
      if (byte < 128 && value <= 0xffffffff) return value
      if (byte < 128) break
    }
    throw new DeltaError("bad-header", "a number of more than 32 bits")
  }

  word(): number {
    return (this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24)) >>> 0
  }

  take(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.byte())
  }
}

/** Reads the fixed part behind magic and version; `end` is where the header's CRC stands. Limits are the caller's to check. */
export function readCompact(
  bytes: Uint8Array,
  version: CompactVersion,
): { readonly header: CompactHeader; readonly end: number } {
  const reader = new Reader(bytes)
  const headerSize = reader.varint()
  const flags = reader.byte()
  if (flags >> stagingShift > 0 && (version === 2 || (flags & flagInPlace) === 0))
    throw new DeltaError("unsupported", `flags ${flags}`)
  const architecture = reader.byte()
  const phases = reader.byte()
  const sizes = { sourceSize: reader.varint(), targetSize: reader.varint(), payloadSize: reader.varint() }
  const place = (flags & flagInPlace) === 0 ? null : reader.byte()
  const header: CompactHeader = {
    headerSize,
    algorithm: flags & 3,
    profile: (flags >> 2) & 3,
    prior: (flags & flagPrior) === 0 ? 0 : 1,
    architecture,
    phase: { old: phases & 15, new: phases >> 4 },
    ...sizes,
    sectorSize: place === null ? 0 : 2 ** ((place & 15) + 8),
    preserveSlots: place === null ? 0 : place >> 4,
    stagingSectors: stagingChoices[(flags >> stagingShift) as 0 | 1 | 2 | 3],
    payloadCrc: reader.word(),
    sourceDigest: reader.take(shortDigest),
    targetSha256: reader.take(32),
  }
  return { header, end: reader.at }
}
