import type { Pace } from "../domain/plan.ts"

const hourMs = 3_600_000

/** Devices that a pace lets through in the time since it began, ms. A growing pace is the integral of what it grows to. */
export function pacedCount(pace: Pace, elapsedMs: number): number {
  const { perHour, doubleEveryMs, mostPerHour } = pace
  // The first device need not wait.
  if (doubleEveryMs === null) return 1 + (perHour * elapsedMs) / hourMs
  const growth = Math.LN2 / doubleEveryMs
  const cappedAtMs = mostPerHour === null ? Infinity : Math.max(0, Math.log(mostPerHour / perHour) / growth)
  const growingMs = Math.min(elapsedMs, cappedAtMs)
  const grown = (perHour / hourMs) * (Math.expm1(growth * growingMs) / growth)
  const capped = mostPerHour === null ? 0 : (mostPerHour * (elapsedMs - growingMs)) / hourMs
  return 1 + grown + capped
}

/** When the pace lets the device of that number (from 1) through, ms since it began, to the millisecond; never late. */
export function pacedAfterMs(pace: Pace, count: number): number {
  let [low, high] = [0, 1]
  while (pacedCount(pace, high) < count) high *= 2
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (pacedCount(pace, middle) < count) low = middle
    else high = middle
  }
  return count <= 1 ? 0 : high
}
