import { Eye, Pencil } from "lucide-react"
import { middleText } from "../live/numbers.ts"
import { classes } from "./classes.ts"
import styles from "./known.module.css"

const words: Readonly<Record<string, string>> = {
  reported: "the device says so itself",
  concluded: "concluded from what the device did next",
  observed: "observed on the wire",
  told: "typed in by an operator",
  unknown: "nothing is known",
}

interface Running {
  readonly version: string | null
  readonly evidence: string
}

/** A version and how we know it: a conclusion never looks like a report. */
export function KnownVersion({ running: { version, evidence } }: { readonly running: Running }) {
  if (version === null || evidence === "unknown") {
    const last = version === null ? "" : `; last known was ${version}`
    return (
      <span className="muted" title={`Nobody can say what it runs${last}`}>
        not known
      </span>
    )
  }
  return (
    <span className={styles.known} title={`${version}: ${words[evidence] ?? evidence}`}>
      <span className={classes("mono", evidence === "concluded" && styles.concluded)}>{middleText(version, 18)}</span>
      <Mark evidence={evidence} />
    </span>
  )
}

function Mark({ evidence }: { readonly evidence: string }) {
  if (evidence === "concluded") return <span aria-label={words["concluded"]}>∴</span>
  if (evidence === "observed") return <Eye size={12} aria-label={words["observed"]} />
  if (evidence === "told") return <Pencil size={12} aria-label={words["told"]} />
  return null
}

/** How a step of a timeline is known, in words. */
export function BasisWord({ basis }: { readonly basis: string | null }) {
  if (basis === null) return null
  return (
    <span className={styles.word} title={words[basis]}>
      {basis === "concluded" ? <span aria-hidden>∴</span> : null}
      {basis === "observed" ? <Eye size={12} aria-hidden /> : null}
      {basis}
    </span>
  )
}
