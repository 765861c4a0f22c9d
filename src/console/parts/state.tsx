import type { LucideIcon } from "lucide-react"
import type { UpdateState } from "../../core/domain/update.ts"
import { countText } from "../live/numbers.ts"
import { barOrder, isUpdateState, rolloutLooks, stateGlyphs, stateWord } from "../live/states.ts"
import { classes } from "./classes.ts"
import styles from "./state.module.css"

/** Glyph and word of an update's state; never the colour alone. */
export function StateWord({ state, title }: { readonly state: UpdateState; readonly title?: string }) {
  const { word, means } = stateWord(state)
  return <Look glyph={stateGlyphs[state]} word={word} title={title ?? means} look={`${state}-text`} />
}

export function StatePill({ state }: { readonly state: UpdateState }) {
  const { word, means } = stateWord(state)
  return <Look glyph={stateGlyphs[state]} word={word} title={means} look={`${state}-pill`} pill />
}

export function RolloutPill({ state }: { readonly state: string }) {
  const { as, glyph } = rolloutLooks[state] ?? { as: "waiting", glyph: stateGlyphs.waiting }
  const word = state.slice(0, 1).toUpperCase() + state.slice(1)
  return <Look glyph={glyph} word={word} title={`The rollout is ${state}`} look={`${as}-pill`} pill />
}

interface LookProps {
  readonly glyph: LucideIcon
  readonly word: string
  readonly title: string
  readonly look: string
  readonly pill?: boolean
}

function Look({ glyph: Glyph, word, title, look, pill = false }: LookProps) {
  return (
    <span className={classes(styles.state, pill && styles.pill, styles[look])} title={title}>
      <Glyph size={14} aria-hidden />
      {word}
    </span>
  )
}

export type Counts = Readonly<Partial<Record<string, number>>>

/** Shares of each state, widths by count; the words say the same to those who do not see it. */
export function StateBar({ counts, tall = false }: { readonly counts: Counts; readonly tall?: boolean }) {
  const parts = countsInOrder(counts)
  const words = parts.map(([state, count]) => `${countText(count)} ${state}`).join(", ")
  return (
    <div
      className={classes(styles.bar, tall && styles.tall)}
      role="img"
      aria-label={words === "" ? "nothing yet" : words}
    >
      {parts.map(([state, count]) => (
        <span key={state} className={classes(styles.part, styles[state])} style={{ flexGrow: count }} />
      ))}
    </div>
  )
}

export function countsInOrder(counts: Counts): readonly (readonly [UpdateState, number])[] {
  return barOrder.flatMap((state) => {
    const count = counts[state] ?? 0
    return count === 0 || !isUpdateState(state) ? [] : [[state, count] as const]
  })
}

/** Glyph, count and word of each state, each a link to its rows. */
export function StateLegend({
  counts,
  href,
}: {
  readonly counts: Counts
  readonly href: (state: UpdateState) => string
}) {
  return (
    <ul className={styles.legend}>
      {countsInOrder(counts).map(([state, count]) => {
        const Glyph = stateGlyphs[state]
        return (
          <li key={state}>
            <a href={href(state)} title={stateWord(state).means}>
              <Glyph size={14} aria-hidden className={styles[`${state}-text`]} />
              <b className="number">{countText(count)}</b>
              <span className="muted">{state}</span>
            </a>
          </li>
        )
      })}
    </ul>
  )
}
