import type { LabView } from "../../core/contract/schemas.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { removeDevice } from "../fleet/remove-device.ts"
import { actorOf } from "../people/caller.ts"
import type { ApiNeeds } from "./api-needs.ts"
import type { Handlers } from "./handler.ts"
import type { Lab } from "./lab.ts"

/** The label of devices that were started to practise on. */
const practiceLabel = "practice"

/** Virtual devices beside the server, for those who want to see an update before they own a device. */
export function labHandlers(needs: ApiNeeds): Pick<Handlers, "showLab" | "startPractice" | "endPractice"> {
  return {
    showLab: () => view(needs.lab),
    startPractice: ({ body: { families, devices = 5 } }) => {
      const lab = demand(needs.lab)
      const unknown = families.find((id) => !lab.families.some(({ family }) => family === id))
      if (unknown !== undefined) {
        const known = lab.families.map(({ family }) => family).join(", ")
        throw new Refusal("no-such-family", { family: unknown, known })
      }
      const { state } = lab.practice() ?? { state: "ended" }
      if (state !== "ended") throw new Refusal("lab-busy")
      lab.start({ families: [...new Set(families)], devices })
      return view(lab)
    },
    endPractice: async (_call, caller) => {
      const lab = demand(needs.lab)
      await lab.end()
      const mine = [...needs.live.devices.values()].filter(({ device }) => device.labels[practiceLabel] === "yes")
      for (const { device } of mine) await removeDevice({ ...needs, actor: actorOf(caller) }, device.id)
      return view(lab)
    },
  }
}

function demand(lab: Lab | null): Lab {
  if (lab === null) throw new Refusal("lab-off")
  return lab
}

function view(lab: Lab | null): LabView {
  return {
    isAllowed: lab !== null,
    families: lab === null ? [] : [...lab.families],
    practice: lab?.practice() ?? null,
  }
}
