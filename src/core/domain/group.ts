import { Refusal } from "./refusal.ts"

/** What a group expression can ask of a device. */
export interface GroupMember {
  readonly id: string
  readonly family: string
  readonly model: string
  readonly running: string | null
  readonly labels: Readonly<Record<string, string>>
}

/** A parsed group expression. */
export type Group = (member: GroupMember) => boolean

const maxLength = 1000
const maxDepth = 20
const tokenPattern = /\s*(?:(\()|(\))|(!=|=)|(,)|"([^"]*)"|([^\s()=!,"]+))/y

type Token =
  | { readonly kind: "open" | "close" | "and" | "or" | "not" | "equal" | "unequal" }
  | { readonly kind: "word"; readonly text: string; readonly quoted: boolean }

/**
 * Parses a group expression: `site=north and not model=3g`, `(id=m-* or id=n-*), family=waspmote`.
 * A term is `key=value` or `key!=value`; the keys `id`, `family`, `model`, `running` mean the device, any other key
 * (or `label.key`) a label. `*` in a value stands for any characters. `and` (or a comma) binds tighter than `or`.
 * At most 1,000 characters, 20 nested parentheses. Throws the refusal `bad-group`.
 */
export function parseGroup(text: string): Group {
  if (text.length > maxLength) throw bad(`it is longer than ${maxLength} characters`)
  const cursor = { tokens: tokenize(text), at: 0 }
  const group = parseOr(cursor, 0)
  if (cursor.at < cursor.tokens.length) throw bad(`"${describe(cursor.tokens[cursor.at])}" was not expected`)
  return group
}

interface Cursor {
  readonly tokens: readonly Token[]
  at: number
}

const words: Readonly<Record<string, "and" | "or" | "not">> = { and: "and", or: "or", not: "not" }

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  const end = text.trimEnd().length
  while (tokenPattern.lastIndex < end) {
    const from = tokenPattern.lastIndex
    const match = tokenPattern.exec(text)
    if (match === null) throw bad(`"${text.slice(from, from + 20).trim()}" was not expected`)
    const [, open, close, sign, comma, quoted, word] = match
    if (open !== undefined) tokens.push({ kind: "open" })
    else if (close !== undefined) tokens.push({ kind: "close" })
    else if (sign !== undefined) tokens.push({ kind: sign === "=" ? "equal" : "unequal" })
    else if (comma !== undefined) tokens.push({ kind: "and" })
    else if (quoted !== undefined) tokens.push({ kind: "word", text: quoted, quoted: true })
    else tokens.push(wordToken(word ?? ""))
  }
  return tokens
}

function wordToken(text: string): Token {
  const operator = Object.hasOwn(words, text) ? words[text] : undefined
  return operator === undefined ? { kind: "word", text, quoted: false } : { kind: operator }
}

function parseOr(cursor: Cursor, depth: number): Group {
  const parts = [parseAnd(cursor, depth)]
  while (accept(cursor, "or")) parts.push(parseAnd(cursor, depth))
  return parts.length === 1 ? (parts[0] as Group) : (member) => parts.some((part) => part(member))
}

function parseAnd(cursor: Cursor, depth: number): Group {
  const parts = [parseNot(cursor, depth)]
  while (accept(cursor, "and")) parts.push(parseNot(cursor, depth))
  return parts.length === 1 ? (parts[0] as Group) : (member) => parts.every((part) => part(member))
}

function parseNot(cursor: Cursor, depth: number): Group {
  if (depth > maxDepth) throw bad("it is nested too deeply")
  if (accept(cursor, "not")) {
    const inner = parseNot(cursor, depth + 1)
    return (member) => !inner(member)
  }
  if (!accept(cursor, "open")) return parseTerm(cursor)
  const inner = parseOr(cursor, depth + 1)
  if (!accept(cursor, "close")) throw bad('a ")" is missing')
  return inner
}

function parseTerm(cursor: Cursor): Group {
  const key = takeWord(cursor, "a key such as id, model or a label")
  const equal = accept(cursor, "equal")
  if (!equal && !accept(cursor, "unequal")) throw bad(`"=" or "!=" must follow "${key}"`)
  const matches = glob(takeWord(cursor, `a value for "${key}"`))
  return (member) => {
    const value = valueOf(member, key)
    return (value !== null && matches(value)) === equal
  }
}

function accept(cursor: Cursor, kind: Token["kind"]): boolean {
  if (cursor.tokens[cursor.at]?.kind !== kind) return false
  cursor.at++
  return true
}

function takeWord(cursor: Cursor, what: string): string {
  const token = cursor.tokens[cursor.at]
  if (token?.kind !== "word") throw bad(`${what} was expected where "${describe(token)}" stands`)
  cursor.at++
  return token.text
}

function describe(token: Token | undefined): string {
  if (token === undefined) return "the end"
  return token.kind === "word" ? token.text : token.kind
}

function valueOf(member: GroupMember, key: string): string | null {
  if (key === "id" || key === "family" || key === "model" || key === "running") return member[key]
  const label = key.startsWith("label.") ? key.slice("label.".length) : key
  return Object.hasOwn(member.labels, label) ? (member.labels[label] ?? null) : null
}

/** Compares with `*` for any characters, in linear time: no regular expression made from the operator's text. */
function glob(pattern: string): (value: string) => boolean {
  const parts = pattern.split("*")
  if (parts.length === 1) return (value) => value === pattern
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  return (value) => {
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
    let at = first.length
    const end = value.length - last.length
    for (const part of parts.slice(1, -1)) {
      const found = value.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}

function bad(detail: string): Refusal {
  return new Refusal("bad-group", { detail })
}
