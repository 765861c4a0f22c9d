import { sha256 } from "@noble/hashes/sha2.js"
import { concat, equalBytes } from "../../kit/bytes.ts"
import { applyPatch } from "../apply-patch.ts"
import { fieldType, isSourceDigest, readHeader } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import { type MadePatch, type MakeOptions, makePatch } from "../make-patch.ts"
import { intelHex, sparseIntelHex } from "./intel-hex.ts"
import { sectionedIntelHex } from "./sectioned-intel-hex.ts"
import { uf2 } from "./uf2.ts"
import { unwrapExactly, type Wrapping, type WrappingName } from "./wrapping.ts"

/** Wrappings that need nothing from outside. */
export const plainWrappings: readonly Wrapping[] = [intelHex, sparseIntelHex, sectionedIntelHex, uf2]

export interface MadeFilePatch extends MadePatch {
  /** What was unwrapped; null when the patch is between the files as they are. */
  readonly wrapping: WrappingName | null
}

/**
 * A patch between two files. Where both are wrapped alike, and wrapping the new one again gives the same file, the patch is
 * between what stands in flash, and carries how to wrap it: a device applies it to its flash as any other patch, and
 * `applyToFile` makes the file.
 */
export function makeFilePatch(
  oldFile: Uint8Array,
  newFile: Uint8Array,
  options: MakeOptions & { readonly wrappings?: readonly Wrapping[] } = {},
): MadeFilePatch {
  const { wrappings = plainWrappings, ...rest } = options
  const after = unwrapExactly(newFile, wrappings)
  // The old file need not be written again: only what is inside counts.
  const before = after?.wrapping.unwrap(oldFile) ?? null
  if (after === null || before === null) return { ...makePatch(oldFile, newFile, rest), wrapping: null }
  const { wrapping, recipe } = after
  const value = concat([Uint8Array.of(wrapping.code), sha256(newFile), recipe])
  const fields = [...(rest.fields ?? []), { type: fieldType.wrapping, value }]
  return { ...makePatch(before.content, after.content, { ...rest, fields }), wrapping: wrapping.name }
}

/** What a patch is applied to: the file itself, or what is inside it where the patch was made from that. */
export function contentFor(
  patch: Uint8Array,
  oldFile: Uint8Array,
  wrappings: readonly Wrapping[] = plainWrappings,
): Uint8Array {
  const { header } = readHeader(patch)
  const field = header.fields.find(({ type }) => type === fieldType.wrapping)
  if (field === undefined || isSourceDigest(header, sha256(oldFile))) return oldFile
  const wrapping = wrappings.find(({ code }) => code === field.value[0])
  if (wrapping === undefined) throw new DeltaError("unsupported", `wrapping ${field.value[0]}`)
  const before = wrapping.unwrap(oldFile)
  if (before === null) throw new DeltaError("wrong-source", `the old file is no ${wrapping.name}`)
  return before.content
}

/**
 * Applies a patch to a file: to the file itself, or to what is inside it where the patch was made from that, and then the
 * result is wrapped as the patch says. Throws `DeltaError`; digests are checked throughout.
 */
export function applyToFile(
  patch: Uint8Array,
  oldFile: Uint8Array,
  wrappings: readonly Wrapping[] = plainWrappings,
): Uint8Array {
  const { header } = readHeader(patch)
  const field = header.fields.find(({ type }) => type === fieldType.wrapping)
  if (field === undefined || isSourceDigest(header, sha256(oldFile))) return applyPatch(patch, oldFile)
  if (field.value.length < 33) throw new DeltaError("bad-header", "a wrapping that is not whole")
  const wrapping = wrappings.find(({ code }) => code === field.value[0])
  if (wrapping === undefined) throw new DeltaError("unsupported", `wrapping ${field.value[0]}`)
  const before = wrapping.unwrap(oldFile)
  if (before === null) throw new DeltaError("wrong-source", `the old file is no ${wrapping.name}`)
  const file = wrapping.wrap(applyPatch(patch, before.content), field.value.subarray(33))
  if (!equalBytes(sha256(file), field.value.subarray(1, 33))) {
    throw new DeltaError("wrong-target", `the ${wrapping.name} file came out differently`)
  }
  return file
}
