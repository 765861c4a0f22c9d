import { sha256 } from "@noble/hashes/sha2.js"
import { concat, equalBytes } from "../../kit/bytes.ts"
import { applyPatch } from "../apply-patch.ts"
import { crc32 } from "../checksum.ts"
import { fieldType, isSourceDigest, type PatchHeader, readHeader } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import { type MadePatch, type MakeOptions, makePatch } from "../make-patch.ts"
import { intelHex, sparseIntelHex } from "./intel-hex.ts"
import { sectionedIntelHex } from "./sectioned-intel-hex.ts"
import { hexShortening, shortened, uf2Shortening } from "./short-recipe.ts"
import { uf2 } from "./uf2.ts"
import { unwrapExactly, type Wrapping, type WrappingName } from "./wrapping.ts"

/** Wrappings that need nothing from outside; those with long recipes are what earlier patches have, and tried last. */
export const plainWrappings: readonly Wrapping[] = [
  shortened(intelHex, { code: 6, name: "intel-hex", ...hexShortening }),
  shortened(uf2, { code: 7, name: "uf2", ...uf2Shortening }),
  intelHex,
  sparseIntelHex,
  sectionedIntelHex,
  uf2,
]

/** A HEX file in a gzip file, but no gzip file in a gzip file. */
const mostLayers = 2

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
  const layers: Layer[] = []
  let [before, after] = [oldFile, newFile]
  while (layers.length < mostLayers) {
    const found = unwrapExactly(after, wrappings)
    // The old file need not be written again: only what is inside counts.
    const old = found?.wrapping.unwrap(before) ?? null
    if (found === null || old === null) break
    layers.push({ wrapping: found.wrapping, check: checkOf(after), recipe: found.recipe })
    before = old.content
    after = found.content
  }
  const wrapped = layers.map(({ wrapping, check, recipe }) => ({
    type: fieldType.layer,
    value: concat([Uint8Array.of(wrapping.code), check, recipe]),
  }))
  const made = makePatch(before, after, { ...rest, fields: [...(rest.fields ?? []), ...wrapped] })
  return { ...made, wrapping: layers[0]?.wrapping.name ?? null }
}

/** One of the wrappings around a content, as a patch tells it. */
interface Layer {
  readonly wrapping: Wrapping
  /** What the wrapped target must be: its SHA-256, or its CRC-32. */
  readonly check: Uint8Array
  readonly recipe: Uint8Array
}

function checkOf(file: Uint8Array): Uint8Array {
  const check = new Uint8Array(4)
  new DataView(check.buffer).setUint32(0, crc32(file), true)
  return check
}

/** The wrappings of a patch, the outermost first. */
function layersOf({ fields }: PatchHeader, wrappings: readonly Wrapping[]): readonly Layer[] {
  const told = fields.filter(({ type }) => type === fieldType.wrapping || type === fieldType.layer)
  if (told.length > mostLayers) throw new DeltaError("bad-header", `${told.length} wrappings`)
  return told.map(({ type, value }) => {
    const checkEnd = type === fieldType.wrapping ? 33 : 5
    if (value.length < checkEnd) throw new DeltaError("bad-header", "a wrapping that is not whole")
    const wrapping = wrappings.find(({ code }) => code === value[0])
    if (wrapping === undefined) throw new DeltaError("unsupported", `wrapping ${value[0]}`)
    return { wrapping, check: value.subarray(1, checkEnd), recipe: value.subarray(checkEnd) }
  })
}

function contentIn(file: Uint8Array, layers: readonly Layer[]): Uint8Array {
  return layers.reduce((inside, { wrapping }) => {
    const found = wrapping.unwrap(inside)
    if (found === null) throw new DeltaError("wrong-source", `the old file is no ${wrapping.name}`)
    return found.content
  }, file)
}

/** What a patch is applied to: the file itself, or what is inside it where the patch was made from that. */
export function contentFor(
  patch: Uint8Array,
  oldFile: Uint8Array,
  wrappings: readonly Wrapping[] = plainWrappings,
): Uint8Array {
  const { header } = readHeader(patch)
  const layers = layersOf(header, wrappings)
  return layers.length === 0 || isSourceDigest(header, sha256(oldFile)) ? oldFile : contentIn(oldFile, layers)
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
  if (isSourceDigest(header, sha256(oldFile))) return applyPatch(patch, oldFile)
  const layers = layersOf(header, wrappings)
  if (layers.length === 0) return applyPatch(patch, oldFile)
  return layers.reduceRight(
    (inside, { wrapping, check, recipe }) => {
      const file = wrapping.wrap(inside, recipe)
      if (!equalBytes(check.length === 4 ? checkOf(file) : sha256(file), check))
        throw new DeltaError("wrong-target", `the ${wrapping.name} file came out differently`)
      return file
    },
    applyPatch(patch, contentIn(oldFile, layers)),
  )
}
