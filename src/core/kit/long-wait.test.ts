import { expect, it } from "vitest"
import { longestTimerMs, waitInPieces } from "./long-wait.ts"

it.each([
  [0, [0]],
  [-5, [0]],
  [Number.NaN, [0]],
  [250.5, [250.5]],
  [longestTimerMs, [longestTimerMs]],
  [longestTimerMs + 1, [longestTimerMs, 1]],
  [2_043_360_000_000, [...Array.from({ length: 951 }, () => longestTimerMs), 2_043_360_000_000 % longestTimerMs]],
] as const)("a wait of %d ms is made of timers that Node keeps to", async (ms, timers) => {
  const waited: number[] = []
  await waitInPieces(ms, (piece) => Promise.resolve(waited.push(piece)))
  expect(waited).toEqual(timers)
})
