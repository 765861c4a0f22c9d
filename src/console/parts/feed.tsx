import { Link } from "@tanstack/react-router"
import { Dot } from "lucide-react"
import type { EventView } from "../../core/contract/schemas.ts"
import { feedLines } from "../live/feed.ts"
import { plural } from "../live/numbers.ts"
import { stateGlyphs } from "../live/states.ts"
import styles from "./feed.module.css"
import state from "./state.module.css"
import { ClockTime } from "./times.tsx"

/** What happens, newest first; neighbours that say the same are one line. */
export function Feed({ events, most }: { readonly events: readonly EventView[]; readonly most: number }) {
  const lines = feedLines(events, most)
  if (lines.length === 0) return <p className="muted">Nothing has happened yet.</p>
  return (
    <ul className={styles.feed}>
      {lines.map((line) => {
        const Glyph = line.state === null ? Dot : stateGlyphs[line.state]
        return (
          <li key={line.seq}>
            <span className={styles.time}>
              <ClockTime at={line.at} />
            </span>
            <Glyph size={14} aria-hidden className={line.state === null ? undefined : state[`${line.state}-text`]} />
            <span className={styles.text}>
              {line.deviceId === null ? null : (
                <Link to="/devices/$id" params={{ id: line.deviceId }} className="mono">
                  {line.deviceId}
                </Link>
              )}
              {line.others === 0 ? " " : ` and ${plural(line.others, "other")} `}
              <span className="muted">{line.sentence}</span>
            </span>
          </li>
        )
      })}
    </ul>
  )
}
