import { crc32 } from "../checksum.ts"
import { DeltaError } from "../delta-error.ts"
import { concat, equalBytes } from "../../kit/bytes.ts"
import { gnuDeflate } from "./deflate/gnu-gzip.ts"
import { gzipShortening, shortened } from "./short-recipe.ts"
import { RecipeReader, RecipeWriter } from "./segments-recipe.ts"
import { largestFile, type Wrapping } from "./wrapping.ts"

/** Deflate of the machine that makes or applies a patch: handed in, since this engine has none of its own. */
export interface Deflate {
  /** Unpacks a raw stream that fills `bytes` to its end; null when it is none, or larger than `limit`. */
  readonly inflate: (bytes: Uint8Array, limit: number) => Uint8Array | null
  readonly deflate: (bytes: Uint8Array, level: number, memoryLevel: number) => Uint8Array
}

/** In place of zlib's memory level: the stream is that of GNU gzip, which has no such choice. */
const gnu = 0
/** What GNU gzip, zlib and those who use it are started with, the usual ones first. */
const settings = [9, 6, 1, 5, 8, 7, 4, 3, 2].flatMap((level) => [gnu, 8, 9].map((memory) => ({ level, memory })))
const trailerBytes = 8
/** Of longer contents a piece at the beginning is packed first, to see which settings make such a stream. */
const longContent = 4 * 1024 * 1024
const firstPiece = 1024 * 1024

/**
 * gzip (RFC 1952) with one member. The recipe holds the header as it was and the deflate settings that give the same
 * stream; where none of GNU gzip's and zlib's does, the file is left as it is.
 */
export function gzipWith(deflate: Deflate): readonly Wrapping[] {
  const long = longGzip(deflate)
  return [shortened(long, { code: 8, name: "gzip", ...gzipShortening }), long]
}

function longGzip({ inflate, deflate }: Deflate): Wrapping {
  const packed = (content: Uint8Array, { level, memory }: (typeof settings)[number]): Uint8Array =>
    memory === gnu ? gnuDeflate(content, level) : deflate(content, level, memory)
  return {
    code: 3,
    name: "gzip",
    unwrap: (file) => {
      const header = headerBytes(file)
      if (header === null || header > 1024) return null
      const stream = file.subarray(header, file.length - trailerBytes)
      const content = inflate(stream, largestFile)
      if (content === null) return null
      const found = settings.find((setting) => {
        if (content.length > longContent) {
          const piece = packed(content.subarray(0, firstPiece), setting)
          if (!beginsAlike(piece, stream, piece.length >> 2)) return false
        }
        const again = packed(content, setting)
        return again.length === stream.length && beginsAlike(again, stream, stream.length)
      })
      if (found === undefined) return null
      const recipe = new RecipeWriter()
      for (const value of [found.level, found.memory, header]) recipe.number(value)
      return { content, recipe: concat([recipe.take(), file.subarray(0, header)]) }
    },
    wrap: (content, recipe) => {
      const reader = new RecipeReader(recipe)
      const [level, memory, header] = [reader.number(), reader.number(), reader.number()]
      if (level < 1 || level > 9 || memory > 9 || header > recipe.length) {
        throw new DeltaError("bad-header", "a wrapping that deflate cannot make")
      }
      const trailer = new DataView(new ArrayBuffer(trailerBytes))
      trailer.setUint32(0, crc32(content), true)
      trailer.setUint32(4, content.length, true)
      const end = new Uint8Array(trailer.buffer)
      return concat([recipe.subarray(recipe.length - header), packed(content, { level, memory }), end])
    },
  }
}

function beginsAlike(one: Uint8Array, two: Uint8Array, length: number): boolean {
  return equalBytes(one.subarray(0, length), two.subarray(0, length))
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
