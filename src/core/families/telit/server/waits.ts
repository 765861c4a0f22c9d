/** How long the server waits, and how often it repeats itself. Everything here is Waft's choice: the note names no times but 60 s. */

const minute = 60_000
const hour = 60 * minute

/** Ms from an SMS that asks for an answer to the next one: its number of tries is the length of the list. */
export const resendMs: readonly number[] = [2, 10, 60, 360, 1440, 1440, 1440, 1440].map((minutes) => minutes * minute)

/** Ms until the server doubts: after an acceptance without the end of the download, and after that without a Command Final. */
export const doubtMs: readonly number[] = [1, 4, 12, 24].map((hours) => hours * hour)

/** Ms from a try that failed, or that nobody answered, to the next Command. */
export const pauseMs: readonly number[] = [15 * minute, hour]
/** Commands for one offer, all in all. */
export const mostRounds = pauseMs.length + 1

/** Ms between two looks at a paused rollout. */
export const heldMs = minute

/** Registrations and requests of one module that are taken in a minute; further ones change nothing. */
export const mostTaken = 3
export const takenWindowMs = minute

/** Validity of a Command, s: a network that keeps it for longer could deliver it when nobody wants it any more (sms.md 5.4). */
const commandValiditySeconds = 3600
const otherValiditySeconds = 86_400

/** Validity of the message that is repeated after `nextMs`: two of a kind are never on their way at once. */
export function validityOf(nextMs: number, isCommand: boolean): number {
  return Math.min(nextMs / 1000, isCommand ? commandValiditySeconds : otherValiditySeconds)
}

export const ackValiditySeconds = 3600

/** The value for a count from 1; beyond its end the last one. */
export function step(list: readonly number[], count: number): number {
  return list[Math.min(count, list.length) - 1] ?? 0
}

/** A time for people: "2 minutes", "6 hours". */
export function timeWords(ms: number): string {
  const [count, unit] = ms >= hour ? [Math.round(ms / hour), "hour"] : [Math.round(ms / minute), "minute"]
  return `${count} ${unit}${count === 1 ? "" : "s"}`
}
