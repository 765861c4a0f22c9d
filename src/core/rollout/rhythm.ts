/**
 * How often a device comes, learned from the gaps between its contacts: the last eight of them, one byte each on a scale of
 * logarithms. A gap of one second is 0; each step is 6.5 percent more, up to 110 days.
 */
export type Rhythm = Uint8Array

const remembered = 8
const stepsPerOctave = 11

/** Contacts closer than this belong to one: a session has many requests. */
export const sameContactMs = 30_000

export const noRhythm: Rhythm = new Uint8Array(0)

/** The rhythm after one more gap between two contacts, ms; the same object where they belong together. */
export function learnGap(rhythm: Rhythm, gapMs: number): Rhythm {
  if (gapMs < sameContactMs) return rhythm
  const step = Math.min(255, Math.round(stepsPerOctave * Math.log2(gapMs / 1000)))
  return Uint8Array.from([...rhythm.slice(rhythm.length < remembered ? 0 : 1), step])
}

function toMs(step: number): number {
  return 1000 * 2 ** (step / stepsPerOctave)
}

/** A device's usual gap and how far half of its gaps stay from it, ms; null = fewer than three are known. */
export function rhythmOf(rhythm: Rhythm): { readonly medianMs: number; readonly spreadMs: number } | null {
  if (rhythm.length < 3) return null
  const gaps = [...rhythm].map(toMs)
  const medianMs = median(gaps)
  return { medianMs, spreadMs: median(gaps.map((gap) => Math.abs(gap - medianMs))) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]]
  return (low + high) / 2
}

/**
 * When a device is expected next, ms since 1970 UTC, and within how much of that; null = its rhythm is not known. One that
 * is overdue is expected by the multiple of its rhythm that comes next.
 */
export function nextContact(
  rhythm: Rhythm,
  lastSeenAt: number,
  now: number,
): { readonly at: number; readonly withinMs: number; readonly isOverdue: boolean } | null {
  const known = rhythmOf(rhythm)
  if (known === null) return null
  const { medianMs, spreadMs } = known
  // A device is never more regular than what is remembered of it.
  const withinMs = Math.max(2 * spreadMs, medianMs * 0.07)
  const missed = Math.max(0, Math.floor((now - lastSeenAt - withinMs) / medianMs))
  return { at: lastSeenAt + (missed + 1) * medianMs, withinMs, isOverdue: missed > 0 }
}
