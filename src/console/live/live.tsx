import { createContext, type ReactNode, useContext, useEffect, useState } from "react"
import type { EventView } from "../../core/contract/schemas.ts"
import { call } from "./api.ts"
import { queryClient, staleKeys } from "./queries.ts"
import { followEvents, type StreamState } from "./stream.ts"

interface Live {
  readonly state: StreamState
  /** The newest events, newest first; bounded. */
  readonly events: readonly EventView[]
}

const keptEvents = 300
/** Queries are asked again at most this often, however many events come. */
const refreshMs = 1000

const LiveContext = createContext<Live>({ state: "connecting", events: [] })

export function useLive(): Live {
  return useContext(LiveContext)
}

/** Follows the event stream while somebody is signed in: keeps the newest events, and makes stale what they concern. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const [state, setState] = useState<StreamState>("connecting")
  const [events, setEvents] = useState<readonly EventView[]>([])
  useEffect(() => {
    let end: (() => void) | null = null
    let gone = false
    const stale = new Map<string, readonly unknown[]>()
    const refresh = setInterval(() => {
      for (const key of stale.values()) void queryClient.invalidateQueries({ queryKey: key })
      stale.clear()
    }, refreshMs)
    const begin = async (): Promise<void> => {
      const { items: newest } = await call("GET /api/events/list", { query: { limit: keptEvents, backwards: true } })
      if (gone) return
      setEvents(newest)
      end = followEvents(newest[0]?.seq ?? 0, {
        state: (next) => {
          setState(next)
          // What was missed comes with the stream; what stands beside it is asked again.
          if (next === "live") void queryClient.invalidateQueries()
        },
        events: (batch) => {
          for (const key of staleKeys(batch)) stale.set(JSON.stringify(key), key)
          setEvents((before) => [...batch.toReversed(), ...before].slice(0, keptEvents))
        },
      })
    }
    begin().catch(() => setState("lost"))
    return () => {
      gone = true
      clearInterval(refresh)
      end?.()
    }
  }, [])
  return <LiveContext value={{ state, events }}>{children}</LiveContext>
}
