import { Lock, LockOpen } from "lucide-react"
import { Fragment } from "react"
import type { RolloutView } from "../../core/contract/schemas.ts"
import { countText } from "../live/numbers.ts"
import { overStates } from "../live/states.ts"
import styles from "./phases.module.css"
import { StateBar } from "./state.tsx"

type Phase = RolloutView["phases"][number]

/** One block a phase, its width by the square root of its size, so that a small canary stays readable; a lock between. */
export function PhaseBar({ phases }: { readonly phases: readonly Phase[] }) {
  return (
    <div className={styles.phases}>
      {phases.map((phase, index) => {
        const { name, size, state, counts, explain } = phase
        const over = overStates.reduce((whole, one) => whole + (counts[one] ?? 0), 0)
        const isOpen = state !== "closed"
        const Gate = isOpen ? LockOpen : Lock
        return (
          <Fragment key={name}>
            {index === 0 ? null : (
              <span className={styles.gate} data-open={isOpen} title={explain}>
                <Gate size={14} role="img" aria-label={isOpen ? "the gate is open" : "the gate is closed"} />
              </span>
            )}
            <section className={styles.phase} style={{ flexGrow: Math.sqrt(Math.max(size, 1)) }} aria-label={name}>
              <div className={styles.head}>
                <span>
                  {index + 1} {name}
                </span>
                <span className="number">
                  {countText(over)} / {countText(size)}
                </span>
              </div>
              <StateBar counts={size === 0 ? {} : { ...counts, ...rest(counts, size) }} tall />
              <p className={`${styles.words} meta`}>{explain}</p>
            </section>
          </Fragment>
        )
      })}
    </div>
  )
}

/** Devices of a phase that have no update yet stand as waiting. */
function rest(counts: Readonly<Record<string, number>>, size: number): Readonly<Record<string, number>> {
  const known = Object.values(counts).reduce((whole, count) => whole + count, 0)
  return known >= size ? {} : { waiting: (counts["waiting"] ?? 0) + size - known }
}
