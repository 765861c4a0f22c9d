import { Link } from "@tanstack/react-router"
import { countText } from "../live/numbers.ts"
import styles from "./figures.module.css"

export interface FigureRow {
  readonly caption: string
  readonly figure: number
  readonly context: string
  readonly to: string
}

/** Never more than four, each a link to its rows. */
export function Figures({ rows }: { readonly rows: readonly FigureRow[] }) {
  return (
    <nav className={styles.figures} aria-label="Figures">
      {rows.map(({ caption, figure, context, to }) => (
        <Link key={caption} to={to}>
          <span className={styles.caption}>{caption}</span>
          <span className={`${styles.figure} number`}>{countText(figure)}</span>
          <span className="meta">{context}</span>
        </Link>
      ))}
    </nav>
  )
}
