import { crc32 } from "../checksum.ts"
import { DeltaError } from "../delta-error.ts"
import { concat } from "../../kit/bytes.ts"
import { RecipeReader, RecipeWriter } from "./segments-recipe.ts"
import { largestFile, type Wrapping } from "./wrapping.ts"

/** Deflate of the machine that makes or applies a patch: handed in, since this engine has none of its own. */
export interface Deflate {
  /** Unpacks a raw stream that fills `bytes` to its end; null when it is none, or larger than `limit`. */
  readonly inflate: (bytes: Uint8Array, limit: number) => Uint8Array | null
  readonly deflate: (bytes: Uint8Array, level: number, memoryLevel: number) => Uint8Array
}

/** What zlib and those who use it are started with. */
const settings = [9, 6, 5, 8, 7, 4, 3, 2, 1].flatMap((level) => [8, 9].map((memory) => ({ level, memory })))
const trailerBytes = 8

/**
 * gzip (RFC 1952) with one member. The recipe holds the header as it was and the deflate settings that give the same
 * stream; where none of zlib's does, the file is left as it is.
 */
export function gzipWith({ inflate, deflate }: Deflate): Wrapping {
  return {
    code: 3,
    name: "gzip",
    unwrap: (file) => {
      const header = headerBytes(file)
      if (header === null || header > 1024) return null
      const stream = file.subarray(header, file.length - trailerBytes)
      const content = inflate(stream, largestFile)
      if (content === null) return null
      const found = settings.find(({ level, memory }) => {
        const again = deflate(content, level, memory)
        return again.length === stream.length && again.every((byte, i) => byte === stream[i])
      })
      if (found === undefined) return null
      const recipe = new RecipeWriter()
      for (const value of [found.level, found.memory, header]) recipe.number(value)
      return { content, recipe: concat([recipe.take(), file.subarray(0, header)]) }
    },
    wrap: (content, recipe) => {
      const reader = new RecipeReader(recipe)
      const [level, memory, header] = [reader.number(), reader.number(), reader.number()]
      if (level > 9 || memory < 1 || memory > 9 || header > recipe.length) {
        throw new DeltaError("bad-header", "a wrapping that deflate cannot make")
      }
      const trailer = new DataView(new ArrayBuffer(trailerBytes))
      trailer.setUint32(0, crc32(content), true)
      trailer.setUint32(4, content.length, true)
      const end = new Uint8Array(trailer.buffer)
      return concat([recipe.subarray(recipe.length - header), deflate(content, level, memory), end])
    },
  }
}

/** Length of the member's header: ten bytes and what its flags announce; null when it is none. */
function headerBytes(file: Uint8Array): number | null {
  const [first, second, method, flags = 0] = file
  if (first !== 0x1f || second !== 0x8b || method !== 8 || (flags & 0xe0) !== 0) return null
  let at = 10
  if ((flags & 4) !== 0) at += 2 + ((file[at] ?? 0) | ((file[at + 1] ?? 0) << 8))
  for (const text of [8, 16]) {
    if ((flags & text) === 0) continue
    const end = file.indexOf(0, at)
    if (end < 0) return null
    at = end + 1
  }
  if ((flags & 2) !== 0) at += 2
  return at + trailerBytes < file.length ? at : null
}
