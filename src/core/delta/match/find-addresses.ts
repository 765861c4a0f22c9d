import { mostRegions } from "../code/relation.ts"
import { noShift, type Region, Translation, type ValueShift } from "../predict/translate.ts"
import type { AddressMap } from "./address-map.ts"
import type { Segment } from "./segments.ts"

/** Words that are absolute addresses if anything: their values in the old image and at the same places in the new. */
export interface WordPairs {
  readonly before: Uint32Array
  readonly after: Uint32Array
}

const farthest = 0x100000

/** Every aligned word of the old image with the word that stands in its place in the new image. */
export function wordPairs(oldBytes: Uint8Array, newBytes: Uint8Array, segments: readonly Segment[]): WordPairs {
  const oldView = new DataView(oldBytes.buffer, oldBytes.byteOffset, oldBytes.length)
  const newView = new DataView(newBytes.buffer, newBytes.byteOffset, newBytes.length)
  const before = new Uint32Array((newBytes.length >> 2) + 1)
  const after = new Uint32Array(before.length)
  let count = 0
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = Math.min(segments[index + 1]?.newStart ?? newBytes.length, oldBytes.length + shift)
    for (let old = (newStart - shift + 3) & ~3; old + shift + 4 <= end; old += 4) {
      before[count] = oldView.getUint32(old, true)
      after[count++] = newView.getUint32(old + shift, true)
    }
  }
  return { before: before.subarray(0, count), after: after.subarray(0, count) }
}

/**
 * The address at which the image is loaded: each changed word whose change equals the shift of some piece of the map
 * votes for all bases that would put it into that piece. Null when fewer than `leastVotes` agree.
 */
export function findLoadBase(pairs: WordPairs, map: AddressMap, oldLength: number, leastVotes = 6): number | null {
  const pieces = new Map<number, { from: number; to: number }[]>()
  for (let i = 0; i < map.size; i++) {
    const shift = map.shifts[i] as number
    const list = pieces.get(shift) ?? []
    list.push({ from: map.oldStarts[i] as number, to: i + 1 < map.size ? (map.oldStarts[i + 1] as number) : oldLength })
    pieces.set(shift, list)
  }
  const events: { at: number; vote: number }[] = []
  const seen = new Map<number, number>()
  for (const [index, before] of pairs.before.entries()) {
    const after = pairs.after[index] as number
    if (before === after || Math.abs(after - before) >= farthest) continue
    const times = seen.get(before) ?? 0
    seen.set(before, times + 1)
    if (times >= 2) continue
    for (const piece of pieces.get(after - before) ?? []) {
      events.push({ at: before - piece.to + 1, vote: 1 }, { at: before - piece.from + 1, vote: -1 })
    }
  }
  return roundestOfMostVoted(events, leastVotes)
}

function roundestOfMostVoted(events: { at: number; vote: number }[], leastVotes: number): number | null {
  events.sort((a, b) => a.at - b.at || a.vote - b.vote)
  let votes = 0
  let most = leastVotes - 1
  let from = 0
  let to = -1
  for (const [index, event] of events.entries()) {
    votes += event.vote
    if (votes > most) {
      most = votes
      from = event.at
      to = (events[index + 1]?.at ?? event.at + 1) - 1
    }
  }
  if (to < from) return null
  for (let zeros = 31; zeros >= 0; zeros--) {
    const unit = 2 ** zeros
    const base = Math.ceil(from / unit) * unit
    if (base <= to) return base + 0
  }
  return null
}

interface Loaded {
  readonly offset: number
  readonly length: number
  readonly address: number
}

/** The segments of the Espressif image (magic 0xE9) at `start`, empty if there is none. */
function espressifSegments(bytes: Uint8Array, start: number): Loaded[] {
  if (start + 64 > bytes.length || bytes[start] !== 0xe9) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const count = bytes[start + 1] as number
  for (const header of [24, 8]) {
    let at = start + header
    const found: Loaded[] = []
    for (let i = 0; i < count && at + 8 <= bytes.length; i++) {
      const address = view.getUint32(at, true)
      const length = view.getUint32(at + 4, true)
      if (address < 0x3c000000 || address >= 0x60000000 || at + 8 + length > bytes.length) break
      found.push({ offset: at + 8, length, address })
      at += 8 + length
    }
    if (found.length === count && count > 0 && count <= 16) return found
  }
  return []
}

/** All Espressif images of a file: one at its start, or several in a flash dump, each at a multiple of 4 KB. */
function espressifImages(bytes: Uint8Array, phase: number): Loaded[] {
  const found: Loaded[] = []
  for (let at = phase; at < bytes.length && found.length <= mostRegions; at += 4096)
    found.push(...espressifSegments(bytes, at))
  return found
}

/** What an ELF file of 32 bits, little-endian, loads: its program headers of type 1 (System V ABI, chapter 5); empty for what is none. */
function elfSegments(bytes: Uint8Array, start: number): Loaded[] {
  const magic = [0x7f, 0x45, 0x4c, 0x46, 1, 1]
  if (bytes.length < start + 52 || magic.some((byte, i) => bytes[start + i] !== byte)) return []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [table, size, count] = [
    start + view.getUint32(start + 28, true),
    view.getUint16(start + 42, true),
    view.getUint16(start + 44, true),
  ]
  const found: Loaded[] = []
  for (let i = 0; i < Math.min(count, 64); i++) {
    const at = table + i * size
    if (size < 32 || at + 32 > bytes.length) return []
    if (view.getUint32(at, true) !== 1) continue
    const [offset, address, length] = [4, 8, 16].map((field) => view.getUint32(at + field, true)) as [
      number,
      number,
      number,
    ]
    if (start + offset + length > bytes.length) return []
    if (length > 0) found.push({ offset: start + offset, length, address })
  }
  return found.length <= mostRegions ? found : []
}

/** The regions of an image pair: by its own header when it has one we know, else one region at the voted base. */
export function findRegions(
  images: {
    readonly oldBytes: Uint8Array
    readonly newBytes: Uint8Array
    readonly phase: { old: number; new: number }
  },
  pairs: WordPairs,
  map: AddressMap,
): Region[] {
  const { oldBytes, newBytes, phase } = images
  const found = (bytes: Uint8Array, from: number): Loaded[] => {
    const elf = elfSegments(bytes, from)
    return elf.length > 0 ? elf : espressifImages(bytes, from)
  }
  const before = found(oldBytes, phase.old)
  const after = found(newBytes, phase.new)
  if (before.length > 0 && before.length === after.length && before.length <= mostRegions) {
    return before.map((segment, i) => ({
      oldOffset: segment.offset,
      oldLength: segment.length,
      oldAddress: segment.address,
      newOffset: after[i]?.offset ?? 0,
      newAddress: after[i]?.address ?? 0,
    }))
  }
  const base = findLoadBase(pairs, map, oldBytes.length)
  if (base === null) return []
  return [{ oldOffset: 0, oldLength: oldBytes.length, oldAddress: base, newOffset: 0, newAddress: base }]
}

const enterPiece = 36
const wrongSample = 11

/** How addresses outside the image shifted: the cheapest pieces over all words in order of their old value. */
export function findValueShifts(pairs: WordPairs, translation: Translation): ValueShift[] {
  let highest = 0
  let tracks: ValueTrack[] = [{ shift: 0, cost: 0, start: 0, before: null }]
  for (const sample of outsideSamples(pairs, translation)) {
    highest = sample.value
    let best = tracks[0] as ValueTrack
    for (const track of tracks) if (track.cost < best.cost) best = track
    if (!tracks.some((track) => track.shift === sample.shift && track.cost <= best.cost + enterPiece)) {
      tracks = tracks.filter((track) => track.shift !== sample.shift)
      tracks.push({ shift: sample.shift, cost: best.cost + enterPiece, start: sample.value, before: best })
    }
    let least = Number.POSITIVE_INFINITY
    for (const track of tracks) {
      if (track.shift !== sample.shift) track.cost += wrongSample * Math.min(sample.times, 3)
      if (track.cost < least) least = track.cost
    }
    tracks = tracks.filter((track) => track.cost <= least + enterPiece)
  }
  let last = tracks[0] as ValueTrack
  for (const track of tracks) if (track.cost < last.cost) last = track
  const found: ValueShift[] = []
  for (let track: ValueTrack | null = last; track !== null; track = track.before) {
    found.push({ start: track.start, shift: track.shift === 0 ? noShift : track.shift })
  }
  found.reverse()
  if (found.length > 1 && found.at(-1)?.shift !== noShift) found.push({ start: highest + 1, shift: noShift })
  return found.length === 1 ? [] : found.slice(1)
}

interface ValueTrack {
  readonly shift: number
  cost: number
  readonly start: number
  readonly before: ValueTrack | null
}

interface Sample {
  readonly value: number
  readonly shift: number
  readonly times: number
}

/** One sample for each distinct old value: the change that is most frequent for it; of equals, the first. */
function* outsideSamples({ before, after }: WordPairs, translation: Translation): Generator<Sample> {
  const shiftOf = (i: number): number => (after[i] as number) - (before[i] as number)
  const isOutside = (i: number): boolean =>
    (before[i] as number) >= 0x1000 && Math.abs(shiftOf(i)) < farthest && translation.address(before[i] as number) < 0
  const order = sortedBy(before, placesWhere(before.length, isOutside))
  for (let from = 0; from < order.length; ) {
    const value = before[order[from] as number] as number
    if (before[order[from + 1] ?? -1] !== value) {
      yield { value, shift: shiftOf(order[from] as number), times: 1 }
      from++
      continue
    }
    const counts = new Map<number, number>()
    let to = from
    for (; to < order.length && before[order[to] as number] === value; to++) {
      const shift = shiftOf(order[to] as number)
      counts.set(shift, (counts.get(shift) ?? 0) + 1)
    }
    const [shift, times] = [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))
    yield { value, shift, times }
    from = to
  }
}

function placesWhere(count: number, keep: (i: number) => boolean): Uint32Array {
  const places = new Uint32Array(count)
  let kept = 0
  for (let i = 0; i < count; i++) if (keep(i)) places[kept++] = i
  return places.subarray(0, kept)
}

/** The places in ascending order of the words there; equal ones stay in theirs (radix sort, a byte at a time). */
function sortedBy(words: Uint32Array, places: Uint32Array): Uint32Array {
  let from = places
  let to: Uint32Array = new Uint32Array(places.length)
  for (let shift = 0; shift < 32; shift += 8) {
    const next = new Uint32Array(257)
    for (const place of from) {
      const bucket = (((words[place] as number) >>> shift) & 255) + 1
      next[bucket] = (next[bucket] as number) + 1
    }
    for (let i = 1; i < 257; i++) next[i] = (next[i] as number) + (next[i - 1] as number)
    for (const place of from) {
      const bucket = ((words[place] as number) >>> shift) & 255
      const at = next[bucket] as number
      next[bucket] = at + 1
      to[at] = place
    }
    const filled = to
    to = from
    from = filled
  }
  return from
}
