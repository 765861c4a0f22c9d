import type { GroupView } from "../../core/contract/schemas.ts"
import type { SavedGroup } from "../../core/domain/records.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import { previewCosts } from "../fleet/preview-costs.ts"
import { previewGroup } from "../fleet/preview-group.ts"
import { groupByName, removeGroup, saveGroup } from "../fleet/saved-groups.ts"
import { actorOf } from "../people/caller.ts"
import { withinReach } from "../people/within.ts"
import type { Handlers } from "./handler.ts"
import { planOfBody } from "./rollout-order.ts"

/** Saved groups, and what is looked at before anything is started: who is in a group, what a rollout takes. */
export function groupHandlers(
  needs: FleetNeeds,
): Pick<Handlers, "previewCosts" | "listGroups" | "showGroup" | "saveGroup" | "removeGroup" | "previewGroup"> {
  const nameOf = (params: unknown): string => (params as { readonly name: string }).name
  return {
    listGroups: () => [...needs.live.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(groupView),
    showGroup: ({ params }) => groupView(groupByName(needs, nameOf(params))),
    saveGroup: async ({ params, body }, caller) =>
      groupView(await saveGroup({ ...needs, actor: actorOf(caller) }, nameOf(params), body)),
    removeGroup: async ({ params }, caller) => {
      await removeGroup({ ...needs, actor: actorOf(caller) }, nameOf(params))
      return { name: nameOf(params) }
    },
    previewCosts: async ({ body }, caller) => {
      const { phases, ...rest } = await previewCosts(needs, withinReach(needs, caller, planOfBody(body)))
      return { ...rest, phases: [...phases] }
    },
    previewGroup: async ({ body }, caller) => {
      const { group } = withinReach(needs, caller, { group: body.group ?? null })
      const { ids, models, versions, cannot, ...rest } = await previewGroup(needs, {
        group,
        releaseIds: body.releaseIds ?? [],
      })
      return {
        ...rest,
        ids: [...ids],
        models: [...models],
        versions: [...versions],
        cannot: cannot.map((reason) => ({ ...reason, ids: [...reason.ids] })),
      }
    },
  }
}

function groupView({ name, devices, changedAt }: SavedGroup): GroupView {
  return {
    name,
    filter: devices.by === "filter" ? devices.filter : null,
    listed: devices.by === "list" ? devices.ids.length : null,
    changedAt,
  }
}
