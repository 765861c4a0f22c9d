import { useVirtualizer } from "@tanstack/react-virtual"
import { type ReactNode, useEffect, useRef } from "react"
import { countText } from "../live/numbers.ts"
import { useNarrow } from "../live/narrow.ts"
import { classes } from "./classes.ts"
import styles from "./virtual-list.module.css"

export interface ListColumn<Row> {
  readonly title: string
  /** A CSS track: `160px`, `minmax(0, 2fr)`. */
  readonly width: string
  readonly cell: (row: Row) => ReactNode
  readonly right?: boolean
  /** Left out where the page is narrow; a row is two lines of two cells there. */
  readonly wideOnly?: boolean
}

interface Props<Row> {
  readonly name: string
  readonly columns: readonly ListColumn<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Rows in all, where that is known. */
  readonly total?: number | undefined
  readonly hasMore: boolean
  readonly onMore: () => void
  readonly foot?: ReactNode
}

/** A list that fills its window and scrolls inside; only what is seen is drawn. */
export function VirtualList<Row>({ name, columns, rows, keyOf, total, hasMore, onMore, foot }: Props<Row>) {
  const box = useRef<HTMLDivElement>(null)
  const narrow = useNarrow()
  const virtual = useVirtualizer({
    count: rows.length + (hasMore ? 1 : 0),
    getScrollElement: () => box.current,
    estimateSize: () => (narrow ? 60 : 36),
    overscan: 12,
  })
  const shown = virtual.getVirtualItems()
  const last = shown.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && last >= rows.length - 30) onMore()
  }, [hasMore, last, rows.length, onMore])
  useEffect(() => virtual.measure(), [narrow, virtual])
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(" ") }
  const first = shown.find(({ end }) => end > (virtual.scrollOffset ?? 0))?.index ?? 0
  return (
    <div className={styles.box}>
      <div ref={box} className={styles.scroll} tabIndex={0} role="region" aria-label={name}>
        <div role="table" aria-label={name} aria-rowcount={total ?? -1}>
          <div role="rowgroup">
            <div role="row" className={styles.head} style={template}>
              {columns.map(({ title, right = false }) => (
                <div key={title} role="columnheader" className={classes(styles.cell, right && styles.right)}>
                  {title}
                </div>
              ))}
            </div>
          </div>
          <div role="rowgroup" className={styles.rows} style={{ height: virtual.getTotalSize() }}>
            {shown.map(({ index, start, key }) => {
              const row = rows[index]
              return (
                <div
                  key={row === undefined ? key : keyOf(row)}
                  role="row"
                  aria-rowindex={index + 2}
                  className={styles.row}
                  style={{ ...template, transform: `translateY(${start}px)` }}
                >
                  {columns.map(({ title, cell, right = false, wideOnly = false }) => (
                    <div
                      key={title}
                      role="cell"
                      className={classes(styles.cell, right && styles.right)}
                      data-narrow={wideOnly ? "no" : undefined}
                    >
                      {row === undefined ? <div className={styles.ghost} /> : cell(row)}
                    </div>
                  ))}
                </div>
              )
            })}
          </div>
        </div>
      </div>
      <footer className={styles.foot}>
        <span className="number">
          {total === undefined ? `${countText(rows.length)}${hasMore ? " and more" : ""}` : countText(total)}
        </span>
        {rows.length === 0 ? null : (
          <span className="number">
            rows {countText(first + 1)}–{countText(Math.min(last + 1, rows.length))}
          </span>
        )}
        {foot}
      </footer>
    </div>
  )
}
