import type { ReactNode } from "react"
import styles from "./page.module.css"

interface HeadProps {
  readonly title: ReactNode
  readonly sub?: ReactNode
  readonly deeds?: ReactNode
}

/** A page's heading says how it stands; its deeds are at the right. */
export function PageHead({ title, sub, deeds }: HeadProps) {
  return (
    <header className={styles.head}>
      <div>
        <h1>{title}</h1>
        {sub === undefined ? null : <div className={styles.sub}>{sub}</div>}
      </div>
      {deeds === undefined ? null : <div className={styles.deeds}>{deeds}</div>}
    </header>
  )
}

/** Two stacks, eight and four columns, each with its own rhythm. */
export function Stacks({ left, right }: { readonly left: ReactNode; readonly right: ReactNode }) {
  return (
    <div className={styles.stacks}>
      <div className={styles.stack}>{left}</div>
      <div className={styles.stack}>{right}</div>
    </div>
  )
}

export function Stack({ children }: { readonly children: ReactNode }) {
  return <div className={styles.stack}>{children}</div>
}

export function Label({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <span className={styles.label} title={`${name} = ${value}`}>
      {name} = {value}
    </span>
  )
}

/** Names and what they are, one below the other. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {rows.map(([name, value]) => (
        <Fact key={name} name={name} value={value} />
      ))}
    </dl>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  )
}

/** Says what will stand here, and offers the first deed. */
export function Empty({ says, children }: { readonly says: string; readonly children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p>{says}</p>
      {children}
    </div>
  )
}
