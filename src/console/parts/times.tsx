import { useNow } from "../live/now.ts"
import { clockText, instantText, sinceText } from "../live/numbers.ts"

/** `9 min`, with the exact instant on hover. */
export function Since({ at, ago = false }: { readonly at: number | null; readonly ago?: boolean }) {
  const now = useNow()
  if (at === null) return <span className="muted">never</span>
  const text = sinceText(at, now)
  return (
    <time className="number" dateTime={new Date(at).toISOString()} title={instantText(at)}>
      {ago && text !== "now" ? `${text} ago` : text}
    </time>
  )
}

export function ClockTime({ at }: { readonly at: number }) {
  const now = useNow()
  return (
    <time className="number" dateTime={new Date(at).toISOString()} title={instantText(at)}>
      {clockText(at, now)}
    </time>
  )
}
