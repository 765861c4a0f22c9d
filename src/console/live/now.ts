import { useSyncExternalStore } from "react"

/** One clock for all relative times of the page: they move together, once in five seconds. */
const everyMs = 5000
let now = Date.now()
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | null = null

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const one of listeners) one()
  }, everyMs)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}
