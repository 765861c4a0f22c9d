import { type DeliverNeeds, Delivery } from "./deliver.ts"

export interface StartNeeds extends DeliverNeeds {
  /** Calls `deed` once after so long, ms; the returned function calls it off. */
  readonly later: (ms: number, deed: () => void) => () => void
  readonly complain: (what: string, error: unknown) => void
}

/** Events of one burst are looked for together, ms. */
const gatherMs = 200
/** After a fault of ours, ms. */
const faultPauseMs = 10_000

interface Runner {
  /** It is at work, waits for its next try, or for something to happen. */
  state: "working" | "paused" | "idle"
  /** Something happened while it worked. */
  isStirred: boolean
  callOff: () => void
}

/** Tells every webhook of events, each by itself; the returned functions say that one was set, and end all. */
export function startWebhooks(needs: StartNeeds): {
  readonly stir: (name: string) => void
  readonly end: () => Promise<void>
} {
  const runners = new Map<string, Runner>()
  const working = new Set<Promise<void>>()
  let hasEnded = false

  const run = async (name: string, runner: Runner): Promise<void> => {
    const delivery = new Delivery(needs, name)
    for (;;) {
      runner.isStirred = false
      const step = hasEnded ? "stopped" : await delivery.step()
      if (step === "more" || (step === "at-end" && runner.isStirred)) continue
      if (step === "failed") return pause(name, runner, delivery.pauseMs())
      runner.state = "idle"
      if (step === "stopped") runners.delete(name)
      return
    }
  }
  const start = (name: string, runner: Runner): void => {
    runner.state = "working"
    const work = run(name, runner).catch((error: unknown) => {
      needs.complain(`the webhook ${name} was held up`, error)
      pause(name, runner, faultPauseMs)
    })
    working.add(work)
    void work.finally(() => working.delete(work))
  }
  const pause = (name: string, runner: Runner, ms: number): void => {
    runner.state = "paused"
    if (!hasEnded) runner.callOff = needs.later(ms, () => start(name, runner))
  }
  const stir = (name: string): void => {
    if (hasEnded) return
    const runner = runners.get(name) ?? { state: "idle", isStirred: false, callOff: () => undefined }
    runners.set(name, runner)
    runner.isStirred = true
    if (runner.state !== "idle") return
    pause(name, runner, gatherMs)
  }
  const stopListening = needs.events.listen(() => {
    for (const name of needs.live.webhooks.keys()) stir(name)
  })
  for (const name of needs.live.webhooks.keys()) stir(name)
  return {
    stir: (name) => {
      // Whoever lets it go on does not wait for its next try.
      const runner = runners.get(name)
      if (runner?.state === "paused") {
        runner.callOff()
        runner.state = "idle"
      }
      stir(name)
    },
    end: async () => {
      hasEnded = true
      stopListening()
      for (const { callOff } of runners.values()) callOff()
      await Promise.allSettled(working)
    },
  }
}
