import { shown, shownJson } from "../core/kit/clean-text.ts"
import { cutMiddle, fitColumns } from "./fit-columns.ts"

/** How commands print: JSON for programs, aligned columns for people. */

export interface Column<Row> {
  readonly title: string
  readonly text: (row: Row) => string
}

/** Prints one value as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${shownJson(value, process.stdout.isTTY ? 2 : undefined)}\n`)
}

/** Prints one value as JSON on one line, of many. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${shownJson(value)}\n`)
}

/** Prints rows as a table, or says what there is none of. On a terminal, cells are cut in the middle so that lines fit. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void {
  if (rows.length === 0) {
    process.stdout.write(`${none}\n`)
    return
  }
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => clean(text(row))))]
  const wanted = columns.map((_, i) => lines.reduce((most, line) => Math.max(most, line[i]?.length ?? 0), 0))
  const widths = process.stdout.isTTY ? fitColumns(wanted, process.stdout.columns) : wanted
  for (const line of lines) {
    const padded = line.map((cell, i) => cutMiddle(cell, widths[i] ?? 0).padEnd(widths[i] ?? 0))
    process.stdout.write(`${padded.join("  ").trimEnd()}\n`)
  }
}

/** Prints lines for people. */
export function printLines(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${clean(line)}\n`)
}

/** What a device sent must not steer the operator's terminal. */
export function clean(text: string): string {
  return shown(text)
}

/** 2026-11-21 09:30:00 in local time. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, "0")
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** 12.3 kB, 4.5 MB. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** "3 succeeded, 1 failed". */
export function countsText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  return parts.length === 0 ? "none" : parts.join(", ")
}
