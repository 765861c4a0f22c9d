import type { JsonObject } from "../../../kit/json.ts"
import { numberOf } from "./offer.ts"
import type { RouteAnswer } from "../../routes.ts"
import { clientModel } from "../models.ts"
import { actionToStop, type DdiContact, json, link, mostCancelPolls, standingAction } from "./contact.ts"
import { writeMemory } from "./memory.ts"

/**
 * The root resource, which devices poll: how long to sleep, and at most one of `deploymentBase`, `cancelAction` and
 * `confirmationBase`; beside it `installedBase`, and `configData` while the server wants it.
 */
export function answerRoot(contact: DdiContact): RouteAnswer {
  const { memory, base, request, device, situation } = contact
  const links: Record<string, JsonObject> = {}
  const stop = actionToStop(contact)
  const standing = standingAction(contact)
  if (stop !== null) links["cancelAction"] = link(`${base}/cancelAction/${stop}`)
  else if (standing !== null) {
    const isWaiting = waitsForConfirmation(contact, standing.id)
    const resource = isWaiting ? "confirmationBase" : "deploymentBase"
    // A client that keeps what it has read comes again when the window opens or closes.
    const content = numberOf(`${standing.id}${resource}${standing.update.window ?? ""}`)
    links[resource] = link(`${base}/${resource}/${standing.id}?c=${content}`)
  }
  if (memory.installed !== null) links["installedBase"] = link(`${base}/installedBase/${memory.installed.id}`)
  if (memory.wantsConfig) links["configData"] = link(`${base}/configData`)
  const answer = json({ config: { polling: { sleep: memory.sleep } }, _links: links }, request)
  // Of a client that reports nothing the polls are the evidence, also those that are answered with 304.
  // One that waits for its window leaves the release alone because it was told to.
  const mayInstall = standing?.update.window !== "closed"
  const isNotice = situation.offered !== null && mayInstall && !clientModel(device.model).reports
  return { ...answer, isNotice, ...(stop === null ? {} : countCancelPoll(contact)) }
}

/** Whether an action is shown to be confirmed first. */
export function waitsForConfirmation({ memory }: DdiContact, id: string): boolean {
  if (!memory.asksFirst || memory.autoConfirm !== null) return false
  return memory.action?.id !== id || !memory.action.isConfirmed
}

function countCancelPoll({ memory, device }: DdiContact): Pick<RouteAnswer, "report"> {
  const { action } = memory
  if (action === null) return {}
  const cancelPolls = action.cancelPolls + 1
  const sentence = `${device.id} was asked ${mostCancelPolls} times to stop ${action.version} and did not answer; it is asked no more.`
  const note = { kind: "conversation.cancel-unanswered", basis: "concluded", sentence } as const
  const notes = cancelPolls < mostCancelPolls ? [] : [note]
  return { report: { familyState: writeMemory({ ...memory, action: { ...action, cancelPolls } }), notes } }
}
