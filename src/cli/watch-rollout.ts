import { SingleBar } from "cli-progress"
import type { EventView, RolloutView } from "../core/contract/schemas.ts"
import { type UpdateState, updateStates } from "../core/domain/update.ts"
import type { ApiClient } from "./api-client.ts"
import { printLines } from "./output.ts"

const endings: ReadonlySet<string> = new Set(["succeeded", "failed", "aborted"])
const rolloutEnd = /^rollout\.(succeeded|failed|aborted)$/

export interface WatchOptions {
  /** Print nothing; only wait for the end. */
  readonly quiet?: boolean
  readonly signal?: AbortSignal
}

/** Follows a rollout to its end: a progress bar on a terminal, a line for each event otherwise. */
export async function watchRollout(api: ApiClient, id: string, options: WatchOptions = {}): Promise<RolloutView> {
  const ending = new AbortController()
  const signal = options.signal === undefined ? ending.signal : AbortSignal.any([ending.signal, options.signal])
  const [newest] = await api.call("listEvents", { query: { backwards: true, limit: 1 } })
  const rollout = await api.call("showRollout", { params: { id } })
  const display = options.quiet === true ? null : process.stdout.isTTY ? bar(rollout) : lines(rollout)
  try {
    if (!endings.has(rollout.state)) {
      for await (const event of api.events(newest?.seq ?? 0, signal)) {
        if (event.rolloutId !== id) continue
        display?.event(event)
        if (rolloutEnd.test(event.kind)) break
      }
    }
  } finally {
    ending.abort()
    display?.end()
  }
  const ended = await api.call("showRollout", { params: { id } })
  if (options.quiet !== true) printLines(`${id}: ${ended.state} (${statesOf(Object.entries(ended.counts))})`)
  return ended
}

function statesOf(counts: readonly (readonly [string, number])[]): string {
  return counts
    .filter(([, n]) => n > 0)
    .map(([state, n]) => `${n} ${state}`)
    .join(", ")
}

interface Display {
  readonly event: (event: EventView) => void
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
  const counts = new Map<string, number>(Object.entries(rollout.counts))
  const single = new SingleBar({ format: "{bar} {value}/{total} devices | {states}", hideCursor: true, fps: 5 })
  const states = (): string => statesOf([...counts])
  const over = (): number =>
    [...counts].reduce((sum, [state, n]) => sum + (updateStates[state as UpdateState].over ? n : 0), 0)
  single.start(rollout.devices, over(), { states: states() })
  return {
    event: ({ data }) => {
      const { from, to } = data as { readonly from?: string; readonly to?: string }
      if (from === undefined || to === undefined) return
      counts.set(from, (counts.get(from) ?? 0) - 1)
      counts.set(to, (counts.get(to) ?? 0) + 1)
      single.update(over(), { states: states() })
    },
    end: () => single.stop(),
  }
}
