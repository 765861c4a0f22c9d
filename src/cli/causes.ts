import type { CauseView } from "../core/contract/schemas.ts"
import type { ApiClient } from "./api-client.ts"
import { printLines, printTable } from "./output.ts"

/** Reasons that are shown; there may be as many as devices. */
const mostShown = 20

/** Why a rollout's devices are not done: each reason once, the one of most devices first. */
export async function causesOf(api: ApiClient, id: string): Promise<readonly CauseView[]> {
  const query = { sort: "-devices" as const }
  return (await api.some("rolloutCauses", { params: { id }, query }, mostShown)).items
}

/** Prints nothing where every device is done. */
export async function printCauses(api: ApiClient, id: string): Promise<void> {
  const causes = await causesOf(api, id)
  if (causes.length === 0) return
  printTable(
    causes,
    [
      { title: "DEVICES", text: ({ devices }) => String(devices) },
      { title: "STATE", text: ({ state }) => state },
      { title: "REASON", text: ({ code }) => code ?? "-" },
      { title: "MODELS", text: ({ models }) => models.map(({ value, devices }) => `${devices} ${value}`).join(", ") },
      { title: "EXAMPLE", text: ({ example }) => example },
      { title: "WHY", text: ({ sentence }) => sentence },
    ],
    "",
  )
  printLines(`\`waft rollout show ${id} --state STATE --reason REASON\` names the devices of one.`)
}
