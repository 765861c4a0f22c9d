import { Link } from "@tanstack/react-router"
import { CircleSlash2 } from "lucide-react"
import type { EventView } from "../../core/contract/schemas.ts"
import { durationText } from "../live/numbers.ts"
import { stateGlyphs, stateWord } from "../live/states.ts"
import { stateOf, type TimelineGroup, timelineGroups } from "../live/timeline.ts"
import { classes } from "./classes.ts"
import { BasisWord } from "./known.tsx"
import state from "./state.module.css"
import { ClockTime } from "./times.tsx"
import styles from "./timeline.module.css"

/** A device's story, grouped by update, newest first. */
export function Timeline({ events }: { readonly events: readonly EventView[] }) {
  if (events.length === 0) return <p className="muted">Nothing has happened to it yet.</p>
  return timelineGroups(events).map((group) => <Group key={group.events[0]?.seq} group={group} />)
}

function Group({ group: { rolloutId, events, steps } }: { readonly group: TimelineGroup }) {
  const lasted = (events[0]?.at ?? 0) - (events.at(-1)?.at ?? 0)
  return (
    <section>
      <h3 className={styles.group}>
        {rolloutId === null ? (
          "Beside any rollout"
        ) : (
          <>
            Update{" "}
            <Link to="/rollouts/$id" params={{ id: rolloutId }} search={{ state: "" }} className="mono">
              {rolloutId}
            </Link>
            <span className="muted">{durationText(lasted)}</span>
          </>
        )}
        {steps.length === 0 ? null : (
          <span className={styles.steps} role="img" aria-label={steps.join(", then ")}>
            {steps.map((step, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- a state may come twice; steps are only added at the end
              <span key={index} className={classes(styles.step, state[step])} title={step} />
            ))}
          </span>
        )}
      </h3>
      <ol className={styles.entries}>
        {events.map((event) => (
          <Entry key={event.seq} event={event} />
        ))}
      </ol>
    </section>
  )
}

function Entry({ event }: { readonly event: EventView }) {
  const to = stateOf(event)
  const Glyph = to === null ? CircleSlash2 : stateGlyphs[to]
  return (
    <li className={styles.entry}>
      <span className={styles.time}>
        <ClockTime at={event.at} />
      </span>
      <Glyph size={14} aria-hidden className={to === null ? undefined : state[`${to}-text`]} />
      <div>
        <span className={styles.head}>
          {to === null ? wordOf(event.kind) : stateWord(to).word}
          <BasisWord basis={event.basis} />
        </span>
        <p className="muted">{event.sentence}</p>
      </div>
    </li>
  )
}

/** `device.late-fetch-started` → `Late fetch started`. */
function wordOf(kind: string): string {
  const words = kind.slice(kind.indexOf(".") + 1).replaceAll("-", " ")
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}
