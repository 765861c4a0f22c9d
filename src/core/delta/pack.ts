import { concat } from "../kit/bytes.ts"
import { BinaryCoder, partAt } from "./code/binary-coder.ts"
import { PackedModel, type Step } from "./code/packed.ts"
import { blockSize, type CodedHeader } from "./code/session.ts"
import { DeltaError } from "./delta-error.ts"
import { StepParser } from "./match/parse-steps.ts"
import type { ReadOld } from "./predict/window.ts"

/** Both images together may have so many bytes: finding what they repeat takes some ten times as much memory. */
export const largestPacked = 32 * 1024 * 1024

/** A packed payload: the new image as literals and copies of what the old one and it hold before. */
export function encodePacked(oldBytes: Uint8Array, newBytes: Uint8Array, isSmall: boolean): Uint8Array {
  const coder = BinaryCoder.encoder()
  const model = new PackedModel(coder, isSmall)
  const text = concat([oldBytes, newBytes])
  const start = oldBytes.length
  const parser = new StepParser(text, start, model)
  for (let at = start; at < text.length; ) {
    for (const step of parser.next(at)) {
      model.step(at - start, step)
      if (step.length === 0) {
        const distance = model.distances[0] as number
        const copied = at >= distance ? (text[at - distance] as number) : 0
        model.literal(text[at] as number, at > start ? (text[at - 1] as number) : 0, copied)
      }
      at += Math.max(1, step.length)
    }
  }
  return coder.finish()
}

const unknown: Step = { length: 0, distance: 0 }

/** The target of a packed payload, a block at a time. `readOld` reads the old image at its own offsets. */
export function* decodePacked(coder: BinaryCoder, header: CodedHeader, readOld: ReadOld): Generator<Uint8Array> {
  const { sourceSize, targetSize } = header
  const model = new PackedModel(coder, header.profile.isSmall)
  const target = new Uint8Array(targetSize)
  const one = new Uint8Array(1)
  const byteAt = (place: number): number => {
    if (place >= sourceSize) return target[place - sourceSize] as number
    if (place < 0) return 0
    readOld(place, one)
    return one[0] as number
  }
  let given = 0
  for (let at = 0; at < targetSize; ) {
    coder.part = partAt("copies")
    const { length, distance } = model.step(at, unknown)
    if (length === 0) {
      coder.part = partAt("literals")
      const copied = model.state < 7 ? 0 : byteAt(sourceSize + at - (model.distances[0] as number))
      target[at] = model.literal(0, at > 0 ? (target[at - 1] as number) : 0, copied)
      at++
    } else {
      if (distance > sourceSize + at || length > targetSize - at)
        throw new DeltaError("bad-payload", `a copy of ${length} bytes from ${distance} before offset ${at}`)
      for (const end = at + length; at < end; at++) target[at] = byteAt(sourceSize + at - distance)
    }
    for (; given + blockSize <= at; given += blockSize) yield target.subarray(given, given + blockSize)
  }
  if (given < targetSize) yield target.subarray(given)
}
