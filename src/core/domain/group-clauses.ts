import { tokenize } from "./group-tokens.ts"

/** One of the parts that must all hold for an expression to hold. */
export interface Clause {
  /** What it asks for, such as `family` or a label; null = several things, or a part in parentheses. */
  readonly key: string | null
  readonly text: string
}

/** The clauses of an expression: what its outermost `and`s and commas join. Throws the refusal `bad-group`. */
export function clausesOf(expression: string): readonly Clause[] {
  const tokens = tokenize(expression)
  const cuts: { readonly from: number; readonly to: number }[] = []
  let depth = 0
  let from = 0
  for (const [index, token] of tokens.entries()) {
    if (token.kind === "open") depth++
    if (token.kind === "close") depth--
    const isWord = token.kind === "word" && !token.quoted && depth === 0
    if (isWord && token.text === "or") return [{ key: null, text: expression }]
    if (depth !== 0 || !(token.kind === "comma" || (isWord && token.text === "and"))) continue
    cuts.push({ from, to: index })
    from = index + 1
  }
  cuts.push({ from, to: tokens.length })
  return cuts.map(({ from, to }) => {
    const [first, next] = tokens.slice(from, to)
    const at = (index: number): number => (tokens[index]?.at ?? expression.length + 1) - 1
    const isTerm = first?.kind === "word" && (first.quoted || first.text !== "not") && next !== undefined
    const key = isTerm ? first.text.replace(/^label\./, "") : null
    return { key, text: expression.slice(at(from), at(to)).trim() }
  })
}
