import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Aligned little-endian words that hold an address of the image, or one of the value map, become the new address. */
export function predictPointers(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const word = window.word(at)
    const moved = translation.address(word)
    if (moved >= 0) window.put(at, 4, moved, { kind: Kind.pointer, unit: word, target: word | 0 })
  }
}
