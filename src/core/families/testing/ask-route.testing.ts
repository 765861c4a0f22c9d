import type { Family } from "../family.ts"
import { RouteTable } from "../route-table.ts"
import type { RouteAnswer, RouteRequest, RouteSituation } from "../routes.ts"

export interface Asked {
  readonly method?: string
  /** Path, and perhaps a query. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** The device `d1` that nobody knows anything of, and nothing for it. */
export const quietSituation: RouteSituation = {
  device: {
    id: "d1",
    model: "any",
    labels: {},
    familyState: {},
    runningVersion: null,
    isReported: false,
    isPending: false,
  },
  offered: null,
  update: null,
  origin: "http://10.0.0.2:8081",
  now: 0,
}

/** What a family's own routes answer; null = none of them fits. Nobody asks whose request it is. */
export function askRoute(family: Family, asked: Asked, situation: Partial<RouteSituation> = {}): RouteAnswer | null {
  const found = requestFor(family, asked)
  return found === null ? null : found.answer({ ...quietSituation, ...situation }, found.request)
}

/** Whom a request says that it is of. */
export function callerOf(family: Family, asked: Asked) {
  const found = requestFor(family, asked)
  return found === null ? null : found.caller(found.request)
}

function requestFor(family: Family, { method = "GET", url, headers = {}, body = new Uint8Array(0) }: Asked) {
  const [path = "", query = ""] = url.split("?")
  const match = new RouteTable([family]).find(method, path)
  if (match === null || "allowed" in match) return null
  const { route, params } = match
  const wanted = Object.fromEntries(Object.entries(headers).filter(([name]) => route.headers?.includes(name)))
  const request: RouteRequest = { method: route.method, params, query, headers: wanted, body }
  return { ...route, request }
}
