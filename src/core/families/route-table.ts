import type { Family } from "./family.ts"
import type { Route, RouteMethod } from "./routes.ts"

/** A route that fits a path, with the values of its parameters. */
export interface RouteMatch {
  readonly family: Family
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

interface Row {
  readonly family: Family
  readonly route: Route
  readonly segments: readonly Segment[]
}

/** Begins with `text`; a parameter takes the rest. */
interface Segment {
  readonly text: string
  readonly param: string | null
}

const longestParam = 200

/** The routes of all families, found by a path's number of segments. */
export class RouteTable {
  readonly #rows = new Map<number, Row[]>()

  constructor(families: readonly Family[]) {
    for (const family of families) {
      for (const route of family.http?.routes ?? []) {
        const segments = segmentsOf(route.path)
        const rows = this.#rows.get(segments.length) ?? []
        rows.push({ family, route, segments })
        this.#rows.set(segments.length, rows)
      }
    }
  }

  /** The route for a request; or the methods of those that fit the path alone; null = no route fits. */
  find(method: string, path: string): RouteMatch | { readonly allowed: readonly RouteMethod[] } | null {
    const parts = path.split("/")
    const wanted = method === "HEAD" ? "GET" : method
    const allowed: RouteMethod[] = []
    for (const { family, route, segments } of this.#rows.get(parts.length - 1) ?? []) {
      const params = fit(segments, parts)
      if (params === null) continue
      if (route.method === wanted) return { family, route, params }
      allowed.push(route.method)
    }
    return allowed.length === 0 ? null : { allowed }
  }
}

function segmentsOf(path: string): readonly Segment[] {
  if (!path.startsWith("/")) throw new Error(`the route ${path} does not begin with a slash`)
  return path
    .slice(1)
    .split("/")
    .map((text) => {
      const at = text.indexOf(":")
      return at < 0 ? { text, param: null } : { text: text.slice(0, at), param: text.slice(at + 1) }
    })
}

/** `parts` has an empty one before the first slash. */
function fit(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {}
  for (const [i, { text, param }] of segments.entries()) {
    const part = parts[i + 1] ?? ""
    if (param === null) {
      if (part !== text) return null
      continue
    }
    const value = part.slice(text.length)
    if (value === "" || value.length > longestParam || !part.startsWith(text)) return null
    params[param] = value
  }
  return params
}

/** Two routes that one request could fit, as a sentence; null = there are none. */
export function clashOf(families: readonly Family[]): string | null {
  const rows = families.flatMap((family) =>
    (family.http?.routes ?? []).map((route) => ({ family, route, segments: segmentsOf(route.path) })),
  )
  for (const [i, one] of rows.entries()) {
    for (const other of rows.slice(i + 1)) {
      if (one.route.method !== other.route.method || !mayBothFit(one.segments, other.segments)) continue
      return `${one.route.method} ${one.route.path} of ${one.family.id} and ${other.route.path} of ${other.family.id}`
    }
  }
  return null
}

function mayBothFit(one: readonly Segment[], other: readonly Segment[]): boolean {
  if (one.length !== other.length) return false
  return one.every((a, i) => {
    const b = other[i] as Segment
    if (a.param === null && b.param === null) return a.text === b.text
    if (a.param === null) return a.text.startsWith(b.text) && a.text !== b.text
    if (b.param === null) return b.text.startsWith(a.text) && a.text !== b.text
    return a.text.startsWith(b.text) || b.text.startsWith(a.text)
  })
}
