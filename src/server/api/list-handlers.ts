import type { Answer, Call, EndpointName } from "../../core/contract/endpoints.ts"
import type { List } from "../../core/contract/list.ts"
import type { DeviceView, PlannedView, UpdateView } from "../../core/contract/schemas.ts"
import { eventFilter } from "../../core/domain/events/filter.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { OutgoingMessage, Update } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { type DeviceFinder, placeOf as devicePlaceOf } from "../fleet/find-devices.ts"
import { rolloutById } from "../fleet/find-rollout.ts"
import { groupMember } from "../fleet/group-context.ts"
import { deltasOf } from "../fleet/make-deltas.ts"
import type { MessagePlace } from "../fleet/page-reads.ts"
import type { PlannedMember } from "../fleet/plan-rollout.ts"
import type { ShownPlans } from "../fleet/shown-plans.ts"
import type { Caller } from "../people/caller.ts"
import { devicesOf, eventsFor } from "../people/within.ts"
import type { Handlers } from "./handler.ts"
import type { ApiNeeds } from "./api-needs.ts"
import { cursorText, cutPage, type Place, placeOfCursor, smallPage, sortingOf } from "./page.ts"
import {
  channelView,
  deltaView,
  deviceView,
  enrolmentView,
  eventView,
  messageView,
  releaseView,
  rolloutView,
  tokenView,
  updateView,
} from "./views.ts"

type Lists =
  | "listDevices"
  | "listEnrolments"
  | "listReleases"
  | "releaseDeltas"
  | "listRollouts"
  | "rolloutUpdates"
  | "planDevices"
  | "listChannels"
  | "listTokens"
  | "listMessages"
  | "listEvents"

type Query<Name extends EndpointName> = Call<Name>["query"]

/** Everything that is read a page at a time. */
export function listHandlers(needs: ApiNeeds, plans: ShownPlans, finder: DeviceFinder): Pick<Handlers, Lists> {
  const { live } = needs
  return {
    listDevices: ({ query }, caller) => listDevices(needs, finder, query, caller),
    rolloutUpdates: ({ params, query }, caller) =>
      listUpdates(needs, (params as { readonly id: string }).id, query, caller),
    planDevices: ({ params, query }, caller) => {
      const { rows } = plans.byId((params as { readonly id: string }).id)
      return planRows(rows, query, seenBy(needs, caller))
    },
    listMessages: ({ query }, caller) => listMessages(needs, query, caller),
    listEvents: ({ query }, caller) => listEvents(needs, query, caller),
    listEnrolments: ({ query }) =>
      smallPage({
        rows: [...live.enrolments.values()].filter(({ family }) => isAsked(query.family, family)),
        query,
        sorts: { created: ({ createdAt }) => createdAt, family: ({ family }) => family },
        idOf: ({ id }) => id,
        view: (enrolment) => enrolmentView(enrolment),
      }),
    listReleases: ({ query }) =>
      smallPage({
        rows: [...live.releases.values()].filter(
          ({ family, state, id, version, fileName, details }) =>
            isAsked(query.family, family) &&
            isAsked(query.state, state) &&
            says(query.text, [id, version, fileName, nameOf(details)]),
        ),
        query,
        sorts: { published: ({ publishedAt }) => publishedAt, family: ({ family }) => family },
        idOf: ({ id }) => id,
        view: releaseView,
      }),
    releaseDeltas: ({ params, query }) =>
      smallPage({
        rows: deltasOf(needs, (params as { readonly id: string }).id),
        query,
        sorts: { from: ({ from }) => from.publishedAt },
        idOf: ({ from }) => from.id,
        view: deltaView,
      }),
    listRollouts: ({ query }) =>
      smallPage({
        rows: [...live.rollouts.values()].filter(
          ({ rollout }) =>
            isAsked(query.state, rollout.state) &&
            says(query.text, [rollout.id, rollout.plan.name ?? "", rollout.group ?? "", ...rollout.releaseIds]),
        ),
        query,
        // The date of a machine may go back; the number does not.
        sorts: { started: ({ rollout }) => rollout.number, ended: ({ rollout }) => rollout.endedAt ?? notEnded },
        idOf: ({ rollout }) => rollout.id,
        view: (rollout) => rolloutView(needs, rollout),
      }),
    listChannels: ({ query }) =>
      smallPage({
        rows: [...live.channels.values()].filter(({ channel }) => isAsked(query.family, channel.family)),
        query,
        sorts: { name: ({ channel }) => channel.name, changed: ({ channel }) => channel.changedAt },
        idOf: ({ channel }) => channel.name,
        view: (channel) => channelView(needs, channel, false),
      }),
    listTokens: ({ query }) =>
      smallPage({
        rows: live.tokens.values(),
        query,
        sorts: { created: ({ createdAt }) => createdAt, name: ({ name }) => name },
        idOf: ({ id }) => id,
        view: tokenView,
      }),
  }
}

/** What is not over ends after everything that is. */
const notEnded = Number.MAX_SAFE_INTEGER

function isAsked<Value>(wanted: Value | undefined, value: Value): boolean {
  return wanted === undefined || wanted === value
}

/** The name that some families' images carry. */
function nameOf({ name }: JsonObject): string {
  return typeof name === "string" ? name : ""
}

function says(text: string | undefined, words: readonly string[]): boolean {
  return text === undefined || words.some((word) => word.toLowerCase().includes(text.toLowerCase()))
}

async function listDevices(
  needs: ApiNeeds,
  finder: DeviceFinder,
  { group, cursor, limit = 100, sort }: Query<"listDevices">,
  caller: Caller,
): Promise<List<DeviceView>> {
  const sorting = sortingOf(sort, "id")
  const groups = [caller.group, group].filter((one) => one !== null && one !== undefined)
  const { devices, total } = await finder.page({
    groups,
    order: sorting.key,
    backwards: sorting.backwards,
    after: devicePlace(placeOfCursor(sorting, cursor)),
    limit: limit + 1,
  })
  const rows = devices.filter(({ device }) => needs.live.devices.has(device.id))
  const stored = await needs.store.newestUpdates(
    rows.filter(({ update }) => update === null).map(({ device }) => device.id),
  )
  const newest = new Map(stored.map((update) => [update.deviceId, update]))
  const page = await cutPage({
    rows,
    limit,
    view: (live) => deviceView(needs, live, live.update ?? newest.get(live.device.id) ?? null),
    cursorOf: (live) => cursorText(sorting, devicePlaceOf(live, sorting.key)),
  })
  return { ...page, total }
}

function devicePlace(place: Place | null): { readonly value: number; readonly id: string } | null {
  if (place === null) return null
  if (typeof place.value !== "number") throw new Refusal("bad-cursor")
  return { value: place.value, id: place.id }
}

async function listUpdates(
  needs: ApiNeeds,
  rolloutId: string,
  { cursor, limit = 100, sort, ...filters }: Query<"rolloutUpdates">,
  caller: Caller,
): Promise<List<UpdateView>> {
  rolloutById(needs, rolloutId)
  const sorting = sortingOf(sort, "device")
  const query = { rolloutId, ...filters }
  const theirs: Theirs<Update, string> = {
    read: (after) => needs.store.updatePage(query, { after, limit: limit + 1, backwards: sorting.backwards }),
    isTheirs: seenBy(needs, caller),
    placeOf: ({ id }) => id,
    atOnce: limit + 1,
  }
  const page = await cutPage({
    rows: await collect(theirs, placeOfCursor(sorting, cursor)?.id ?? null),
    limit,
    view: (update) => {
      const current = needs.live.devices.get(update.deviceId)?.update
      return updateView(needs, current?.id === update.id ? current : update)
    },
    cursorOf: ({ id }) => cursorText(sorting, { value: 0, id }),
  })
  return { ...page, total: caller.group === null ? await needs.store.countUpdates(query) : await count(theirs) }
}

/** The rows are in order already. */
async function planRows(
  all: readonly PlannedMember[],
  { limit = 100, cursor, sort, outcome }: Query<"planDevices">,
  isTheirs: (row: PlannedMember) => boolean,
): Promise<List<PlannedView>> {
  const sorting = sortingOf(sort, "device")
  const after = placeOfCursor(sorting, cursor)?.id ?? null
  const chosen = all.filter((row) => isAsked(outcome, row.outcome) && isTheirs(row))
  if (sorting.backwards) chosen.reverse()
  const isPast = ({ deviceId }: PlannedMember): boolean =>
    after === null || (sorting.backwards ? deviceId < after : deviceId > after)
  const from = chosen.findIndex(isPast)
  const page = await cutPage({
    rows: from < 0 ? [] : chosen.slice(from, from + limit + 1),
    limit,
    view: (row) => ({ ...row }),
    cursorOf: ({ deviceId }) => cursorText(sorting, { value: 0, id: deviceId }),
  })
  return { ...page, total: chosen.length }
}

async function listMessages(
  needs: ApiNeeds,
  { cursor, limit = 100, sort, device }: Query<"listMessages">,
  caller: Caller,
): Promise<Answer<"listMessages">> {
  const sorting = sortingOf(sort, "created")
  const place = placeOfCursor(sorting, cursor)
  const query = { deviceId: device }
  const theirs: Theirs<OutgoingMessage, MessagePlace> = {
    read: (after) => needs.store.messagePage(query, { after, limit: limit + 1, backwards: sorting.backwards }),
    isTheirs: seenBy(needs, caller),
    placeOf: (message) => message,
    atOnce: limit + 1,
  }
  const page = await cutPage({
    rows: await collect(theirs, place === null ? null : { createdAt: Number(place.value), reference: place.id }),
    limit,
    view: messageView,
    cursorOf: ({ createdAt, reference }) => cursorText(sorting, { value: createdAt, id: reference }),
  })
  return { ...page, total: caller.group === null ? await needs.store.countMessages(query) : await count(theirs) }
}

/** Whether a caller may see what is about a device; what is about one that was removed, whoever sees all. */
function seenBy(needs: ApiNeeds, caller: Caller): (about: { readonly deviceId: string }) => boolean {
  const isMine = devicesOf(needs, caller)
  return ({ deviceId }) => {
    const live = needs.live.devices.get(deviceId)
    return live === undefined ? caller.group === null : isMine(groupMember(live))
  }
}

/** Rows of the store of which a caller may see some. */
interface Theirs<Row, RowPlace> {
  readonly read: (after: RowPlace | null) => Promise<readonly Row[]>
  /** Rows that `read` gives at most. */
  readonly atOnce: number
  readonly isTheirs: (row: Row) => boolean
  readonly placeOf: (row: Row) => RowPlace
}

/** Reads on until there are enough rows that the caller may see. */
async function collect<Row, RowPlace>(theirs: Theirs<Row, RowPlace>, after: RowPlace | null): Promise<readonly Row[]> {
  const found: Row[] = []
  for await (const rows of pagesOf(theirs, after)) {
    found.push(...rows)
    if (found.length >= theirs.atOnce) break
  }
  return found.slice(0, theirs.atOnce)
}

async function count<Row, RowPlace>(theirs: Theirs<Row, RowPlace>): Promise<number> {
  let total = 0
  for await (const rows of pagesOf(theirs, null)) total += rows.length
  return total
}

async function* pagesOf<Row, RowPlace>(
  { read, atOnce, isTheirs, placeOf }: Theirs<Row, RowPlace>,
  after: RowPlace | null,
): AsyncGenerator<readonly Row[]> {
  for (let from = after; ; ) {
    const rows = await read(from)
    yield rows.filter(isTheirs)
    const last = rows.at(-1)
    if (last === undefined || rows.length < atOnce) return
    from = placeOf(last)
  }
}

/** Events that are read at once while those that are wanted are looked for, and how often before an answer is given anyway. */
const eventsAtOnce = 1000
const mostReads = 20

async function listEvents(needs: ApiNeeds, query: Query<"listEvents">, caller: Caller): Promise<Answer<"listEvents">> {
  const { limit = 100, backwards = false, device, rollout } = query
  const { after, before } = eventBounds(query)
  const isFor = eventsFor(needs, caller)
  const isWanted = eventFilter(query)
  const chosen = {
    ...(device === undefined ? {} : { deviceId: device }),
    ...(rollout === undefined ? {} : { rolloutId: rollout }),
    backwards,
  }
  const rows: WaftEvent[] = []
  let bounds = { after, ...(before === null ? {} : { before }) }
  let goesOn = true
  let reads = 0
  for (; goesOn && rows.length <= limit && reads < mostReads; reads++) {
    const read = await needs.store.events({ ...bounds, ...chosen, limit: eventsAtOnce })
    rows.push(...read.filter((event) => isFor(event) && isWanted(event)))
    goesOn = read.length === eventsAtOnce
    const seq = read.at(-1)?.seq ?? 0
    if (goesOn) bounds = backwards ? { after, before: seq } : { ...bounds, after: seq }
  }
  const cursorOf = ({ seq }: { readonly seq: number }): string => String(seq)
  const page = await cutPage({ rows: rows.slice(0, limit + 1), limit, view: eventView, cursorOf })
  // Where it was looked long enough, the next page goes on from there.
  const soFar = backwards ? bounds.before : bounds.after
  return page.next === null && goesOn && soFar !== undefined ? { ...page, next: String(soFar) } : page
}

/** A page goes on from its cursor, in its direction; `after` bounds it in both. */
function eventBounds({ after = 0, cursor, backwards = false }: Query<"listEvents">) {
  if (cursor === undefined) return { after, before: null }
  if (!/^\d{1,15}$/.test(cursor)) throw new Refusal("bad-cursor")
  return backwards ? { after, before: Number(cursor) } : { after: Math.max(after, Number(cursor)), before: null }
}
