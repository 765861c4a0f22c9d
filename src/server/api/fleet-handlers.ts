import type { Answer, Call } from "../../core/contract/endpoints.ts"
import type { List } from "../../core/contract/list.ts"
import type { AttentionView, CauseView, GroupCheckView } from "../../core/contract/schemas.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { completeGroup } from "../fleet/complete-group.ts"
import { recounted } from "../fleet/load-fleet.ts"
import { FacetFinder } from "../fleet/facets.ts"
import type { DeviceFinder } from "../fleet/find-devices.ts"
import { rolloutById } from "../fleet/find-rollout.ts"
import { cellsOf, summarize } from "../fleet/fleet-summary.ts"
import { groupMember } from "../fleet/group-context.ts"
import type { Cause } from "../fleet/index/causes.ts"
import { isLive, type LiveDevice } from "../fleet/live-fleet.ts"
import type { LiveRollout } from "../fleet/live-rollout.ts"
import type { Caller } from "../people/caller.ts"
import { devicesOf } from "../people/within.ts"
import type { ApiNeeds } from "./api-needs.ts"
import type { Handlers } from "./handler.ts"
import { cursorText, cutPage, placeOfCursor, smallPage, sortingOf } from "./page.ts"
import { deviceView } from "./views.ts"

type Names =
  | "fleetSummary"
  | "fleetAttention"
  | "fleetContacts"
  | "deviceFacets"
  | "checkGroup"
  | "completeGroup"
  | "rolloutCauses"

/** The fleet as a whole, from what is counted with every change. */
export function fleetHandlers(needs: ApiNeeds, finder: DeviceFinder): Pick<Handlers, Names> {
  const facets = new FacetFinder(needs)
  const { live } = needs
  return {
    fleetSummary: (_call, caller) => fleetSummary(needs, finder, caller),
    fleetAttention: ({ query }, caller) => listAttention(needs, query, caller),
    fleetContacts: ({ query: { minutes = 60 } }) => {
      const { from, counts } = live.contacts.last(minutes, needs.clock.now())
      return { from, stepMs: 60_000, since: live.contacts.startedAt, counts: [...counts] }
    },
    deviceFacets: async ({ query: { group = "" } }, caller) => {
      const { devices, facets: found } = await facets.find(caller.group, group)
      return { devices, facets: found.map(({ values, ...facet }) => ({ ...facet, values: [...values] })) }
    },
    checkGroup: ({ query: { group } }, caller) => checkGroup(finder, group, caller),
    completeGroup: async ({ query }, caller) => {
      const mine = caller.group === null ? null : await finder.matching([caller.group], "lately")
      const { items, ...range } = completeGroup(live, query, mine)
      return { ...range, items: [...items] }
    },
    rolloutCauses: ({ params, query }, caller) =>
      listCauses(needs, rolloutById(needs, (params as { readonly id: string }).id), query, caller),
  }
}

async function fleetSummary(
  { live }: ApiNeeds,
  finder: DeviceFinder,
  { group }: Caller,
): Promise<Answer<"fleetSummary">> {
  const cells = group === null ? live.census.cells() : cellsOf(await finder.matching([group], "lately"))
  const rollouts = { running: 0, paused: 0, over: 0 }
  for (const { rollout } of live.rollouts.values()) {
    rollouts[rollout.state === "running" || rollout.state === "paused" ? rollout.state : "over"] += 1
  }
  let releases = 0
  for (const { state } of live.releases.values()) if (state === "active") releases++
  return { ...summarize(cells), rollouts, releases }
}

/** Looked at together, so that their newest updates are read at once. */
const lookedAtOnce = 200

async function listAttention(
  needs: ApiNeeds,
  { cursor, limit = 100, sort, reason }: Call<"fleetAttention">["query"],
  caller: Caller,
): Promise<List<AttentionView>> {
  const { live } = needs
  const sorting = sortingOf(sort, "id")
  const after = placeOfCursor(sorting, cursor)?.id ?? null
  const isMine = devicesOf(needs, caller)
  const ids = live.census.attention
  const isWanted = (device: LiveDevice): boolean =>
    (reason === undefined || device.cell?.reason === reason) && isMine(groupMember(device))
  const devices: LiveDevice[] = []
  for (const id of sorting.backwards ? ids.before(after) : ids.after(after)) {
    const device = live.devices.get(id)
    if (device !== undefined && isWanted(device)) devices.push(device)
    if (devices.length > limit) break
  }
  const updates = new Map<string, Awaited<ReturnType<typeof needs.store.newestUpdates>>[number]>()
  const unknown = devices.filter(({ update }) => update === null).map(({ device }) => device.id)
  for (let from = 0; from < unknown.length; from += lookedAtOnce) {
    const found = await needs.store.newestUpdates(unknown.slice(from, from + lookedAtOnce))
    for (const update of found) updates.set(update.deviceId, update)
  }
  const page = await cutPage({
    rows: devices,
    limit,
    view: (device) => ({
      reason: device.cell?.reason ?? "failed",
      device: deviceView(needs, device, device.update ?? updates.get(device.device.id) ?? null),
    }),
    cursorOf: ({ device }) => cursorText(sorting, { value: 0, id: device.id }),
  })
  return { ...page, total: countAttention(needs, caller, isWanted, reason) }
}

function countAttention(
  { live }: ApiNeeds,
  { group }: Caller,
  isWanted: (device: LiveDevice) => boolean,
  reason: AttentionView["reason"] | undefined,
): number {
  let total = 0
  if (group === null) {
    for (const cell of live.census.cells()) {
      if (cell.reason !== null && (reason === undefined || cell.reason === reason)) total += cell.devices
    }
    return total
  }
  for (const id of live.census.attention.after(null)) {
    const device = live.devices.get(id)
    if (device !== undefined && isWanted(device)) total++
  }
  return total
}

async function checkGroup(finder: DeviceFinder, group: string, caller: Caller): Promise<GroupCheckView> {
  try {
    const groups = caller.group === null ? [group] : [caller.group, group]
    const { length } = await finder.matching(groups, "lately")
    return { isUnderstood: true, devices: length, at: null, detail: null }
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "bad-group") throw error
    const { at, detail } = error.words
    return {
      isUnderstood: false,
      devices: null,
      at: typeof at === "number" ? at : null,
      detail: typeof detail === "string" ? detail : error.message,
    }
  }
}

/** A rollout that ended before this server started has its updates in the store only. */
async function causesOf(needs: ApiNeeds, live: LiveRollout): Promise<Iterable<Cause>> {
  if (isLive(live.rollout.state) || live.states.size > 0) return live.causes.all()
  return recounted(needs.live, live.rollout, await needs.store.updatesOfRollout(live.rollout.id)).causes.all()
}

async function listCauses(
  needs: ApiNeeds,
  rollout: LiveRollout,
  query: Call<"rolloutCauses">["query"],
  caller: Caller,
): Promise<List<CauseView>> {
  const all = [...(await causesOf(needs, rollout))]
  const views = caller.group === null ? all.map(causeView) : all.flatMap((cause) => limitedCause(needs, cause, caller))
  return smallPage({
    rows: views,
    query,
    // The most first.
    sorts: { devices: ({ devices }) => -devices },
    idOf: ({ state, code, sentence }) => JSON.stringify([state, code, sentence]).slice(0, 200),
    view: (view) => view,
  })
}

function causeView({ state, code, sentence, devices, models }: Cause): CauseView {
  const [example = ""] = devices
  const counts = [...models].map(([value, count]) => ({ value, devices: count })).sort((a, b) => b.devices - a.devices)
  return { state, code, sentence, devices: devices.size, models: counts, example }
}

/** The part of a cause that lies in the caller's group. */
function limitedCause(needs: ApiNeeds, cause: Cause, caller: Caller): CauseView | [] {
  const isMine = devicesOf(needs, caller)
  const mine = [...cause.devices].flatMap((id) => {
    const live = needs.live.devices.get(id)
    return live !== undefined && isMine(groupMember(live)) ? [live.device] : []
  })
  if (mine.length === 0) return []
  const models = new Map<string, number>()
  for (const { model } of mine) models.set(model, (models.get(model) ?? 0) + 1)
  return causeView({ ...cause, devices: new Set(mine.map(({ id }) => id)), models })
}
