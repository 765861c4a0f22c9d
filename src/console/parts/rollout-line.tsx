import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import type { ReleaseView, RolloutView } from "../../core/contract/schemas.ts"
import { percentText } from "../live/numbers.ts"
import { releases } from "../live/queries.ts"
import { overStates } from "../live/states.ts"
import styles from "./rollout-line.module.css"
import { RolloutPill, StateBar, StateLegend } from "./state.tsx"
import { Since } from "./times.tsx"

/** `Waspmote GREENH4 4`: what a rollout brings, or how many things. */
export function rolloutTitle(rollout: RolloutView, known: readonly ReleaseView[]): string {
  const brought = rollout.releaseIds.flatMap((id) => known.find((one) => one.id === id) ?? [])
  const [first] = brought
  if (first === undefined) return rollout.id
  const more = brought.length > 1 ? ` and ${brought.length - 1} more` : ""
  return `${first.family} ${first.fileName} ${first.version}${more}`
}

/** One rollout with its bar and the counts behind it. */
export function RolloutLine({ rollout }: { readonly rollout: RolloutView }) {
  const known = useQuery(releases).data ?? []
  const over = overStates.reduce((whole, state) => whole + (rollout.counts[state] ?? 0), 0)
  const bad = (rollout.counts["failed"] ?? 0) + (rollout.counts["no-show"] ?? 0)
  return (
    <article className={styles.line}>
      <div className={styles.head}>
        <Link to="/rollouts/$id" params={{ id: rollout.id }} search={{ state: "" }} className={styles.name}>
          {rolloutTitle(rollout, known)}
        </Link>
        <span className="mono muted">{rollout.id}</span>
        <RolloutPill state={rollout.state} />
        <span className={`${styles.end} meta number`}>
          {percentText(over, rollout.devices)} over, {percentText(bad, over, 1)} bad · <Since at={rollout.startedAt} />
        </span>
      </div>
      <StateBar counts={rollout.counts} />
      <StateLegend
        counts={rollout.counts}
        href={(state) => `/rollouts/${encodeURIComponent(rollout.id)}?state=${state}`}
      />
    </article>
  )
}
