import { dataSpace } from "../predict/avr.ts"
import type { ArchitectureName } from "../predict/architectures.ts"
import type { WordPairs } from "./find-addresses.ts"
import type { Segment } from "./segments.ts"

/** Addresses of at most so many are looked at. */
const mostPairs = 1 << 20

/** What instructions refer to, as addresses in bytes: code by absolute addresses, and data from `dataSpace` on. */
interface References {
  /** Bytes of what is looked at, and of what it is aligned to. */
  readonly size: number
  readonly align: number
  readonly code?: (view: DataView, at: number) => number
  readonly data?: (view: DataView, at: number) => number
}

/** Gives -1 where nothing is referred to. */
const kinds: Partial<Record<ArchitectureName, References>> = {
  avr: {
    size: 4,
    align: 2,
    data: (view, at) =>
      (view.getUint16(at, true) & 0xfc0f) === 0x9000 ? dataSpace + view.getUint16(at + 2, true) : -1,
  },
  pic18: {
    size: 4,
    align: 2,
    code: (view, at) => {
      const [one, two] = [view.getUint16(at, true), view.getUint16(at + 2, true)]
      if (two >>> 12 !== 15 || ((one & 0xfe00) !== 0xec00 && (one & 0xff00) !== 0xef00)) return -1
      return ((one & 0xff) | ((two & 0xfff) << 8)) * 2
    },
  },
  "pic24-data": {
    size: 8,
    align: 4,
    code: (view, at) => {
      const [one, two] = [view.getUint32(at, true), view.getUint32(at + 4, true)]
      if ((one >>> 16 !== 0x02 && one >>> 16 !== 0x04) || two >>> 7 !== 0) return -1
      return ((one & 0xfffe) | ((two & 0x7f) << 16)) * 2
    },
    data: (view, at) => {
      const code = view.getUint32(at, true)
      if (code >>> 20 === 8) return dataSpace + ((code >>> 3) & 0xfffe)
      return code >>> 20 === 2 ? dataSpace + ((code >>> 4) & 0xffff) : -1
    },
  },
}

/** Whether the instruction set's own references tell more than aligned words do. */
export const hasReferences = (name: ArchitectureName, of: "code" | "data"): boolean => kinds[name]?.[of] !== undefined

/** What the instructions of the old image refer to, and those in their places in the new one. */
export function referencePairs(
  name: ArchitectureName,
  of: "code" | "data",
  {
    oldBytes,
    newBytes,
    segments,
  }: { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array; readonly segments: readonly Segment[] },
): WordPairs {
  const kind = kinds[name]
  const find = kind?.[of]
  const before: number[] = []
  const after: number[] = []
  if (kind === undefined || find === undefined) return { before: new Uint32Array(0), after: new Uint32Array(0) }
  const oldView = new DataView(oldBytes.buffer, oldBytes.byteOffset, oldBytes.length)
  const newView = new DataView(newBytes.buffer, newBytes.byteOffset, newBytes.length)
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = Math.min(segments[index + 1]?.newStart ?? newBytes.length, oldBytes.length + shift)
    const first = Math.ceil((newStart - shift) / kind.align) * kind.align
    for (let old = Math.max(0, first); old + shift + kind.size <= end && before.length < mostPairs; old += kind.align) {
      const from = find(oldView, old)
      const to = from < 0 ? -1 : find(newView, old + shift)
      if (to < 0) continue
      before.push(from)
      after.push(to)
    }
  }
  return { before: Uint32Array.from(before), after: Uint32Array.from(after) }
}
