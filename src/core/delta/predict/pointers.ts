import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/**
 * Aligned little-endian words that hold an address of the image, or one of the value map, become the new address. The two are
 * of different kinds: words that only look like variables are many, and must not cost the others their trust.
 */
export function predictPointers(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const word = window.word(at)
    const inside = translation.inside(word)
    const moved = inside < 0 ? translation.outside(word) : inside
    if (moved < 0) continue
    window.put(at, 4, moved, { kind: inside < 0 ? Kind.value : Kind.pointer, unit: word, target: word | 0 })
  }
}
