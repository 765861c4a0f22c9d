import { concat } from "../../kit/bytes.ts"
import { DeltaError } from "../delta-error.ts"
import { RecipeReader, RecipeWriter } from "./segments-recipe.ts"
import type { Wrapping, WrappingName } from "./wrapping.ts"

/**
 * The same wrappings with shorter recipes, docs/delta-format.md section 9: in small patches every byte counts, and most files are
 * one segment as long as their content. What is not of the usual kind has its long recipe behind a zero; a short one begins with another number.
 */
interface Shortening {
  readonly code: number
  readonly name: WrappingName
  /** Null for what is not of the usual kind. */
  readonly shorten: (long: Uint8Array, content: Uint8Array) => Uint8Array | null
  readonly lengthen: (short: RecipeReader, content: Uint8Array) => Uint8Array
}

export function shortened(long: Wrapping, { code, name, shorten, lengthen }: Shortening): Wrapping {
  return {
    code,
    name,
    unwrap: (file) => {
      const found = long.unwrap(file)
      if (found === null) return null
      const short = shorten(found.recipe, found.content)
      const recipe = short === null ? concat([Uint8Array.of(0), found.recipe]) : short
      return { content: found.content, recipe }
    },
    wrap: (content, recipe) => {
      if (recipe[0] === 0) return long.wrap(content, recipe.subarray(1))
      return long.wrap(content, lengthen(new RecipeReader(recipe), content))
    },
  }
}

const turnedSign = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2)

/** HEX: what is before the segments, without the type of a start record where there is none, and the one segment's address. */
export const hexShortening: Pick<Shortening, "shorten" | "lengthen"> = {
  shorten: (long, content) => {
    const reader = new RecipeReader(long)
    const [flags, recordBytes, startType] = [reader.number(), reader.number(), reader.number()]
    const start = startType === 0 ? 0 : reader.number()
    const [count, address, length] = [reader.number(), reader.number(), reader.number()]
    if (count !== 1 || length !== content.length || flags > 31) return null
    const short = new RecipeWriter()
    for (const value of [(flags | (startType === 0 ? 32 : 0)) * 2 + 1, recordBytes]) short.number(value)
    if (startType !== 0) short.number(startType)
    short.number(address)
    if (startType !== 0) short.number(turnedSign(start - address / 2))
    return short.take()
  },
  lengthen: (short, content) => {
    const [flags, recordBytes] = [Math.floor(short.number() / 2), short.number()]
    const long = new RecipeWriter()
    for (const value of [flags & 31, recordBytes]) long.number(value)
    const startType = (flags & 32) === 0 ? short.number() : 0
    const address = short.number()
    long.number(startType)
    if (startType !== 0) {
      const distance = short.number()
      const start = address / 2 + (distance % 2 === 1 ? -(distance + 1) / 2 : distance / 2)
      if (start < 0 || start > 0xffffffff || address % 2 === 1)
        throw new DeltaError("bad-header", "a start that is none")
      long.number(start)
    }
    for (const value of [1, address, content.length]) long.number(value)
    return long.take()
  },
}

const usualFlags = 0x2000
const usualPayload = 256

/** UF2 of blocks of 256 bytes that name their family: the family, and the one segment's address divided by 256. */
export const uf2Shortening: Pick<Shortening, "shorten" | "lengthen"> = {
  shorten: (long, content) => {
    const reader = new RecipeReader(long)
    const [flags, payload, family] = [reader.number(), reader.number(), reader.number()]
    const [count, gap, length] = [reader.number(), reader.number(), reader.number()]
    const isUsual = flags === usualFlags && payload === usualPayload && count === 1 && length === content.length
    if (!isUsual || gap % (2 * usualPayload) !== 0) return null
    const short = new RecipeWriter()
    for (const value of [gap / (2 * usualPayload) + 1, family]) short.number(value)
    return short.take()
  },
  lengthen: (short, content) => {
    const [address, family] = [short.number() - 1, short.number()]
    const long = new RecipeWriter()
    for (const value of [usualFlags, usualPayload, family, 1, address * 2 * usualPayload, content.length])
      long.number(value)
    return long.take()
  },
}

const memoryLevels = [0, 8, 9]
const headerBegin = [0x1f, 0x8b, 8]

/** gzip: level and memory level in one number, and the header without its first three bytes, which are always the same. */
export const gzipShortening: Pick<Shortening, "shorten" | "lengthen"> = {
  shorten: (long) => {
    const reader = new RecipeReader(long)
    const [level, memory, header] = [reader.number(), reader.number(), reader.number()]
    const short = new RecipeWriter()
    short.number(level + 10 * memoryLevels.indexOf(memory))
    return concat([short.take(), long.subarray(long.length - header + headerBegin.length)])
  },
  lengthen: (short) => {
    const settings = short.number()
    const header = concat([Uint8Array.from(headerBegin), short.rest()])
    const long = new RecipeWriter()
    for (const value of [settings % 10, memoryLevels[Math.floor(settings / 10)] ?? 99, header.length])
      long.number(value)
    return concat([long.take(), header])
  },
}
