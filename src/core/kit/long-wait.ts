/** The longest timer of Node and of browsers, ms, a little under 25 days: a longer one would fire at once. */
export const longestTimerMs = 2 ** 31 - 1

/** Waits `ms` by timers none of which is too long: a date that was set wrong by years is waited for, not run after. NaN is no time. */
export async function waitInPieces(ms: number, wait: (ms: number) => Promise<unknown>): Promise<void> {
  let left = Number.isNaN(ms) ? 0 : Math.max(0, ms)
  do {
    const piece = Math.min(left, longestTimerMs)
    await wait(piece)
    left -= piece
  } while (left > 0)
}
