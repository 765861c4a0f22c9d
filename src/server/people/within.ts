import type { Permit, Reach } from "../../core/contract/permit.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { Group, GroupMember } from "../../core/domain/group-member.ts"
import type { Device } from "../../core/domain/records.ts"
import { reaches } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import { fleetGroup, groupMember } from "../fleet/group-context.ts"
import type { Caller } from "./caller.ts"
import { withLabels } from "../fleet/set-device.ts"
import { callerText } from "./caller.ts"

/** What `eventsFor` needs. */
export type EventsForNeeds = Needs

type Needs = Pick<FleetNeeds, "live" | "store" | "families" | "clock">

/** The parts of a call that a group can have a say in. */
export interface LimitedCall {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

/** Role, and what can be said without the call's parts: asked before a byte of a body is read. Throws `Refusal`. */
export function demandRole(caller: Caller, { role, reach }: Permit): void {
  if (!reaches(caller.role, role)) {
    throw new Refusal("not-allowed", { needed: role, who: callerText(caller), role: caller.role })
  }
  if (reach === "fleet" && caller.group !== null) {
    throw new Refusal("whole-fleet-only", { who: callerText(caller), group: caller.group })
  }
}

/** The devices that a caller sees and touches. */
export function devicesOf(
  needs: Pick<FleetNeeds, "families" | "clock" | "live">,
  { group }: Pick<Caller, "group">,
): Group {
  return group === null ? () => true : fleetGroup(needs, group)
}

/**
 * Whether an event may be told to a caller. With a group: what names a device of it, and what became of releases and rollouts
 * as a whole. Logins, tokens and enrolments are told to those alone who have the whole fleet; what people do about each other,
 * to admins.
 */
export function eventsFor(needs: Needs, caller: Caller): (event: WaftEvent) => boolean {
  const isForAdmins = ({ kind }: WaftEvent): boolean => /^(token|user|session|secret|webhook|approval)\./.test(kind)
  const isMine = devicesOf(needs, caller)
  return (event) => {
    if (isForAdmins(event)) return caller.role === "admin"
    if (caller.group === null) return true
    const { deviceId } = event
    if (deviceId === null) return /^(release|rollout)\./.test(event.kind)
    const live = needs.live.devices.get(deviceId)
    return live !== undefined && isMine(groupMember(live))
  }
}

/** Holds a call to the caller's group; gives the call as it is to be done. Throws `Refusal`. */
export async function withinGroup<Call extends LimitedCall>(
  needs: Needs,
  caller: Caller,
  reach: Reach,
  call: Call,
): Promise<Call> {
  if (caller.group === null) return call
  const limit: Limit = { needs, caller, group: caller.group, isWithin: devicesOf(needs, caller) }
  return limits[reach](limit, call) as Call | Promise<Call>
}

interface Limit {
  readonly needs: Needs
  readonly caller: Caller
  readonly group: string
  readonly isWithin: Group
}

type Held = (limit: Limit, call: LimitedCall) => LimitedCall | Promise<LimitedCall>

const limits: Readonly<Record<Reach, Held>> = {
  everything: (_limit, call) => call,
  // The answer is made for this caller.
  listed: (_limit, call) => call,
  fleet: (_limit, call) => call,
  device: ({ needs, isWithin }, call) => {
    const { id } = call.params as { readonly id: string }
    const live = needs.live.devices.get(id)
    if (live !== undefined && !isWithin(groupMember(live))) throw new Refusal("no-such-device", { device: id })
    return call
  },
  "new-devices": (limit, call) => {
    const given = Array.isArray(call.body) ? (call.body as readonly NewMember[]) : [call.body as NewMember]
    demandAll(limit, given.map(memberOf))
    return call
  },
  // What a plan chooses shows when it is read: `withinReach`.
  chosen: (_limit, call) => call,
  rollout: async (limit, call) => {
    const { live, store } = limit.needs
    const updates = await store.updatesOfRollout((call.params as { readonly id: string }).id)
    demandAll(
      limit,
      updates.flatMap(({ deviceId }) => {
        const device = live.devices.get(deviceId)
        return device === undefined ? [] : [groupMember(device)]
      }),
    )
    return call
  },
}

/** Holds what a plan chooses to the caller's group. Throws `Refusal`. */
export function withinReach<Choice extends { readonly group: string | null }>(
  needs: Needs,
  caller: Caller,
  choice: Choice,
): Choice {
  const { group } = caller
  if (group === null) return choice
  if (choice.group === null) return { ...choice, group }
  const isChosen = fleetGroup(needs, choice.group)
  const members = [...needs.live.devices.values()].map(groupMember).filter(isChosen)
  demandAll({ needs, caller, group, isWithin: devicesOf(needs, caller) }, members)
  // What the expression means may change until it is looked at again.
  return { ...choice, group: `(${choice.group}) and (${group})` }
}

/** Holds devices that were chosen before to the caller's group. Throws `Refusal`. */
export function demandMine(
  needs: Needs,
  caller: Caller,
  chosen: readonly { readonly device: Pick<Device, "id"> }[],
): void {
  if (caller.group === null) return
  const members = chosen.flatMap(({ device }) => needs.live.devices.get(device.id) ?? []).map(groupMember)
  demandAll({ needs, caller, group: caller.group, isWithin: devicesOf(needs, caller) }, members)
}

/** Bars a caller from giving a device labels or a model with which it would leave their group. Throws `Refusal`. */
export function demandStays(
  needs: Needs,
  caller: Caller,
  id: string,
  { labels, model }: { readonly labels?: Readonly<Record<string, string | null>>; readonly model?: string },
): void {
  const live = needs.live.devices.get(id)
  if (caller.group === null || live === undefined) return
  const before = groupMember(live)
  const after = { ...before, labels: withLabels(before.labels, labels), model: model ?? before.model }
  demandAll({ needs, caller, group: caller.group, isWithin: devicesOf(needs, caller) }, [after])
}

function demandAll({ isWithin, group, caller }: Limit, members: readonly GroupMember[]): void {
  const count = members.filter((member) => !isWithin(member)).length
  if (count > 0) throw new Refusal("outside-group", { count, group, who: callerText(caller) })
}

interface NewMember extends Pick<GroupMember, "id" | "family" | "model"> {
  readonly labels?: Readonly<Record<string, string>>
  readonly running?: string
}

/** A device as it would be right after it was added. */
function memberOf({ id, family, model, labels = {}, running = "" }: NewMember): GroupMember {
  return { id, family, model, labels, running: running === "" ? null : running, state: null, lastSeenAt: null }
}
