import { parseGroup } from "../../core/domain/group.ts"
import type { Group, GroupContext, GroupMember } from "../../core/domain/group-member.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice, neverSeen } from "./live-fleet.ts"

type Needs = Pick<FleetNeeds, "families" | "clock">

/** The group that an expression means in this fleet. Refuses `bad-group`. */
export function fleetGroup(needs: Needs, expression: string): Group {
  return parseGroup(expression, groupContext(needs))
}

function groupContext({ families, clock }: Needs): GroupContext {
  const schemes = new Map(families.map(({ id, versions }) => [id, versions]))
  return {
    compareVersions: (family, a, b) => {
      const scheme = schemes.get(family)
      const [left, right] = [scheme?.parse(a), scheme?.parse(b)]
      if (scheme === undefined || left === undefined || right === undefined) return null
      return "version" in left && "version" in right ? scheme.compare(left.version, right.version) : null
    },
    now: clock.now,
    savedGroup: () => null,
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
