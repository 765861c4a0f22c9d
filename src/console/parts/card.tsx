import type { ReactNode } from "react"
import styles from "./card.module.css"

interface Props {
  readonly title?: string
  /** One quiet thing at the right of the head. */
  readonly aside?: ReactNode
  readonly children: ReactNode
}

export function Card({ title, aside, children }: Props) {
  return (
    <section className={styles.card} aria-label={title}>
      {title === undefined ? null : (
        <header className={styles.head}>
          <h2>{title}</h2>
          {aside === undefined ? null : <div className={styles.aside}>{aside}</div>}
        </header>
      )}
      <div className={styles.body}>{children}</div>
    </section>
  )
}
