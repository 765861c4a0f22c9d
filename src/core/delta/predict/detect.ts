import type { Segment } from "../match/segments.ts"
import type { Translation } from "./translate.ts"
import { Window, windowSize, type ReadOld, type Predictor } from "./window.ts"

/** Reads old bytes from an image in memory. */
export function readerOf(oldBytes: Uint8Array): ReadOld {
  return (offset, into) => {
    const to = offset + into.length
    if (offset >= 0 && to <= oldBytes.length) return into.set(oldBytes.subarray(offset, to))
    for (let i = 0; i < into.length; i++) into[i] = oldBytes[offset + i] ?? 0
  }
}

export interface Evidence {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  readonly segments: readonly Segment[]
  readonly translation: Translation
}

/**
 * Calls `visit` with each `every`-th predicted window of the new image and the new offset at which it begins; `window` is the
 * one to use, for who wants to look inside.
 */
export function eachWindow(
  evidence: Evidence,
  predictors: readonly Predictor[],
  { every, window = new Window() }: { readonly every: number; readonly window?: Window },
  visit: (window: Window, newStart: number) => void,
): void {
  const { oldBytes, newBytes, segments, translation } = evidence
  const read = readerOf(oldBytes)
  let turn = 0
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = segments[index + 1]?.newStart ?? newBytes.length
    for (let at = newStart; at < end; at += windowSize) {
      if (++turn % every !== 0) continue
      window.load(read, { oldStart: at - shift, length: Math.min(windowSize, end - at), shift, clip: null })
      for (const predict of predictors) predict(window, translation)
      visit(window, at)
    }
  }
}

/** How many bytes `predictors` set right, less those they spoil, over a sample of so many windows, with the coder's doubt. */
export function repairs(
  evidence: Evidence,
  predictors: readonly Predictor[],
  windows: number,
): { readonly score: number; readonly repaired: number } {
  const { newBytes } = evidence
  const every = Math.max(1, Math.floor(newBytes.length / windowSize / windows))
  const trust = new Uint8Array(32).fill(6)
  let score = 0
  let repaired = 0
  eachWindow(evidence, predictors, { every }, (window, newStart) => {
    for (let i = 0; i < window.length; i++) {
      const raw = window.raw[i]
      const predicted = window.predicted[i]
      if (raw === predicted) continue
      const actual = newBytes[newStart + i]
      const kind = window.kind[i] as number
      const believed = trust[kind] as number
      if (actual === predicted) {
        repaired++
        if (believed > 3) score++
        trust[kind] = Math.min(7, believed + 1)
      } else if (actual === raw) {
        if (believed > 3) score--
        trust[kind] = Math.max(0, believed - 1)
      }
    }
  })
  return { score: score * every, repaired: repaired * every }
}
