/**
 * How often a device comes, learned from the gaps between its contacts: the last eight of them, one byte each on a scale of
 * logarithms. A gap of one second is 0; each step is 6.5 percent more, up to 110 days. The ninth byte counts them. It is
 * changed in place, so that learning costs no garbage at every contact of every device.
 */
export type Rhythm = Uint8Array

const remembered = 8
const stepsPerOctave = 11

/** Contacts closer than this belong to one: a session has many requests. */
export const sameContactMs = 30_000

export function newRhythm(): Rhythm {
  return new Uint8Array(remembered + 1)
}

/** Learns one more gap between two contacts, ms; one inside a session teaches nothing. */
export function learnGap(rhythm: Rhythm, gapMs: number): void {
  if (!(gapMs >= sameContactMs)) return
  const count = rhythm[remembered] ?? 0
  const step = Math.min(255, Math.round(stepsPerOctave * Math.log2(gapMs / 1000)))
  if (count < remembered) {
    rhythm[count] = step
    rhythm[remembered] = count + 1
    return
  }
  rhythm.copyWithin(0, 1, remembered)
  rhythm[remembered - 1] = step
}

/** A rhythm in at most 16 hexadecimal digits, for the store; empty = nothing is known. */
export function rhythmText(rhythm: Rhythm): string {
  return [...rhythm.subarray(0, rhythm[remembered])].map((step) => step.toString(16).padStart(2, "0")).join("")
}

/** Reads what `rhythmText` wrote; anything else is no rhythm. */
export function parseRhythm(text: string): Rhythm {
  const rhythm = newRhythm()
  if (!/^([0-9a-f]{2}){0,8}$/.test(text)) return rhythm
  for (let at = 0; at < text.length / 2; at++) rhythm[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16)
  rhythm[remembered] = text.length / 2
  return rhythm
}

function toMs(step: number): number {
  return 1000 * 2 ** (step / stepsPerOctave)
}

/** A device's usual gap and how far half of its gaps stay from it, ms; null = fewer than three are known. */
export function rhythmOf(rhythm: Rhythm): { readonly medianMs: number; readonly spreadMs: number } | null {
  const count = rhythm[remembered] ?? 0
  if (count < 3) return null
  const gaps = [...rhythm.subarray(0, count)].map(toMs)
  const medianMs = median(gaps)
  return { medianMs, spreadMs: median(gaps.map((gap) => Math.abs(gap - medianMs))) }
}

/** The value in the middle; 0 of none. */
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
