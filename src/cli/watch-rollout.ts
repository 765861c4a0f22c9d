import { SingleBar } from "cli-progress"
import type { EventView, RolloutView } from "../core/contract/schemas.ts"
import { countOver, foldRollout, isEnded, type RolloutSummary } from "../core/domain/events/fold.ts"
import type { ApiClient } from "./api-client.ts"
import { printCauses } from "./causes.ts"
import { Failure } from "./failure.ts"
import { printLines } from "./output.ts"

export interface WatchOptions {
  /** Print nothing; only wait for the end. */
  readonly quiet?: boolean
  readonly signal?: AbortSignal
  /** Where to stop before its end; absent = nowhere. */
  readonly until?: (summary: RolloutSummary) => boolean
  /** How long a server that does not answer is waited for, ms; absent = 10 minutes, in which it can be upgraded. */
  readonly patienceMs?: number
}

const usualPatienceMs = 600_000

/**
 * Follows a rollout to its end, or to where it is told to stop: a progress bar on a terminal, a line for each event otherwise. Throws a
 * `Failure` with exit code 3 when the server is lost from sight: the rollout may go on.
 */
export async function watchRollout(api: ApiClient, id: string, options: WatchOptions = {}): Promise<RolloutView> {
  const ending = new AbortController()
  const signal = options.signal === undefined ? ending.signal : AbortSignal.any([ending.signal, options.signal])
  const { items } = await api.call("listEvents", { query: { backwards: true, limit: 1 } })
  const rollout = await api.call("showRollout", { params: { id } })
  const display = options.quiet === true ? null : process.stdout.isTTY ? bar(rollout) : lines(rollout)
  const { patienceMs = usualPatienceMs } = options
  let summary: RolloutSummary = rollout
  const isOver = (): boolean => isEnded(summary) || options.until?.(summary) === true
  try {
    if (!isOver()) {
      for await (const event of api.events(items[0]?.seq ?? 0, signal, patienceMs)) {
        if (event.rolloutId !== id) continue
        summary = foldRollout(summary, event)
        display?.event(event, summary)
        if (isOver()) break
      }
    }
  } catch (error) {
    throw lost(id, error)
  } finally {
    ending.abort()
    display?.end()
  }
  const ended = await api.call("showRollout", { params: { id } }).catch((error: unknown) => {
    throw lost(id, error)
  })
  if (options.quiet !== true) {
    printLines(`${id}: ${ended.state} (${statesOf(Object.entries(ended.counts))})`)
    await printCauses(api, id)
  }
  return ended
}

/** What is no end of the rollout, but of what is seen of it. */
function lost(id: string, error: unknown): unknown {
  if (error instanceof Failure && error.title !== "no-server") return error
  const { message } = error as Error
  return new Failure(
    `Lost sight of ${id}: ${message.replace(/\.$/, "")}. It may go on; \`waft rollout watch ${id}\` watches again.`,
    { exitCode: 3, title: "lost" },
  )
}

function statesOf(counts: readonly (readonly [string, number])[]): string {
  return counts
    .filter(([, n]) => n > 0)
    .map(([state, n]) => `${n} ${state}`)
    .join(", ")
}

interface Display {
  readonly event: (event: EventView, summary: RolloutSummary) => void
  readonly end: () => void
}

/** Plain lines, as they happen. */
function lines({ id, devices }: RolloutView): Display {
  printLines(`${id}: ${devices} devices`)
  return {
    event: ({ deviceId, kind, sentence }) =>
      printLines(deviceId === null ? sentence : `${deviceId} ${kind.replace("update.", "")}: ${sentence}`),
    end: () => undefined,
  }
}

/** One bar: how many updates are over, and the states of all. */
function bar(rollout: RolloutView): Display {
  const single = new SingleBar({ format: "{bar} {value}/{total} devices | {states}", hideCursor: true, fps: 5 })
  const states = ({ counts }: RolloutSummary): string => statesOf(Object.entries(counts))
  single.start(rollout.devices, countOver(rollout), { states: states(rollout) })
  return {
    event: (_, summary) => single.update(countOver(summary), { states: states(summary) }),
    end: () => single.stop(),
  }
}
