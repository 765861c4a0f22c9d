import { parse as parseCsv } from "csv-parse/sync"
import type { NewDeviceBody } from "../core/contract/schemas.ts"
import { familyById } from "../core/families/index.ts"

/** What is wrong with one line of a list, in words that say where. */
export interface ListFault {
  /** From 1, the header included. */
  readonly line: number
  /** Null = the line as a whole. */
  readonly column: string | null
  readonly says: string
}

export interface DeviceList {
  readonly devices: readonly { readonly line: number; readonly device: NewDeviceBody }[]
  readonly faults: readonly ListFault[]
}

const separators = [",", ";", "\t", "|"] as const
const required = ["id", "family", "model"] as const
/** Columns that are not labels, by their name in lower case. */
const own = new Set(["id", "family", "model", "user", "password", "running"])

/**
 * Reads devices as operators have them: CSV with a header (comma, semicolon, tab or bar; names in any case; columns that
 * are not a device's own are labels, those named `set.KEY`, or like an option of the row's family, are its options), a JSON array, or one JSON object a line.
 * Reads all of it: every fault is told with its line.
 */
export function readDeviceList(text: string): DeviceList {
  const whole = text.replace(/^\uFEFF/, "")
  if (/^\s*\[/.test(whole)) return readJson(whole)
  return /^\s*\{/.test(whole) ? readNdjson(whole) : readCsv(whole)
}

function readJson(text: string): DeviceList {
  try {
    const rows = JSON.parse(text) as readonly unknown[]
    return collect(rows.map((row, at) => ({ line: at + 1, ...fromObject(row) })))
  } catch (error) {
    return { devices: [], faults: [{ line: 1, column: null, says: `it is no JSON: ${(error as Error).message}` }] }
  }
}

function readNdjson(text: string): DeviceList {
  const lines = text.split(/\r?\n/).map((words, at) => ({ words, line: at + 1 }))
  return collect(
    lines
      .filter(({ words }) => words.trim() !== "")
      .map(({ words, line }) => {
        try {
          return { line, ...fromObject(JSON.parse(words)) }
        } catch (error) {
          return { line, faults: [{ column: null, says: `it is no JSON: ${(error as Error).message}` }] }
        }
      }),
  )
}

interface Read {
  readonly line: number
  readonly device?: NewDeviceBody
  readonly faults: readonly Omit<ListFault, "line">[]
}

function collect(rows: readonly Read[]): DeviceList {
  const first = new Map<string, number>()
  const faults = rows.flatMap(({ line, faults, device }) => {
    const twice = device === undefined ? undefined : first.get(device.id)
    if (device !== undefined && twice === undefined) first.set(device.id, line)
    const again = twice === undefined ? [] : [{ column: "id", says: `${device?.id} stands in line ${twice} already` }]
    return [...faults, ...again].map((fault) => ({ line, ...fault }))
  })
  const devices = rows.flatMap(({ line, device }) => (device === undefined ? [] : [{ line, device }]))
  return { devices, faults }
}

function fromObject(row: unknown): Omit<Read, "line"> {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    return { faults: [{ column: null, says: "it is no JSON object" }] }
  }
  const device = row as NewDeviceBody
  const missing = required.filter((name) => typeof device[name] !== "string" || device[name] === "")
  const faults = missing.map((column) => ({ column, says: "it is missing" }))
  return faults.length === 0 ? { device, faults } : { faults }
}

interface CsvRecord {
  readonly info: { readonly lines: number }
  readonly record: readonly string[]
}

function readCsv(text: string): DeviceList {
  const header = text.split(/\r?\n/, 1)[0] ?? ""
  const delimiter = separators.toSorted((a, b) => header.split(b).length - header.split(a).length)[0] ?? ","
  const options = { delimiter, info: true, skip_empty_lines: true, trim: true, relax_column_count: true } as const
  try {
    const [head, ...rows] = parseCsv(text, options) as unknown as readonly CsvRecord[]
    const names = (head?.record ?? []).map((name) => (own.has(name.toLowerCase()) ? name.toLowerCase() : name))
    const missing = required.filter((name) => !names.includes(name))
    if (missing.length > 0) {
      const says = `the header has no column ${missing.join(", ")}; it has ${names.join(", ") || "none"}`
      return { devices: [], faults: [{ line: 1, column: null, says }] }
    }
    return collect(rows.map(({ record, info }) => ({ line: info.lines, ...fromCells(names, record) })))
  } catch (error) {
    const { message, lines = 1 } = error as Error & { readonly lines?: number }
    return { devices: [], faults: [{ line: lines, column: null, says: `it is no CSV: ${message}` }] }
  }
}

function fromCells(names: readonly string[], cells: readonly string[]): Omit<Read, "line"> {
  if (cells.length !== names.length) {
    const says = `it has ${cells.length} cells and the header ${names.length}`
    return { faults: [{ column: null, says }] }
  }
  const row = new Map(names.map((name, at) => [name, withoutGuard(cells[at] ?? "")]))
  const faults = required.filter((name) => row.get(name) === "").map((column) => ({ column, says: "it is empty" }))
  if (faults.length > 0) return { faults }
  const filled = [...row].filter(([name, value]) => value !== "" && !required.includes(name as "id"))
  const known = optionsOf(row.get("family") ?? "")
  const isOption = (name: string): boolean => name.startsWith("set.") || known.has(name)
  const optionCells = filled.filter(([name]) => isOption(name))
  const device: NewDeviceBody = {
    id: row.get("id") ?? "",
    family: row.get("family") ?? "",
    model: row.get("model") ?? "",
    labels: Object.fromEntries(filled.filter(([name]) => !own.has(name) && !isOption(name))),
    ...Object.fromEntries(filled.filter(([name]) => own.has(name))),
    ...(optionCells.length === 0
      ? {}
      : { options: Object.fromEntries(optionCells.map(([name, value]) => [name.replace(/^set\./, ""), value])) }),
  }
  return { device, faults }
}

/** Names of what an operator may tell of a family's devices. */
function optionsOf(family: string): ReadonlySet<string> {
  return new Set(familyById(family)?.entry?.options.map(({ name }) => name))
}

/** The apostrophe that keeps spreadsheets from taking a cell for a formula is no part of it. */
function withoutGuard(cell: string): string {
  return /^'[=+\-@]/.test(cell) ? cell.slice(1) : cell
}

/** `line 7, column model: it is empty`. */
export function faultText({ line, column, says }: ListFault): string {
  return `line ${line}${column === null ? "" : `, column ${column}`}: ${says}`
}
