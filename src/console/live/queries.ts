import { QueryClient, infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import type { EventView } from "../../core/contract/schemas.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { ApiError, call } from "./api.ts"

/** Everything that pages read, by key; events make the keys that they concern stale. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      // The server's refusals are answers; only a server that cannot be reached is asked again.
      retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 3,
    },
  },
})

export const pageSize = 100
/** Rows of the lists that are read whole: their newest. */
const most = 1000

export const health = queryOptions({ queryKey: ["health"], queryFn: () => call("GET /api/health") })
/** Who is signed in, and what they may do. */
export const me = queryOptions({ queryKey: ["me"], queryFn: () => call("GET /api/me") })
export const families = queryOptions({
  queryKey: ["families"],
  queryFn: () => call("GET /api/families"),
  staleTime: Number.POSITIVE_INFINITY,
})
export const devices = (group: string) =>
  infiniteQueryOptions({
    queryKey: ["devices", group],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /api/devices", {
        query: {
          ...(group === "" ? {} : { group }),
          ...(pageParam === "" ? {} : { cursor: pageParam }),
          limit: pageSize,
        },
        signal,
      }),
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
  })
export const facets = (group: string) =>
  queryOptions({
    queryKey: ["devices", "facets", group],
    queryFn: () => call("GET /api/devices/facets", { query: group === "" ? {} : { group } }),
    placeholderData: (before) => before,
  })
export const groupCheck = (group: string) =>
  queryOptions({ queryKey: ["check", group], queryFn: () => call("GET /api/groups/check", { query: { group } }) })
export const completion = (group: string, at: number) =>
  queryOptions({
    queryKey: ["complete", group, at],
    queryFn: () => call("GET /api/groups/complete", { query: { group, at } }),
    placeholderData: (before) => before,
  })
export const groups = queryOptions({ queryKey: ["groups"], queryFn: () => call("GET /api/groups") })
export const device = (id: string) =>
  queryOptions({ queryKey: ["device", id], queryFn: () => call("GET /api/devices/:id", { params: { id } }) })
export const deviceEvents = (id: string) =>
  queryOptions({
    queryKey: ["device", id, "events"],
    queryFn: async () =>
      (await call("GET /api/events/list", { query: { device: id, limit: 200, backwards: true } })).items,
  })
export const deviceAccess = (id: string) =>
  queryOptions({
    queryKey: ["device", id, "access"],
    queryFn: () => call("GET /api/devices/:id/access", { params: { id } }),
    enabled: false,
  })
export const deviceWire = (id: string, search: string) =>
  queryOptions({
    queryKey: ["device", id, "wire", search],
    queryFn: () => call("GET /api/devices/:id/wire", { params: { id }, query: search === "" ? {} : { search } }),
    placeholderData: (before) => before,
  })
export const releases = queryOptions({
  queryKey: ["releases"],
  queryFn: async () =>
    (await call("GET /api/releases", { query: { sort: "-published", limit: most } })).items.toReversed(),
})
export const release = (id: string) =>
  queryOptions({ queryKey: ["releases", id], queryFn: () => call("GET /api/releases/:id", { params: { id } }) })
export const releaseDeltas = (id: string) =>
  queryOptions({
    queryKey: ["releases", id, "deltas"],
    queryFn: async () => (await call("GET /api/releases/:id/deltas", { params: { id }, query: { limit: most } })).items,
  })
export const rollouts = queryOptions({
  queryKey: ["rollouts"],
  queryFn: async () => (await call("GET /api/rollouts", { query: { sort: "-started" } })).items.toReversed(),
})
export const rollout = (id: string) =>
  queryOptions({ queryKey: ["rollout", id], queryFn: () => call("GET /api/rollouts/:id", { params: { id } }) })
export const rolloutUpdates = (id: string, state: UpdateState | undefined) =>
  queryOptions({
    queryKey: ["rollout", id, "updates", state],
    queryFn: () => {
      const query = { limit: most, ...(state === undefined ? {} : { state }) }
      return call("GET /api/rollouts/:id/updates", { params: { id }, query })
    },
  })
export const planDevices = (id: string) =>
  queryOptions({
    queryKey: ["plan", id],
    queryFn: () => call("GET /api/plans/:id/devices", { params: { id }, query: {} }),
    staleTime: Number.POSITIVE_INFINITY,
  })
export const fleetSummary = queryOptions({
  queryKey: ["fleet", "summary"],
  queryFn: () => call("GET /api/fleet/summary"),
})
export const fleetAttention = queryOptions({
  queryKey: ["fleet", "attention"],
  queryFn: () => call("GET /api/fleet/attention", { query: { limit: 8 } }),
})
export const rolloutCauses = (id: string) =>
  queryOptions({
    queryKey: ["rollout", id, "causes"],
    queryFn: () => call("GET /api/rollouts/:id/causes", { params: { id }, query: {} }),
  })
export const channels = queryOptions({
  queryKey: ["channels"],
  queryFn: async () => (await call("GET /api/channels", { query: { limit: most } })).items,
})
export const settings = queryOptions({ queryKey: ["settings"], queryFn: () => call("GET /api/settings") })
export const users = queryOptions({
  queryKey: ["users"],
  queryFn: async () => (await call("GET /api/users", { query: { limit: most } })).items,
})
export const tokens = queryOptions({
  queryKey: ["tokens"],
  queryFn: async () => (await call("GET /api/tokens", { query: { limit: most } })).items,
})
export const webhooks = queryOptions({
  queryKey: ["webhooks"],
  queryFn: async () => (await call("GET /api/webhooks", { query: { limit: most } })).items,
})
/** What somebody called for last, the newest first. */
export const audit = queryOptions({
  queryKey: ["audit"],
  queryFn: async () => (await call("GET /api/audit", { query: { limit: 500, calls: true, backwards: true } })).entries,
})
export const lab = queryOptions({ queryKey: ["lab"], queryFn: () => call("GET /api/lab") })
/** The devices of a group, as many as fit one page. */
export const groupDevices = (group: string) =>
  queryOptions({
    queryKey: ["devices", "all", group],
    queryFn: async () => (await call("GET /api/devices", { query: { group, limit: most } })).items,
  })
export const newestEvents = (limit: number) =>
  queryOptions({
    queryKey: ["events", limit],
    queryFn: async () => (await call("GET /api/events/list", { query: { limit, backwards: true } })).items,
    staleTime: Number.POSITIVE_INFINITY,
  })

/** The keys that some events make stale. */
export function staleKeys(events: readonly EventView[]): readonly (readonly unknown[])[] {
  const keys = new Map<string, readonly unknown[]>()
  const add = (...key: readonly unknown[]): void => void keys.set(JSON.stringify(key), key)
  for (const { kind, deviceId, rolloutId } of events) {
    if (deviceId !== null) {
      add("devices")
      add("fleet")
      add("device", deviceId)
    }
    if (rolloutId !== null) {
      add("rollout", rolloutId)
      add("rollouts")
    }
    if (kind.startsWith("release.")) add("releases")
    if (kind.startsWith("channel.")) add("channels")
    if (kind.startsWith("device.")) add("health")
  }
  return [...keys.values()]
}
