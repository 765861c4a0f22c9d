import type { SavedGroup } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { fleetGroup, groupMember, membersOf } from "./group-context.ts"
import { isLive } from "./live-fleet.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families"> & OnBehalf

export interface GroupWish {
  readonly filter?: string | undefined
  readonly ids?: readonly string[] | undefined
  /** Keep the list of those that match the filter now. */
  readonly pin?: boolean | undefined
  readonly replace?: boolean | undefined
}

/** Saved groups that a fleet may have. */
const mostGroups = 1000

/** Gives a group of devices a name. Refuses `bad-group`, `group-exists`, `no-such-device` and `bad-request`. */
export async function saveGroup(needs: Needs, name: string, wish: GroupWish): Promise<SavedGroup> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    const detail = `"${name.slice(0, 70)}" cannot be the name of a group: it takes 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit`
    throw new Refusal("bad-request", { detail })
  }
  const known = needs.live.groups.get(name)
  if (known !== undefined && wish.replace !== true) throw new Refusal("group-exists", { group: name })
  if (known === undefined && needs.live.groups.size >= mostGroups) {
    throw new Refusal("bad-request", { detail: `there are ${mostGroups} saved groups already, which is the most` })
  }
  const group: SavedGroup = { name, devices: devicesOf(needs, wish), changedAt: needs.clock.now() }
  refuseCircle(needs, group)
  const what = group.devices.by === "filter" ? group.devices.filter : `a list of ${group.devices.ids.length} devices`
  const event = eventOf({ at: group.changedAt, kind: "group.saved", sentence: `The group ${name} is ${what}.` })
  await commit(needs, needs.actor, [{ put: "group", group }, event])
  return group
}

function devicesOf(needs: Needs, { filter, ids, pin }: GroupWish): SavedGroup["devices"] {
  if ((filter === undefined) === (ids === undefined) || (pin === true && filter === undefined)) {
    throw new Refusal("bad-request", { detail: "a group is a filter, or a list of ids; only a filter can be pinned" })
  }
  if (ids !== undefined) {
    const missing = ids.find((id) => !needs.live.devices.has(id))
    if (missing !== undefined) throw new Refusal("no-such-device", { device: missing })
    return { by: "list", ids: [...new Set(ids)].sort() }
  }
  if (filter === undefined || pin !== true) return { by: "filter", filter: filter ?? "" }
  const matches = fleetGroup(needs, filter)
  const members = [...needs.live.devices.values()].filter((live) => matches(groupMember(live)))
  return { by: "list", ids: members.map(({ device }) => device.id).sort() }
}

/** Reads its expression, and those of the groups that lead to it, as they would be read. */
function refuseCircle(needs: Needs, group: SavedGroup): void {
  const groups = new Map(needs.live.groups).set(group.name, group)
  membersOf({ ...needs, live: { groups } }, group)
}

/** Forgets a saved group. Refuses `no-such-group`, and `group-in-use` where a rollout or another group names it. */
export async function removeGroup(needs: Needs, name: string): Promise<void> {
  const group = groupByName(needs, name)
  const users = usersOf(needs, name)
  if (users.length > 0) throw new Refusal("group-in-use", { group: name, users: users.join(", ") })
  const event = eventOf({ at: needs.clock.now(), kind: "group.removed", sentence: `The group ${name} was forgotten.` })
  await commit(needs, needs.actor, [{ remove: "group", id: group.name }, event])
}

export function groupByName({ live }: Pick<Needs, "live">, name: string): SavedGroup {
  const group = live.groups.get(name)
  if (group === undefined) throw new Refusal("no-such-group", { group: name })
  return group
}

/** Who would miss a group. */
function usersOf(needs: Needs, name: string): readonly string[] {
  const isNamed = (expression: string): boolean => namesGroup(needs, expression, name)
  const groups = [...needs.live.groups.values()].filter(
    ({ devices }) => devices.by === "filter" && isNamed(devices.filter),
  )
  const rollouts = [...needs.live.rollouts.values()].filter(({ rollout: { state, plan } }) => {
    const phases = plan.phases.flatMap(({ size }) => (size.kind === "group" ? [size.group] : []))
    return isLive(state) && [plan.group ?? "", ...phases].some((expression) => expression !== "" && isNamed(expression))
  })
  return [
    ...groups.map((one) => `the group ${one.name}`),
    ...rollouts.map(({ rollout }) => `the rollout ${rollout.id}`),
  ]
}

/** Whether an expression means something else without the group, or nothing at all. */
function namesGroup(needs: Needs, expression: string, name: string): boolean {
  const groups = new Map(needs.live.groups)
  groups.delete(name)
  try {
    fleetGroup({ ...needs, live: { groups } }, expression)
    return false
  } catch (error) {
    if (error instanceof Refusal) return true
    throw error
  }
}
