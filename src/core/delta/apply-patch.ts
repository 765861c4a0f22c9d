import { sha256 } from "@noble/hashes/sha2.js"
import { equalBytes } from "../kit/bytes.ts"
import { blockChecker } from "./block-index.ts"
import { BinaryCoder, type Part, parts } from "./code/binary-coder.ts"
import { blockSize, codePreamble, sectorCount, targetCoder } from "./code/session.ts"
import { isSourceDigest, type Patch, readPatch } from "./container.ts"
import { DeltaError } from "./delta-error.ts"
import { decodePacked } from "./pack.ts"
import { OldImage } from "./place/old-image.ts"
import { groupsOf } from "./place/order.ts"
import type { ReadOld } from "./predict/window.ts"

/** Applies a patch to an image in memory. Throws `DeltaError`; the digests of both images are checked. */
export function applyPatch(patchBytes: Uint8Array, oldBytes: Uint8Array): Uint8Array {
  return applied(patchBytes, oldBytes, null)
}

/** What a payload's bytes are spent on, found by applying it: bytes by part. Throws as `applyPatch` does. */
export function bytesByPart(patchBytes: Uint8Array, oldBytes: Uint8Array): Readonly<Record<Part, number>> {
  const meter = new Float64Array(parts.length)
  applied(patchBytes, oldBytes, meter)
  const entries = parts.map((part, i) => [part, Math.round((meter[i] as number) / 0.8) / 10])
  return Object.fromEntries(entries) as Record<Part, number>
}

function applied(patchBytes: Uint8Array, oldBytes: Uint8Array, meter: Float64Array | null): Uint8Array {
  const patch = readPatch(patchBytes)
  checkSource(patch, oldBytes)
  const target = new Uint8Array(patch.header.targetSize)
  let at = 0
  if (patch.header.sectorSize > 0) applySectors(patch, oldBytes, { target, meter })
  else {
    const readOld: ReadOld = (offset, into) => {
      into.fill(0)
      const from = offset - patch.header.phase.old
      const first = Math.max(0, from)
      const end = Math.min(oldBytes.length, from + into.length)
      if (end > first) into.set(oldBytes.subarray(first, end), first - from)
    }
    for (const chunk of decodeStream(patch, readOld, meter)) {
      target.set(chunk, at)
      at += chunk.length
    }
  }
  if (!equalBytes(sha256(target), patch.header.targetSha256))
    throw new DeltaError("wrong-target", "other bytes came out")
  return target
}

function checkSource({ header }: Patch, oldBytes: Uint8Array): void {
  if (oldBytes.length !== header.sourceSize || !isSourceDigest(header, sha256(oldBytes))) {
    throw new DeltaError("wrong-source", `an image of ${oldBytes.length} bytes with another digest`)
  }
}

/**
 * The target in order, a chunk at a time, from a patch that was made to be streamed. `readOld` reads old bytes at
 * offsets of the coder's space (the image's own plus the header's old phase). Where the patch has a block index, the chunk that
 * completes a wrong block is not handed out: throws `DeltaError`. The caller checks the digests.
 */
export function* decodeStream(
  patch: Patch,
  readOld: ReadOld,
  meter: Float64Array | null = null,
): Generator<Uint8Array> {
  const check = blockChecker(patch.header)
  for (const chunk of targetChunks(patch, readOld, meter)) {
    check(chunk)
    yield chunk
  }
}

function* targetChunks(
  { header, payload }: Patch,
  readOld: ReadOld,
  meter: Float64Array | null,
): Generator<Uint8Array> {
  if (header.algorithm === "stored") {
    for (let at = 0; at < payload.length; at += blockSize) yield payload.subarray(at, at + blockSize)
    return
  }
  const coder = BinaryCoder.decoder(payload)
  coder.meter = meter
  if (header.algorithm === "packed") {
    yield* decodePacked(coder, header, readOld)
    return
  }
  const relation = header.algorithm === "full" ? null : codePreamble(coder, header, null).relation
  const target = targetCoder(coder, header, relation, readOld)
  target.seek(header.phase.new)
  for (let at = 0; at < header.targetSize; at += blockSize) {
    const chunk = new Uint8Array(Math.min(blockSize, header.targetSize - at))
    if (relation === null) target.literals(chunk)
    else target.group(chunk, at + header.phase.new, null)
    yield chunk
  }
}

/** Applies an in-place patch to a copy in memory, without journal. */
function applySectors(
  { header, payload }: Patch,
  oldBytes: Uint8Array,
  { target, meter }: { readonly target: Uint8Array; readonly meter: Float64Array | null },
): void {
  const { sectorSize } = header
  if (header.algorithm === "stored") return target.set(payload)
  const coder = BinaryCoder.decoder(payload)
  coder.meter = meter
  if (header.algorithm === "full") {
    const coded = targetCoder(coder, header, null, () => undefined)
    for (let from = 0; from < target.length; from += sectorSize) {
      if ((from / sectorSize) % header.stagingSectors === 0) coded.reset()
      coded.literals(target.subarray(from, from + sectorSize))
    }
    return
  }
  const preamble = codePreamble(coder, header, null)
  const copy = (from: number, into: Uint8Array): void => into.set(oldBytes.subarray(from, from + into.length))
  const old: OldImage = new OldImage({
    sectors: sectorCount(header),
    slots: header.preserveSlots,
    sectorSize,
    sourceSize: header.sourceSize,
    phase: header.phase.old,
    readImage: copy,
    readSlot: (slot, offset, into) => copy((old.kept[slot] as number) * sectorSize + offset, into),
  })
  const coded = targetCoder(coder, header, preamble.relation, old.read)
  for (const group of groupsOf(preamble.runs, header.stagingSectors)) {
    coded.reset()
    for (const { sector, keep } of group) if (keep > 0) old.keep(keep - 1, sector)
    for (const { sector } of group) {
      const from = sector * sectorSize
      coded.seek(from + header.phase.new)
      coded.group(target.subarray(from, from + sectorSize), from + header.phase.new, null)
    }
    for (const { sector } of group) old.written.add(sector)
  }
}
