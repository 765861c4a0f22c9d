import { sha256 } from "@noble/hashes/sha2.js"
import { applyPatch } from "./apply-patch.ts"
import { blockIndexOf } from "./block-index.ts"
import { crc32 } from "./checksum.ts"
import { BinaryCoder } from "./code/binary-coder.ts"
import { type CodedHeader, blockSize, codePreamble, type Preamble, sectorCount, targetCoder } from "./code/session.ts"
import {
  type Algorithm,
  type Field,
  type FormatVersion,
  largestImage,
  largestSector,
  newestVersion,
  type PatchHeader,
  sourceDigestOf,
  writePatch,
} from "./container.ts"
import { stagingChoices } from "./compact-header.ts"
import { DeltaError } from "./delta-error.ts"
import type { Analysis } from "./match/analyse.ts"
import { fitRelation } from "./match/fit-relation.ts"
import type { Segment } from "./match/segments.ts"
import { Study, variants } from "./match/study.ts"
import { ramNeeded } from "./memory.ts"
import { encodePacked, largestPacked } from "./pack.ts"
import { findOrder } from "./place/find-order.ts"
import { OldImage } from "./place/old-image.ts"
import { groupsOf } from "./place/order.ts"
import { verifyInPlace } from "./place/verify.ts"
import { type ArchitectureName, firstVersionOf } from "./predict/architectures.ts"
import { readerOf } from "./predict/detect.ts"
import { type Profile, type ProfileName, profiles } from "./profiles.ts"
import { gnuDeflate } from "./wrap/deflate/gnu-gzip.ts"

export interface MakeOptions {
  readonly profile?: ProfileName
  readonly architecture?: ArchitectureName | "auto"
  /** For a patch that overwrites the old image: the flash's sector size in bytes, a power of two from 256 on. */
  readonly sectorSize?: number
  /** In place: spare sectors of flash beside one for staging, 0 … 8, default 8. They keep old bytes, or stage more at a time. */
  readonly preserveSlots?: number
  /** The format version to write, default the newest; 1 for decoders that know no other. */
  readonly version?: FormatVersion
  readonly fields?: readonly Field[]
  /** Whether the header names the checksum of every block of the target. */
  readonly blockIndex?: boolean
  /** Called with the share done, 0 … 1. */
  readonly onProgress?: (share: number) => void
  /** Asked now and then; the work stops with the reason it throws. */
  readonly checkCancelled?: () => void
  /** How many ways are tried, default `normal`: fewer for larger images. */
  readonly effort?: Effort
  /** What was found out about the same two images before. */
  readonly study?: Study
}

export const efforts = ["fast", "normal", "high"] as const
/** One way; several for images of a few MB; all for any image. */
export type Effort = (typeof efforts)[number]

export interface MadePatch {
  readonly patch: Uint8Array
  readonly header: PatchHeader
}

/**
 * Makes the smallest patch this engine can: a delta, the target packed alone, or the target as it is. The patch has
 * been applied to the old image, in a simulated flash when it is in place, before it is returned.
 */
export function makePatch(oldBytes: Uint8Array, newBytes: Uint8Array, options: MakeOptions = {}): MadePatch {
  const step = (share: number): void => {
    options.checkCancelled?.()
    options.onProgress?.(share)
  }
  step(0)
  checkSectors(newBytes.length, options)
  const study = options.study ?? new Study(oldBytes, newBytes)
  const spares = sparesOf(options)
  const base: CodedHeader = {
    version: Math.min(options.version ?? newestVersion, deltaVersion) as FormatVersion,
    profile: profiles[options.profile ?? "std"],
    architecture: "none",
    prior: 1,
    phase: { old: 0, new: 0 },
    sectorSize: options.sectorSize ?? 0,
    ...(spares[0] as Spares),
    sourceSize: oldBytes.length,
    targetSize: newBytes.length,
  }
  const { coded, payload: delta } = smallestDelta(base, study, { ...options, spares }, step)
  step(0.7)
  const payloads: { algorithm: Algorithm; payload: Uint8Array }[] = [{ algorithm: "delta", payload: delta }]
  if (isNearlyNew(delta, newBytes)) {
    payloads.push(
      { algorithm: "full", payload: encodeFull(coded, newBytes) },
      { algorithm: "stored", payload: newBytes },
    )
  }
  if (mayBePacked(options, study) && isDearForPacked(delta, newBytes)) {
    payloads.push({ algorithm: "packed", payload: encodePacked(oldBytes, newBytes, coded.profile.isSmall) })
  }
  const { algorithm, payload } = payloads.reduce((best, next) =>
    next.payload.length < best.payload.length ? next : best,
  )
  step(0.85)
  const header: PatchHeader = {
    ...(algorithm === "packed" ? { ...base, profile: coded.profile, version: newestVersion, prior: 0 } : coded),
    algorithm,
    payloadSize: payload.length,
    payloadCrc: crc32(payload),
    ramNeeded: ramNeeded(coded.profile),
    sourceDigest: sourceDigestOf(oldBytes, coded.version),
    targetSha256: sha256(newBytes),
    fields: [...(options.blockIndex === true ? [blockIndexOf(newBytes)] : []), ...(options.fields ?? [])],
  }
  const patch = writePatch(header, payload)
  if (header.sectorSize === 0) applyPatch(patch, oldBytes)
  else verifyInPlace(patch, oldBytes)
  step(1)
  return { patch, header }
}

/** What the newest version brings is packed payloads; a delta needs no more than this one. */
const deltaVersion = 3

/** Whether the decoder can copy from what it has written: from version 4 on, when it streams. */
function mayBePacked({ version = newestVersion, sectorSize }: MakeOptions, { oldBytes, newBytes }: Study): boolean {
  return version > deltaVersion && sectorSize === undefined && oldBytes.length + newBytes.length <= largestPacked
}

/** Whether a delta is so large that the new image, packed, may be smaller; what it packs to is told by a quick packer. */
function isDearForPacked(delta: Uint8Array, newBytes: Uint8Array): boolean {
  if (isNearlyNew(delta, newBytes)) return true
  return delta.length > newBytes.length / 64 && delta.length > gnuDeflate(newBytes, 1).length / 2
}

/** The sector size to make a patch in place for, where the flash leaves a choice, in bytes: 4096, or the least that can be numbered. */
export function sectorSizeFor(targetSize: number, profile: Profile): number {
  let size = 4096
  while (Math.ceil(targetSize / size) > profile.sectorCap && size < largestSector) size *= 2
  return size
}

function checkSectors(targetSize: number, { sectorSize, profile = "std" }: MakeOptions): void {
  if (sectorSize === undefined) return
  const sectors = Math.ceil(targetSize / sectorSize)
  const { sectorCap } = profiles[profile]
  if (sectors <= sectorCap) return
  const fits = sectorSizeFor(targetSize, profiles[profile])
  const larger = Object.values(profiles).find((row) => row.sectorCap >= sectors)
  const ways = [
    Math.ceil(targetSize / fits) <= sectorCap ? `sectors of ${fits} bytes` : "",
    larger === undefined ? "" : `the profile ${larger.name}`,
  ].filter((way) => way !== "")
  throw new DeltaError(
    "unsupported",
    `${targetSize} bytes are ${sectors} sectors of ${sectorSize}, and the profile ${profile} can number ${sectorCap}: take ${ways.join(" or ") || "a streamed patch"}`,
  )
}

/** Whether so little of the old image is in the new one that packing that one alone may be as good. */
const isNearlyNew = (payload: Uint8Array, newBytes: Uint8Array): boolean => payload.length > newBytes.length / 3

/** What the spare sectors of an update in place are used for. */
type Spares = Pick<CodedHeader, "preserveSlots" | "stagingSectors">

/** The ways to use them, the one that is likely to be best first: several sectors staged together lose less than several kept. */
function sparesOf({ sectorSize, preserveSlots = 8, version = newestVersion }: MakeOptions): readonly Spares[] {
  const one = { preserveSlots: sectorSize === undefined ? 0 : preserveSlots, stagingSectors: 1 } as const
  if (sectorSize === undefined || version < 3) return [one]
  const several = stagingChoices
    .map((stagingSectors) => ({ preserveSlots: preserveSlots + 1 - stagingSectors, stagingSectors }))
    .filter((spares) => spares.preserveSlots >= 0)
  return several.reverse()
}

interface Encoded {
  readonly coded: CodedHeader
  readonly analysis: Analysis
  readonly payload: Uint8Array
}

/** Ways are tried on images up to so many bytes, by effort. */
const triedUpTo: Readonly<
  Record<Effort, { readonly rivals: number; readonly variants: number; readonly profiles: number }>
> = {
  fast: { rivals: 0, variants: 0, profiles: 0 },
  normal: { rivals: 0x100000, variants: 0x200000, profiles: 0x200000 },
  high: { rivals: largestImage, variants: largestImage, profiles: largestImage },
}

/** What a change of the shift may cost, in bits, when the segments are settled. */
const settlings = [20, 24]

/**
 * The smallest of several deltas: for the instruction set that was found and for its rivals, each with segments found in
 * several ways, and with the settings of the smaller profiles, which a decoder of this one has as well.
 */
function smallestDelta(
  base: CodedHeader,
  study: Study,
  options: MakeOptions & { readonly spares: readonly Spares[] },
  step: (share: number) => void,
): Encoded {
  const { newBytes } = study
  const encoded = (coded: CodedHeader, analysis: Analysis): Encoded => {
    const { architecture, phase } = analysis
    // A patch says the least version that its decoder needs.
    const version = Math.max(coded.version, firstVersionOf(architecture)) as FormatVersion
    const header = { ...coded, version, architecture, phase }
    return { coded: header, analysis, payload: encodeDelta(header, analysis, newBytes) }
  }
  const first = study.plain(options.architecture ?? "auto", options.version)
  step(0.2)
  let best = encoded(base, first)
  step(0.3)
  /** Whether it is better by some share; then it is the best. */
  const isBetter = (next: Encoded): boolean => {
    if (next.payload.length >= best.payload.length) return false
    best = next
    return true
  }
  const upTo = triedUpTo[options.effort ?? "normal"]
  if (isNearlyNew(best.payload, newBytes)) return best
  if (newBytes.length <= upTo.rivals)
    for (const rival of first.rivals) isBetter(encoded(base, study.plain(rival, options.version)))
  if (newBytes.length <= upTo.variants) {
    for (const [index, variant] of variants.entries()) {
      isBetter(encoded(base, study.varied(best.analysis, variant)))
      step(0.3 + (0.3 * (index + 1)) / variants.length)
    }
  }
  if (newBytes.length <= upTo.variants) {
    const { analysis } = best
    for (const enter of settlings) isBetter(encoded(base, study.settled(analysis, base.profile, enter)))
  }
  if (newBytes.length <= upTo.profiles) {
    const smaller = Object.values(profiles).filter(
      ({ code, sectorCap }) => code < base.profile.code && sectorCount(base) <= sectorCap,
    )
    for (const profile of smaller.reverse()) {
      const next = encoded({ ...best.coded, profile }, best.analysis)
      if (!isBetter(next) && next.payload.length > best.payload.length * 1.01) break
    }
  }
  if (newBytes.length <= upTo.variants)
    for (const other of options.spares.slice(1)) isBetter(encoded({ ...best.coded, ...other }, best.analysis))
  return best
}

function encodeDelta(header: CodedHeader, analysis: Analysis, newBytes: Uint8Array): Uint8Array {
  const coder = BinaryCoder.encoder()
  const relation = fitRelation(analysis, header.profile)
  const isInPlace = header.sectorSize > 0
  const runs = isInPlace
    ? findOrder({
        ...header,
        segments: ownSegments(analysis),
        slots: header.preserveSlots,
        staging: header.stagingSectors,
        runCap: header.profile.runCap,
      })
    : []
  const preamble: Preamble = { relation, runs }
  codePreamble(coder, header, preamble)
  const wish = shiftsOf(analysis.segments)
  if (!isInPlace) {
    const target = targetCoder(coder, header, relation, readerOf(analysis.oldBytes))
    target.seek(header.phase.new)
    for (let at = 0; at < newBytes.length; at += blockSize) {
      target.group(newBytes.slice(at, at + blockSize), at + header.phase.new, wish)
    }
    return coder.finish()
  }
  const old = simulatedOldImage(header, analysis)
  const target = targetCoder(coder, header, relation, old.read)
  for (const group of groupsOf(runs, header.stagingSectors)) {
    target.reset()
    for (const { sector, keep } of group) if (keep > 0) old.keep(keep - 1, sector)
    for (const { sector } of group) {
      const from = sector * header.sectorSize
      target.seek(from + header.phase.new)
      target.group(newBytes.slice(from, from + header.sectorSize), from + header.phase.new, wish)
    }
    for (const { sector } of group) old.written.add(sector)
  }
  return coder.finish()
}

/** The old image as the decoder will see it; the kept sectors are read from the image itself. */
function simulatedOldImage(header: CodedHeader, analysis: Analysis): OldImage {
  const image = analysis.oldBytes.subarray(header.phase.old)
  const copy = (from: number, into: Uint8Array): void => into.set(image.subarray(from, from + into.length))
  const old: OldImage = new OldImage({
    sectors: sectorCount(header),
    slots: header.preserveSlots,
    sectorSize: header.sectorSize,
    sourceSize: header.sourceSize,
    phase: header.phase.old,
    readImage: copy,
    readSlot: (slot, offset, into) => copy((old.kept[slot] as number) * header.sectorSize + offset, into),
  })
  return old
}

/** The segments in the images' own offsets. */
function ownSegments({ segments, phase }: Analysis): Segment[] {
  return segments.map(({ newStart, shift }) => ({
    newStart: newStart - phase.new,
    shift: shift - phase.new + phase.old,
  }))
}

function shiftsOf(segments: readonly Segment[]): (at: number) => number {
  let current = 0
  return (at) => {
    while (current > 0 && (segments[current] as Segment).newStart > at) current = 0
    while (current + 1 < segments.length && (segments[current + 1] as Segment).newStart <= at) current++
    return (segments[current] as Segment).shift
  }
}

function encodeFull(header: CodedHeader, newBytes: Uint8Array): Uint8Array {
  const coder = BinaryCoder.encoder()
  const target = targetCoder(coder, header, null, (_offset, into) => into.fill(0))
  if (header.sectorSize === 0) target.literals(newBytes.slice())
  else {
    for (let from = 0; from < newBytes.length; from += header.sectorSize) {
      if ((from / header.sectorSize) % header.stagingSectors === 0) target.reset()
      target.literals(newBytes.slice(from, from + header.sectorSize))
    }
  }
  return coder.finish()
}
