import { createParser } from "eventsource-parser"
import type { EventView } from "../../core/contract/schemas.ts"
import { sessionOver } from "./session.ts"

export type StreamState = "connecting" | "live" | "lost"

interface Listeners {
  readonly events: (events: readonly EventView[]) => void
  readonly state: (state: StreamState) => void
}

/** What the leading tab tells the others. */
type Told =
  | { readonly kind: "events"; readonly events: readonly EventView[] }
  | { readonly kind: "state"; readonly state: StreamState }
  | { readonly kind: "asked" }

/** Events are handed on together, so that a thousand in a second cost a few drawings. */
const gatherMs = 250
const longestPauseMs = 10_000

/**
 * One event stream for all tabs of a browser: a browser opens six connections to a server, so the tab that holds the lock
 * reads and tells the others. When it closes, the next one goes on from the last number that it has heard.
 */
export function followEvents(after: number, { events, state }: Listeners): () => void {
  const ended = new AbortController()
  const others = new BroadcastChannel("waft.events")
  let last = after
  let standing: StreamState = "connecting"
  let waiting: EventView[] = []

  const setState = (next: StreamState): void => {
    standing = next
    state(next)
  }
  const take = (batch: readonly EventView[]): void => {
    const news = batch.filter(({ seq }) => seq > last)
    last = news.at(-1)?.seq ?? last
    if (news.length > 0) events(news)
  }
  const tell = (told: Told): void => others.postMessage(told)

  let leads = false
  others.addEventListener("message", ({ data }: MessageEvent<Told>) => {
    if (data.kind === "asked") {
      if (leads) tell({ kind: "state", state: standing })
    } else if (data.kind === "events") take(data.events)
    else setState(data.state)
  })
  tell({ kind: "asked" })

  const flush = setInterval(() => {
    if (waiting.length === 0) return
    const batch = waiting
    waiting = []
    take(batch)
    tell({ kind: "events", events: batch })
  }, gatherMs)

  const lead = async (): Promise<void> => {
    leads = true
    for (let pause = 500; !ended.signal.aborted; pause = Math.min(pause * 2, longestPauseMs)) {
      const opened = await readStream(last, ended.signal, {
        onOpen: () => {
          pause = 500
          setState("live")
          tell({ kind: "state", state: "live" })
        },
        onEvent: (event) => waiting.push(event),
      })
      if (ended.signal.aborted) return
      setState("lost")
      tell({ kind: "state", state: "lost" })
      await new Promise((resolve) => setTimeout(resolve, opened ? 500 : pause))
    }
  }
  navigator.locks.request("waft.events", { signal: ended.signal }, lead).catch((error: unknown) => {
    if ((error as Error).name !== "AbortError") setState("lost")
  })
  return () => {
    ended.abort()
    clearInterval(flush)
    others.close()
  }
}

interface Reading {
  readonly onOpen: () => void
  readonly onEvent: (event: EventView) => void
}

/** Reads until the connection ends, however it does; whether it was open at all. */
async function readStream(after: number, signal: AbortSignal, { onOpen, onEvent }: Reading): Promise<boolean> {
  try {
    const response = await fetch(`/api/events?after=${after}`, { signal })
    if (response.status === 401) sessionOver()
    if (!response.ok || response.body === null) return false
    onOpen()
    const parser = createParser({
      onEvent: ({ data, event }) => {
        // What the stream itself says has no dot in its name.
        if (event?.includes(".") === true) onEvent(JSON.parse(data) as EventView)
      },
    })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value)
    return true
  } catch {
    // A cut connection is the normal case; the caller connects again from the last number.
    return false
  }
}
