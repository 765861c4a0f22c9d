import { DeltaError } from "../delta-error.ts"
import { contentOf, type FileSegment, RecipeReader, RecipeWriter } from "./segments-recipe.ts"
import { largestFile, type Wrapping } from "./wrapping.ts"

/**
 * UF2 (Microsoft, USB Flashing Format): blocks of 512 bytes, each with its address and up to 476 bytes. The recipe holds
 * what all blocks share (flags, family, payload size) and which runs of blocks there are.
 */
export const uf2: Wrapping = { code: 2, name: "uf2", unwrap, wrap }

const blockBytes = 512
const mostPayload = 476
const magics = [
  [0, 0x0a324655],
  [4, 0x9e5d5157],
  [508, 0x0ab16f30],
] as const
/** Where the fields stand. */
const at = { flags: 8, address: 12, payload: 16, number: 20, count: 24, family: 28, data: 32 } as const

function unwrap(file: Uint8Array): { readonly content: Uint8Array; readonly recipe: Uint8Array } | null {
  if (file.length === 0 || file.length % blockBytes !== 0) return null
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const first = [at.flags, at.payload, at.family].map((field) => view.getUint32(field, true))
  const [flags = 0, payload = 0, family = 0] = first
  if (payload < 1 || payload > mostPayload) return null
  const runs: { address: number; length: number; from: number }[] = []
  const data = new Uint8Array((file.length / blockBytes) * payload)
  for (let block = 0; block < file.length / blockBytes; block++) {
    const from = block * blockBytes
    if (magics.some(([offset, magic]) => view.getUint32(from + offset, true) !== magic)) return null
    if ([at.flags, at.payload, at.family].some((field, i) => view.getUint32(from + field, true) !== first[i]))
      return null
    const address = view.getUint32(from + at.address, true)
    data.set(file.subarray(from + at.data, from + at.data + payload), block * payload)
    const last = runs.at(-1)
    if (last !== undefined && last.address + last.length === address) last.length += payload
    else runs.push({ address, length: payload, from: block * payload })
  }
  const segments = runs.map(({ address, length, from }) => ({
    address,
    length,
    bytes: data.subarray(from, from + length),
  }))
  const content = contentOf(segments)
  if (content === null) return null
  const recipe = new RecipeWriter()
  for (const value of [flags, payload, family]) recipe.number(value)
  recipe.segments(segments satisfies readonly FileSegment[])
  return { content, recipe: recipe.take() }
}

function wrap(content: Uint8Array, recipe: Uint8Array): Uint8Array {
  const reader = new RecipeReader(recipe)
  const flags = reader.number()
  const payload = reader.number()
  const family = reader.number()
  if (payload < 1 || payload > mostPayload) throw new DeltaError("bad-header", `blocks of ${payload} bytes`)
  const segments = reader.segments(content)
  if (segments.some(({ length }) => length % payload !== 0)) throw new DeltaError("bad-header", "a part of a block")
  const count = segments.reduce((sum, { length }) => sum + length / payload, 0)
  if (count * blockBytes > largestFile) throw new DeltaError("bad-header", "the wrapped file would be too large")
  const file = new Uint8Array(count * blockBytes)
  const view = new DataView(file.buffer)
  let block = 0
  for (const { address, bytes } of segments) {
    for (let done = 0; done < bytes.length; done += payload) {
      const from = block * blockBytes
      for (const [offset, magic] of magics) view.setUint32(from + offset, magic, true)
      view.setUint32(from + at.flags, flags, true)
      view.setUint32(from + at.address, address + done, true)
      view.setUint32(from + at.payload, payload, true)
      view.setUint32(from + at.number, block++, true)
      view.setUint32(from + at.count, count, true)
      view.setUint32(from + at.family, family, true)
      file.set(bytes.subarray(done, done + payload), from + at.data)
    }
  }
  return file
}
