import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml"

/** One thing that is wrong with a file; lines and columns begin at 1. */
export interface Mistake {
  readonly line: number
  readonly column: number
  readonly reason: string
}

/** Reads one value, or tells the file its mistake and gives undefined. */
export type Field<T> = (file: YamlFile, node: Node | null) => T | undefined

/** A YAML (or JSON) file that is being read, with everything that was found wrong so far. */
export class YamlFile {
  readonly mistakes: Mistake[] = []
  readonly root: Node | null
  readonly #lines = new LineCounter()

  /** One document without aliases and tags of its own. */
  constructor(text: string) {
    const document = parseDocument(text, { lineCounter: this.#lines, version: "1.2", uniqueKeys: true })
    for (const { message, pos } of [...document.errors, ...document.warnings]) {
      this.#add(pos[0], message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "") ?? message)
    }
    this.root = document.contents
  }

  /** Notes a mistake at that node; a missing node stands at the file's beginning. */
  mistake(node: Node | null, reason: string): undefined {
    this.#add(node?.range?.[0] ?? 0, reason)
  }

  #add(offset: number, reason: string): void {
    const { line, col } = this.#lines.linePos(offset)
    this.mistakes.push({ line: Math.max(1, line), column: Math.max(1, col), reason })
  }
}

type Fields<T> = { readonly [K in keyof T]: Field<T[K]> }

/**
 * A mapping with no other keys than these. What is absent, or wrong, is absent in the answer: wrong things have told the
 * file their mistakes.
 */
export function mapOf<T extends object>(what: string, fields: Fields<T>): Field<Partial<T>> {
  return (file, node) => {
    if (!isMap(node)) return file.mistake(node, `${what} must be a mapping of ${Object.keys(fields).join(", ")}`)
    const found: Partial<T> = {}
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ""
      if (!Object.hasOwn(fields, name)) {
        file.mistake(key as Node, `${what} knows no "${name}"${suggestion(name, Object.keys(fields))}`)
        continue
      }
      const read = fields[name as keyof T](file, value as Node | null)
      if (read !== undefined) found[name as keyof T] = read
    }
    return found
  }
}

/** The key that was probably meant, or all that there are. */
function suggestion(name: string, known: readonly string[]): string {
  const near = known.find((key) => key.replaceAll(/[-_]/g, "") === name.toLowerCase().replaceAll(/[-_ ]/g, ""))
  return near === undefined ? `; it takes ${known.join(", ")}` : `; did you mean "${near}"?`
}

/** A mapping with keys of the writer's own. */
export function dictionaryOf<T>(what: string, field: Field<T>): Field<Readonly<Record<string, T>>> {
  return (file, node) => {
    if (!isMap(node)) return file.mistake(node, `${what} must be a mapping`)
    const entries: [string, T][] = []
    for (const { key, value } of node.items) {
      const read = field(file, value as Node | null)
      if (read !== undefined) entries.push([isScalar(key) ? String(key.value) : "", read])
    }
    return Object.fromEntries(entries)
  }
}

/** A list, or one value that stands for a list of one. */
export function listOf<T>(what: string, field: Field<T>, most: number): Field<readonly T[]> {
  return (file, node) => {
    const items = isSeq(node) ? (node.items as Node[]) : [node]
    if (items.length === 0) return file.mistake(node, `${what} must not be empty`)
    if (items.length > most) return file.mistake(node, `${what} takes at most ${most} entries`)
    const read = items.map((item) => field(file, item)).filter((value) => value !== undefined)
    return read.length === items.length ? read : undefined
  }
}

/** What a scalar says, as text: `10`, `true` and `"north"` alike. */
export function scalarText(node: Node | null): string | null {
  if (!isScalar(node) || node.value === null) return null
  // As it was written: a version such as 1.10 is no number.
  return typeof node.value === "string" ? node.value : (node.source ?? null)
}

export function text(what: string, maxChars: number): Field<string> {
  return (file, node) => {
    const found = scalarText(node)?.trim()
    if (found === undefined || found === "") return file.mistake(node, `${what} must be a text`)
    return found.length > maxChars ? file.mistake(node, `${what} is longer than ${maxChars} characters`) : found
  }
}

/** A value that `parse` makes of the text; null = it is none, and `says` tells what is wanted. */
export function parsed<T>(what: string, says: string, parse: (written: string) => T | null): Field<T> {
  return (file, node) => {
    const written = scalarText(node)
    const value = written === null ? null : parse(written.trim())
    return value === null
      ? file.mistake(node, `${what} must be ${says}${written === null ? "" : `, not "${written}"`}`)
      : value
  }
}

export function whole(what: string, least: number, most: number): Field<number> {
  return parsed(what, `a whole number from ${least} to ${most}`, (written) => {
    const number = /^\d+$/.test(written) ? Number(written) : Number.NaN
    return number >= least && number <= most ? number : null
  })
}

/** A whole number, or what is read otherwise when there is a mapping. */
export function eitherMap<T>(scalar: Field<T>, map: Field<T>): Field<T> {
  return (file, node) => (isMap(node) ? map : scalar)(file, node)
}
