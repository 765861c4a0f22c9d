import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import type { UpdateState } from "../../core/domain/update.ts"
import { stateIn, withState, withoutState } from "../live/filter.ts"
import { countText } from "../live/numbers.ts"
import { facets } from "../live/queries.ts"
import { lifeStates, stateGlyphs, stateWord, troubleStates } from "../live/states.ts"
import styles from "./chips.module.css"

/** All, then trouble, a hairline, then an update's life; each count ignores the clause that the chips themselves set. */
export function StateChips({ filter }: { readonly filter: string }) {
  const { data } = useQuery(facets(withoutState(filter)))
  const counts = new Map(
    data?.facets.find(({ key }) => key === "state")?.values.map(({ value, devices }) => [value, devices]),
  )
  const chosen = stateIn(filter)
  const chip = (state: UpdateState) => {
    const Glyph = stateGlyphs[state]
    const count = counts.get(state) ?? 0
    if (count === 0 && chosen !== state) return null
    return (
      <li key={state}>
        <Link
          to="/devices"
          search={{ filter: withState(filter, chosen === state ? null : state) }}
          aria-current={chosen === state ? "true" : undefined}
          title={stateWord(state).means}
        >
          <Glyph size={14} aria-hidden />
          {stateWord(state).word} <b className="number">{countText(count)}</b>
        </Link>
      </li>
    )
  }
  return (
    <ul className={styles.chips} aria-label="By state">
      <li>
        <Link
          to="/devices"
          search={{ filter: withState(filter, null) }}
          aria-current={chosen === null ? "true" : undefined}
        >
          All <b className="number">{countText(data?.devices ?? 0)}</b>
        </Link>
      </li>
      {troubleStates.map(chip)}
      <li className={styles.line} aria-hidden />
      {lifeStates.map(chip)}
    </ul>
  )
}
