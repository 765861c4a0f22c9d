import { sha256 } from "@noble/hashes/sha2.js"
import { concat, equalBytes } from "../kit/bytes.ts"
import { crc32 } from "./checksum.ts"
import {
  type CompactVersion,
  readCompact,
  shortDigest,
  type StagingSectors,
  withSize,
  writeCompact,
} from "./compact-header.ts"
import { DeltaError } from "./delta-error.ts"
import { ramNeeded } from "./memory.ts"
import { type ArchitectureName, architectures } from "./predict/architectures.ts"
import { type Profile, profiles } from "./profiles.ts"

/** The patch file: a header, what a device checks before it touches flash, then the payload. docs/delta-format.md. */

export const magic = "WFD1"
const magicBytes = Uint8Array.of(0x57, 0x46, 0x44, 0x31)
export const fixedHeaderSize = 108
export const largestHeader = 4096
/** Largest image that a patch may make or be made from. */
export const largestImage = 256 * 1024 * 1024
export const algorithms = ["stored", "full", "delta", "packed"] as const
export type Algorithm = (typeof algorithms)[number]

/** Versions of the format: 2 has a smaller header and second weights, 3 takes hashed slots sparingly, 4 can be packed. */
export const formatVersions = [1, 2, 3, 4] as const
export type FormatVersion = (typeof formatVersions)[number]
/** A patch says the least version that its decoder needs. */
export const newestVersion = 4

export interface PatchHeader {
  readonly version: FormatVersion
  readonly algorithm: Algorithm
  readonly profile: Profile
  readonly architecture: ArchitectureName
  /** Which starting tables the coder uses: 0 none. */
  readonly prior: number
  readonly phase: { readonly old: number; readonly new: number }
  /** Sector size of an in-place patch, 0 for one that is applied as a stream. */
  readonly sectorSize: number
  /** Most old sectors that are kept at a time. */
  readonly preserveSlots: number
  /** In place: sectors that are staged before the first of them is put in place; old bytes are lost no sooner. */
  readonly stagingSectors: StagingSectors
  readonly sourceSize: number
  readonly targetSize: number
  readonly payloadSize: number
  readonly payloadCrc: number
  /** What the decoder needs beyond one sector, in bytes. */
  readonly ramNeeded: number
  /** SHA-256 of the source; from version 2 on its first eight bytes. */
  readonly sourceDigest: Uint8Array
  readonly targetSha256: Uint8Array
  readonly fields: readonly Field[]
}

/** An optional field: its meaning by type, docs/delta-format.md section 3. */
export interface Field {
  readonly type: number
  readonly value: Uint8Array
}

export const fieldType = {
  payloadSha256: 1,
  targetBlocks: 2,
  sourceVersion: 3,
  targetVersion: 4,
  product: 5,
  wrapping: 6,
  /** One of several wrappings, the outermost first, with a short recipe. */
  layer: 7,
  signature: 127,
} as const

export interface Patch {
  readonly header: PatchHeader
  readonly headerSize: number
  readonly payload: Uint8Array
}

/** Where the fixed fields stand. */
const at = {
  version: 4,
  headerSize: 6,
  flags: 8,
  algorithm: 10,
  profile: 11,
  architecture: 12,
  prior: 13,
  phase: 14,
  preserveSlots: 15,
  sourceSize: 16,
  targetSize: 20,
  payloadSize: 24,
  sectorSize: 28,
  ramNeeded: 32,
  payloadCrc: 36,
  sourceSha256: 40,
  targetSha256: 72,
  headerCrc: 104,
} as const

const flagInPlace = 1

/** Writes header and payload. A signature field, if any, must be the last and is made over `unsignedBytes`. */
export function writePatch(header: PatchHeader, payload: Uint8Array): Uint8Array {
  return concat([writeHeader(header), payload])
}

/** The header's bytes; the CRC covers all of them but itself and the signature field. */
function writeHeader(header: PatchHeader): Uint8Array {
  const fields = header.fields.map(({ type, value }) =>
    concat([Uint8Array.of(type, value.length & 255, value.length >> 8), value]),
  )
  if (header.version > 1) return compactHeader(header, fields)
  const bytes = concat([new Uint8Array(fixedHeaderSize), ...fields])
  if (bytes.length > largestHeader) throw new RangeError(`a header of ${bytes.length} bytes is too long`)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 4; i++) bytes[i] = magic.charCodeAt(i)
  bytes[at.version] = 1
  view.setUint16(at.headerSize, bytes.length, true)
  view.setUint16(at.flags, header.sectorSize > 0 ? flagInPlace : 0, true)
  bytes[at.algorithm] = algorithms.indexOf(header.algorithm)
  bytes[at.profile] = header.profile.code
  bytes[at.architecture] = architectures.find((row) => row.name === header.architecture)?.code ?? 0
  bytes[at.prior] = header.prior
  bytes[at.phase] = header.phase.old | (header.phase.new << 4)
  bytes[at.preserveSlots] = header.preserveSlots
  view.setUint32(at.sourceSize, header.sourceSize, true)
  view.setUint32(at.targetSize, header.targetSize, true)
  view.setUint32(at.payloadSize, header.payloadSize, true)
  view.setUint32(at.sectorSize, header.sectorSize, true)
  view.setUint32(at.ramNeeded, header.ramNeeded, true)
  view.setUint32(at.payloadCrc, header.payloadCrc, true)
  bytes.set(header.sourceDigest, at.sourceSha256)
  bytes.set(header.targetSha256, at.targetSha256)
  view.setUint32(at.headerCrc, headerCrc(bytes, header.fields, at.headerCrc), true)
  return bytes
}

function compactHeader(header: PatchHeader, fields: readonly Uint8Array[]): Uint8Array {
  const body = writeCompact({
    ...header,
    algorithm: algorithms.indexOf(header.algorithm),
    profile: header.profile.code,
    architecture: architectures.find((row) => row.name === header.architecture)?.code ?? 0,
  })
  const behind = fields.reduce((sum, field) => sum + field.length, 4)
  const begin = Uint8Array.of(...magicBytes, header.version)
  const fixed = concat([begin, withSize(body, behind)])
  const bytes = concat([fixed, new Uint8Array(4), ...fields])
  if (bytes.length > largestHeader) throw new RangeError(`a header of ${bytes.length} bytes is too long`)
  new DataView(bytes.buffer).setUint32(fixed.length, headerCrc(bytes, header.fields, fixed.length), true)
  return bytes
}

/** The CRC over what stands before it, at `crcAt`, and the fields behind it but a signature at the end. */
function headerCrc(bytes: Uint8Array, fields: readonly Field[], crcAt: number): number {
  const last = fields.at(-1)
  const signed = last?.type === fieldType.signature ? bytes.length - last.value.length - 3 : bytes.length
  return crc32(bytes.subarray(crcAt + 4, signed), crc32(bytes.subarray(0, crcAt)))
}

/** The digest of a source as a header of a version names it. */
export function sourceDigestOf(source: Uint8Array, version: FormatVersion): Uint8Array {
  return version > 1 ? sha256(source).slice(0, shortDigest) : sha256(source)
}

/** Whether an image's SHA-256 is that of the source, as far as the header names it. */
export function isSourceDigest({ sourceDigest }: Pick<PatchHeader, "sourceDigest">, digest: Uint8Array): boolean {
  return equalBytes(digest.subarray(0, sourceDigest.length), sourceDigest)
}

/** Reads a patch whole. Throws `DeltaError` and reads nothing beyond the limits of its fields. */
export function readPatch(bytes: Uint8Array): Patch {
  const { header, headerSize } = readHeader(bytes)
  if (bytes.length !== headerSize + header.payloadSize) {
    throw new DeltaError(
      "truncated",
      `the patch has ${bytes.length} bytes, its header says ${headerSize + header.payloadSize}`,
    )
  }
  const payload = bytes.subarray(headerSize)
  if (crc32(payload) !== header.payloadCrc) throw new DeltaError("payload-damaged", "the payload's CRC-32 is wrong")
  const digest = header.fields.find((field) => field.type === fieldType.payloadSha256)
  if (digest !== undefined && !equalBytes(sha256(payload), digest.value)) {
    throw new DeltaError("payload-damaged", "the payload's SHA-256 is wrong")
  }
  return { header, headerSize, payload }
}

/** Reads and checks the header alone. */
export function readHeader(bytes: Uint8Array): { readonly header: PatchHeader; readonly headerSize: number } {
  if (bytes.length < 5) throw new DeltaError("truncated", "shorter than a header")
  for (let i = 0; i < 4; i++) {
    if (bytes[i] !== magic.charCodeAt(i)) throw new DeltaError("not-a-patch", "it does not begin as a patch does")
  }
  const version = bytes[at.version]
  if (version === 2 || version === 3 || version === 4) return readCompactHeader(bytes, version)
  if (version !== 1) throw new DeltaError("unknown-version", `format version ${version}`)
  if (bytes.length < fixedHeaderSize) throw new DeltaError("truncated", "shorter than a header")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const headerSize = view.getUint16(at.headerSize, true)
  if (headerSize < fixedHeaderSize || headerSize > largestHeader || headerSize > bytes.length) {
    throw new DeltaError("bad-header", `header of ${headerSize} bytes`)
  }
  const fields = readFields(bytes.subarray(fixedHeaderSize, headerSize))
  if (headerCrc(bytes.subarray(0, headerSize), fields, at.headerCrc) !== view.getUint32(at.headerCrc, true)) {
    throw new DeltaError("bad-header", "the header's CRC-32 is wrong")
  }
  const header = readFixed(bytes, view, fields)
  checkLimits(header, view.getUint16(at.flags, true))
  return { header, headerSize }
}

/** A header of version 2 to 4. */
function readCompactHeader(
  bytes: Uint8Array,
  version: CompactVersion,
): { readonly header: PatchHeader; readonly headerSize: number } {
  const { header: read, end } = readCompact(bytes, version)
  const { headerSize, ...fixed } = read
  if (headerSize < end + 4 || headerSize > largestHeader || headerSize > bytes.length) {
    throw new DeltaError("bad-header", `header of ${headerSize} bytes`)
  }
  const whole = bytes.subarray(0, headerSize)
  const fields = readFields(whole.subarray(end + 4))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (headerCrc(whole, fields, end) !== view.getUint32(end, true)) {
    throw new DeltaError("bad-header", "the header's CRC-32 is wrong")
  }
  const { profile, ...named } = namesOf(fixed)
  const header = { ...fixed, ...named, profile, version, ramNeeded: ramNeeded(profile), fields } as const
  checkLimits(header, header.sectorSize > 0 ? flagInPlace : 0)
  return { header, headerSize }
}

/** What stands behind a header's numbers. Throws `DeltaError` for those that this decoder does not know. */
function namesOf(numbers: { readonly algorithm: number; readonly profile: number; readonly architecture: number }) {
  const algorithm = algorithms[numbers.algorithm]
  const profile = Object.values(profiles).find((row) => row.code === numbers.profile)
  const architecture = architectures.find((row) => row.code === numbers.architecture)
  if (algorithm === undefined) throw new DeltaError("unsupported", `algorithm ${numbers.algorithm}`)
  if (profile === undefined) throw new DeltaError("unsupported", `profile ${numbers.profile}`)
  if (architecture === undefined) throw new DeltaError("unsupported", `architecture ${numbers.architecture}`)
  return { algorithm, profile, architecture: architecture.name }
}

function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = []
  let from = 0
  while (from < bytes.length) {
    const end = from + 3 + ((bytes[from + 1] ?? 0) | ((bytes[from + 2] ?? 0) << 8))
    if (from + 3 > bytes.length || end > bytes.length)
      throw new DeltaError("bad-header", "a field runs over the header's end")
    fields.push({ type: bytes[from] as number, value: bytes.slice(from + 3, end) })
    from = end
  }
  return fields
}

function readFixed(bytes: Uint8Array, view: DataView, fields: readonly Field[]): PatchHeader {
  const numbers = {
    algorithm: bytes[at.algorithm] as number,
    profile: bytes[at.profile] as number,
    architecture: bytes[at.architecture] as number,
  }
  return {
    version: 1,
    ...namesOf(numbers),
    prior: bytes[at.prior] as number,
    phase: { old: (bytes[at.phase] as number) & 15, new: (bytes[at.phase] as number) >> 4 },
    sectorSize: view.getUint32(at.sectorSize, true),
    preserveSlots: bytes[at.preserveSlots] as number,
    stagingSectors: 1,
    sourceSize: view.getUint32(at.sourceSize, true),
    targetSize: view.getUint32(at.targetSize, true),
    payloadSize: view.getUint32(at.payloadSize, true),
    payloadCrc: view.getUint32(at.payloadCrc, true),
    ramNeeded: view.getUint32(at.ramNeeded, true),
    sourceDigest: bytes.slice(at.sourceSha256, at.sourceSha256 + 32),
    targetSha256: bytes.slice(at.targetSha256, at.targetSha256 + 32),
    fields,
  }
}

export const smallestSector = 256
export const largestSector = 1024 * 1024
export const mostPreserveSlots = 8

/** Sectors that an update in place needs beside the image, one for staging and two of the journal. */
export function spareSectors({ preserveSlots, stagingSectors }: Pick<PatchHeader, "preserveSlots" | "stagingSectors">) {
  return preserveSlots + stagingSectors - 1
}

/** Blocks are whole chunks of a stream, so that each is completed by the end of one. */
function hasFittingBlocks({ fields, targetSize }: PatchHeader): boolean {
  const value = fields.find(({ type }) => type === fieldType.targetBlocks)?.value
  if (value === undefined) return true
  if (value.length < 4) return false
  const size = new DataView(value.buffer, value.byteOffset, value.length).getUint32(0, true)
  return size >= 4096 && (size & (size - 1)) === 0 && value.length === 4 + 4 * Math.ceil(targetSize / size)
}

function checkLimits(header: PatchHeader, flags: number): void {
  const refuse = (reason: string): never => {
    throw new DeltaError("bad-header", reason)
  }
  const { sectorSize } = header
  if (flags > 1) throw new DeltaError("unsupported", `flags ${flags}`)
  if ((flags & flagInPlace) !== (sectorSize > 0 ? 1 : 0)) refuse("the in-place flag and the sector size disagree")
  if (
    sectorSize > 0 &&
    (sectorSize < smallestSector || sectorSize > largestSector || (sectorSize & (sectorSize - 1)) !== 0)
  ) {
    refuse(`sectors of ${sectorSize} bytes`)
  }
  if (sectorSize > 0 && Math.ceil(header.targetSize / sectorSize) > header.profile.sectorCap) refuse("too many sectors")
  if (header.phase.old > 3 || header.phase.new > 3) refuse("the phase is more than 3")
  if (header.sourceSize > largestImage || header.targetSize > largestImage) refuse("an image is too large")
  if (header.payloadSize > largestImage) refuse("the payload is too large")
  if (spareSectors(header) > mostPreserveSlots) refuse(`${spareSectors(header)} spare sectors`)
  if (header.algorithm === "packed" && (header.version < 4 || sectorSize > 0))
    throw new DeltaError("unsupported", "a packed payload before format version 4 or in place")
  if (header.prior > 1) throw new DeltaError("unsupported", `starting tables ${header.prior}`)
  if (header.ramNeeded > header.profile.ramLimit) refuse("it needs more memory than its profile allows")
  if (!hasFittingBlocks(header)) refuse("the block index does not fit the target")
  if (header.algorithm === "stored" && header.payloadSize !== header.targetSize)
    refuse("a stored payload of another size")
}
