import { Refusal } from "./refusal.ts"

/** A piece of a group expression, with the place of its first character, from 1. */
export type Token = { readonly at: number } & (
  | { readonly kind: "open" | "close" | "comma" }
  | { readonly kind: "sign"; readonly sign: Sign }
  | { readonly kind: "word"; readonly text: string; readonly quoted: boolean }
)

export type Sign = "=" | "!=" | "<" | "<=" | ">" | ">="

/** Longest expression, characters. */
const maxLength = 1000

const tokenPattern = /\s*(?:(\()|(\))|(,)|(!=|<=|>=|=|<|>)|"([^"]*)"|([^\s()=!<>,"]+))/y

/** Cuts an expression into its tokens. Throws the refusal `bad-group`, which points at the character. */
export function tokenize(text: string): readonly Token[] {
  if (text.length > maxLength) throw badGroup(`it is longer than ${maxLength} characters`)
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  const end = text.trimEnd().length
  while (tokenPattern.lastIndex < end) {
    const from = tokenPattern.lastIndex
    const match = tokenPattern.exec(text)
    if (match === null) throw unreadable(text, from)
    const at = from + match[0].length - match[0].trimStart().length + 1
    tokens.push(tokenOf(match, at))
  }
  return tokens
}

function tokenOf([, open, close, comma, sign, quoted, word]: RegExpExecArray, at: number): Token {
  if (open !== undefined) return { kind: "open", at }
  if (close !== undefined) return { kind: "close", at }
  if (comma !== undefined) return { kind: "comma", at }
  if (sign !== undefined) return { kind: "sign", sign: sign as Sign, at }
  if (quoted !== undefined) return { kind: "word", text: quoted, quoted: true, at }
  return { kind: "word", text: word ?? "", quoted: false, at }
}

function unreadable(text: string, from: number): Refusal {
  const rest = text.slice(from)
  const at = from + rest.length - rest.trimStart().length + 1
  const found = rest.trimStart()
  if (found.startsWith('"')) return badGroup("the closing quotation mark is missing", at)
  return badGroup(`"${found.slice(0, 20).trim()}" was not expected`, at)
}

/** What stands there, for a sentence. */
export function tokenText(token: Token | undefined): string {
  if (token === undefined) return "the end"
  if (token.kind === "word") return token.text
  if (token.kind === "sign") return token.sign
  return { open: "(", close: ")", comma: "," }[token.kind]
}

/** The refusal `bad-group`; `at` is the place of the character, from 1. */
export function badGroup(detail: string, at?: number): Refusal {
  return new Refusal("bad-group", at === undefined ? { detail } : { detail: `${detail}, at character ${at}`, at })
}
