import type { LiveDevice } from "./live-fleet.ts"

/**
 * Runs a deed that concerns many devices as the next deed of each: after everything that is under way for any of them, and
 * before anything that comes later. Whatever the deed decides it must read inside, not before. Two such deeds cannot wait for each
 * other, since each queues up for all its devices at one moment.
 */
export async function takeTurns<Result>(devices: readonly LiveDevice[], deed: () => Promise<Result>): Promise<Result> {
  let release = (): void => undefined
  const done = new Promise<void>((resolve) => {
    release = resolve
  })
  const before = devices.map((live) => {
    const { turn } = live
    live.turn = turn.then(() => done)
    return turn
  })
  try {
    await Promise.all(before)
    return await deed()
  } finally {
    release()
  }
}
