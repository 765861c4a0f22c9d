import type { Group, GroupContext } from "./group-member.ts"
import { termOf, type TermValue } from "./group-terms.ts"
import { badGroup, type Sign, type Token, tokenize, tokenText } from "./group-tokens.ts"

/** Knows no order of versions, no time and no saved group. */
const noContext: GroupContext = { compareVersions: () => null, now: () => 0, savedGroup: () => null }

const maxDepth = 20

/**
 * Parses a group expression: `site=north and not model=3g`, `(id=m-* or id=n-*), family=waspmote`, `running < 3`,
 * `model in (3g, 4g)`, `last_seen > 7d`, `group=canaries` or, in short, `@canaries`.
 *
 * The keys `id`, `family`, `model`, `running`, `state` and `last_seen` mean the device, `group` a saved group, any other
 * key (or `label.key`) a label. `=`, `!=` and `in` take `*` for any characters; `<`, `<=`, `>`, `>=` follow the order of the
 * family's versions, of numbers, or of time. `and` (or a comma) binds tighter than `or`. At most 1,000 characters, 20
 * nested parentheses. Throws the refusal `bad-group`, which points at the character.
 */
export function parseGroup(text: string, context: GroupContext = noContext): Group {
  const cursor: Cursor = { tokens: tokenize(text), at: 0, endAt: text.length + 1, context }
  const group = parseOr(cursor, 0)
  const rest = cursor.tokens[cursor.at]
  if (rest !== undefined) throw badGroup(`"${tokenText(rest)}" was not expected`, rest.at)
  return group
}

interface Cursor {
  readonly tokens: readonly Token[]
  at: number
  /** Where the expression ends, for a refusal. */
  readonly endAt: number
  readonly context: GroupContext
}

function parseOr(cursor: Cursor, depth: number): Group {
  const parts = [parseAnd(cursor, depth)]
  while (acceptWord(cursor, "or")) parts.push(parseAnd(cursor, depth))
  return parts.length === 1 ? (parts[0] as Group) : (member) => parts.some((part) => part(member))
}

function parseAnd(cursor: Cursor, depth: number): Group {
  const parts = [parseNot(cursor, depth)]
  while (acceptWord(cursor, "and") || accept(cursor, "comma")) parts.push(parseNot(cursor, depth))
  return parts.length === 1 ? (parts[0] as Group) : (member) => parts.every((part) => part(member))
}

function parseNot(cursor: Cursor, depth: number): Group {
  if (depth > maxDepth) throw badGroup("it is nested too deeply", placeOf(cursor))
  if (acceptWord(cursor, "not")) {
    const inner = parseNot(cursor, depth + 1)
    return (member) => !inner(member)
  }
  if (!accept(cursor, "open")) return parseTerm(cursor)
  const inner = parseOr(cursor, depth + 1)
  if (!accept(cursor, "close")) throw badGroup('a ")" is missing', placeOf(cursor))
  return inner
}

function parseTerm(cursor: Cursor): Group {
  const isName = cursor.tokens[cursor.at]
  const key = takeWord(cursor, "a key such as id, model or a label")
  // `@name` is short for `group=name`.
  if (isName?.kind === "word" && !isName.quoted && key.text.startsWith("@")) {
    const name = { text: key.text.slice(1), at: key.at }
    return termOf({ key: "group", at: key.at, sign: "=", signAt: key.at }, [name], cursor.context)
  }
  const signAt = placeOf(cursor)
  const isNot = acceptWord(cursor, "not")
  if (acceptWord(cursor, "in")) {
    const sign: Sign = isNot ? "!=" : "="
    return termOf({ key: key.text, at: key.at, sign, signAt }, takeList(cursor, key.text), cursor.context)
  }
  const token = cursor.tokens[cursor.at]
  if (isNot || token?.kind !== "sign") {
    throw badGroup(`"=", "!=", "<", ">" or "in" must follow "${key.text}"`, signAt)
  }
  cursor.at++
  const value = takeWord(cursor, `a value for "${key.text}"`)
  return termOf({ key: key.text, at: key.at, sign: token.sign, signAt }, [value], cursor.context)
}

function takeList(cursor: Cursor, key: string): readonly TermValue[] {
  if (!accept(cursor, "open")) throw badGroup('a "(" must follow "in"', placeOf(cursor))
  const values = [takeWord(cursor, `a value for "${key}"`)]
  while (accept(cursor, "comma")) values.push(takeWord(cursor, `a value for "${key}"`))
  if (!accept(cursor, "close")) throw badGroup('a ")" is missing', placeOf(cursor))
  return values
}

function accept(cursor: Cursor, kind: Token["kind"]): boolean {
  if (cursor.tokens[cursor.at]?.kind !== kind) return false
  cursor.at++
  return true
}

function acceptWord(cursor: Cursor, word: "and" | "or" | "not" | "in"): boolean {
  const token = cursor.tokens[cursor.at]
  if (token?.kind !== "word" || token.quoted || token.text !== word) return false
  cursor.at++
  return true
}

const keywords: ReadonlySet<string> = new Set(["and", "or", "not"])

function takeWord(cursor: Cursor, what: string): TermValue {
  const token = cursor.tokens[cursor.at]
  const isWord = token?.kind === "word" && (token.quoted || !keywords.has(token.text))
  if (!isWord) throw badGroup(`${what} was expected where "${tokenText(token)}" stands`, placeOf(cursor))
  cursor.at++
  return token
}

function placeOf({ tokens, at, endAt }: Cursor): number {
  return tokens[at]?.at ?? endAt
}
