import { equalBytes } from "../../kit/bytes.ts"

/** A file format around what stands in flash. */
export interface Wrapping {
  /** Number in a patch's field, docs/delta-format.md section 9. */
  readonly code: number
  readonly name: WrappingName
  /** What is inside and how it was wrapped; null when the file is not of this format, or not as `wrap` would write it. */
  readonly unwrap: (file: Uint8Array) => Unwrapped | null
  /** The file again. The recipe may come from a hostile patch: throws `DeltaError`, and makes nothing beyond `largestFile`. */
  readonly wrap: (content: Uint8Array, recipe: Uint8Array) => Uint8Array
}

export type WrappingName = "intel-hex" | "sparse-intel-hex" | "sectioned-intel-hex" | "uf2" | "gzip"

export interface Unwrapped {
  readonly content: Uint8Array
  readonly recipe: Uint8Array
}

/** Longest recipe: it stands in a patch's header. */
export const largestRecipe = 3072
/** Largest content of a wrapped file, gaps filled, and largest file that is written. */
export const largestFile = 256 * 1024 * 1024

/** Takes a file out of its wrapping, if wrapping it again gives the same file to the last bit. */
export function unwrapExactly(
  file: Uint8Array,
  wrappings: readonly Wrapping[],
): (Unwrapped & { readonly wrapping: Wrapping }) | null {
  for (const wrapping of wrappings) {
    const found = wrapping.unwrap(file)
    if (found === null || found.recipe.length > largestRecipe) continue
    if (equalBytes(wrapping.wrap(found.content, found.recipe), file)) return { ...found, wrapping }
  }
  return null
}
