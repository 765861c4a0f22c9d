import type { UpdateState } from "../../core/domain/update.ts"

const clause = /state\s*=\s*[\w-]+/.source
const alone = new RegExp(`^\\s*${clause}\\s*$`)
const first = new RegExp(`^\\s*${clause}\\s+and\\s+(.*)$`)
const last = new RegExp(`^(.*)\\s+and\\s+${clause}\\s*$`)

/** A filter without the state that a chip has put into it. */
export function withoutState(filter: string): string {
  if (alone.test(filter)) return ""
  const rest = first.exec(filter)?.[1] ?? last.exec(filter)?.[1]
  return rest === undefined ? filter : (/^\(([^()]*)\)$/.exec(rest)?.[1] ?? rest)
}

/** A filter that also asks for that state, in place of the one that it asked for; null = for none. */
export function withState(filter: string, state: UpdateState | null): string {
  const rest = withoutState(filter).trim()
  if (state === null) return rest
  if (rest === "") return `state=${state}`
  return `${/\bor\b/.test(rest) ? `(${rest})` : rest} and state=${state}`
}

/** The state that a filter's own clause asks for; null = none. */
export function stateIn(filter: string): string | null {
  return /(?:^|\band\s+)state\s*=\s*([\w-]+)/.exec(filter)?.[1] ?? null
}

/** What somebody typed as a filter: a bare word means ids that hold it. */
export function typedFilter(text: string): string {
  const word = text.trim()
  return /^[\w*.:-]+$/.test(word) && !word.startsWith("@") ? `id="*${word.replaceAll("*", "")}*"` : word
}
