import { parseGroup } from "../../core/domain/group.ts"
import type { Group, GroupContext, GroupMember } from "../../core/domain/group-member.ts"
import { badGroup } from "../../core/domain/group-tokens.ts"
import type { SavedGroup } from "../../core/domain/records.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice, type LiveFleet, neverSeen } from "./live-fleet.ts"

type Needs = Pick<FleetNeeds, "families" | "clock"> & { readonly live: Pick<LiveFleet, "groups"> }

/** The group that an expression means in this fleet. Refuses `bad-group`. */
export function fleetGroup(needs: Needs, expression: string): Group {
  return parseGroup(expression, groupContext(needs, []))
}

/** The group that an expression means which must not name saved groups. Refuses `bad-group`. */
export function plainGroup(needs: Needs, expression: string): Group {
  const refuse = (name: string): never => {
    throw badGroup(`what somebody may touch is said by itself, not by the saved group ${name}, which others change`)
  }
  return parseGroup(expression, { ...groupContext(needs, []), savedGroup: refuse })
}

/** The devices of a saved group. Refuses `bad-group` where it names itself. */
export function membersOf(needs: Needs, { name, devices }: SavedGroup, within: readonly string[] = []): Group {
  if (within.includes(name))
    throw badGroup(`the saved groups ${[...within, name].join(", ")} name each other in a circle`)
  if (devices.by === "filter") return parseGroup(devices.filter, groupContext(needs, [...within, name]))
  const ids = listed(devices.ids)
  return ({ id }) => ids.has(id)
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

/** The ids of a list as a set, made once for each list. */
function listed(ids: readonly string[]): ReadonlySet<string> {
  const known = sets.get(ids) ?? new Set(ids)
  sets.set(ids, known)
  return known
}

/** `within`: the saved groups whose expressions lead here. */
function groupContext(needs: Needs, within: readonly string[]): GroupContext {
  const { families, clock, live } = needs
  const schemes = new Map(families.map(({ id, versions }) => [id, versions]))
  return {
    compareVersions: (family, a, b) => {
      const scheme = schemes.get(family)
      const [left, right] = [scheme?.parse(a), scheme?.parse(b)]
      if (scheme === undefined || left === undefined || right === undefined) return null
      return "version" in left && "version" in right ? scheme.compare(left.version, right.version) : null
    },
    now: clock.now,
    savedGroup: (name) => {
      const saved = live.groups.get(name)
      return saved === undefined ? null : membersOf(needs, saved, within)
    },
  }
}

/** The device as a group expression sees it. */
export function groupMember({ device, update, trouble, seenAt }: LiveDevice): GroupMember {
  const { id, family, model, labels, running } = device
  const state = update === null || isOver(update) ? trouble : update.progress.state
  return {
    id,
    family,
    model,
    labels,
    running: running.version,
    state,
    lastSeenAt: seenAt === neverSeen ? null : seenAt,
  }
}
