import { useSyncExternalStore } from "react"

const query = matchMedia("(max-width: 760px)")

function subscribe(listener: () => void): () => void {
  query.addEventListener("change", listener)
  return () => query.removeEventListener("change", listener)
}

/** Whether the page is too narrow for tables. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => query.matches)
}
