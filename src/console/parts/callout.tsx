import type { LucideIcon } from "lucide-react"
import type { UpdateState } from "../../core/domain/update.ts"
import { classes } from "./classes.ts"
import styles from "./callout.module.css"

interface Props {
  readonly glyph: LucideIcon
  readonly as: UpdateState
  /** The server's own sentence. */
  readonly sentence: string
}

/** How it stands and what changes it next, in the server's words. One a page. */
export function Callout({ glyph: Glyph, as, sentence }: Props) {
  return (
    <p className={classes(styles.callout, styles[as])}>
      <Glyph size={14} aria-hidden />
      <span>{sentence}</span>
    </p>
  )
}
