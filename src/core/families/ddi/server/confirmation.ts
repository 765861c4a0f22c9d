import type { JsonObject } from "../../../kit/json.ts"
import { notFound, type RouteAnswer } from "../../routes.ts"
import { readConfirmation } from "../codec/feedback.ts"
import { cleanText } from "../../../kit/clean-text.ts"
import { objectOf } from "../codec/json-text.ts"
import { badRequest, type DdiContact, done, gone, json, link, standingAction } from "./contact.ts"
import { deploymentOf, historyOf } from "./deployment.ts"
import { writeMemory } from "./memory.ts"
import { waitsForConfirmation } from "./root.ts"

/** Whether updates are confirmed by themselves, where that is switched, and what waits for a word. */
export function answerConfirmation(contact: DdiContact): RouteAnswer {
  const { memory, base, request } = contact
  const { autoConfirm } = memory
  const url = `${base}/confirmationBase`
  const links: Record<string, JsonObject> =
    autoConfirm === null
      ? { activateAutoConfirm: link(`${url}/activateAutoConfirm`) }
      : { deactivateAutoConfirm: link(`${url}/deactivateAutoConfirm`) }
  const standing = standingAction(contact)
  if (standing !== null && waitsForConfirmation(contact, standing.id)) {
    links["confirmationBase"] = link(`${url}/${standing.id}`)
  }
  const { initiator = "", remark = "", at = 0 } = autoConfirm ?? {}
  const state = autoConfirm === null ? { active: false } : { active: true, initiator, remark, activatedAt: at }
  return json({ autoConfirm: state, _links: links }, request)
}

/** What waits for the device's word. */
export function answerConfirmationAction(contact: DdiContact): RouteAnswer {
  const { request, memory } = contact
  const standing = standingAction(contact)
  if (standing === null || standing.id !== request.params["action"]) return notFound
  const history = historyOf(contact, memory.action, "WAIT_FOR_CONFIRMATION")
  const confirmation = deploymentOf(contact, standing.offered, standing.update.window)
  return json({ id: standing.id, confirmation, ...history }, request)
}

/** The device agrees, or not yet: what it denies goes on waiting, as the protocol has it. */
export function answerConfirmationFeedback(contact: DdiContact): RouteAnswer {
  const { request, memory } = contact
  const said = readConfirmation(request.body)
  if ("fault" in said) return badRequest(said.fault)
  const standing = standingAction(contact)
  const id = request.params["action"] ?? ""
  if (standing?.id !== id) return memory.closed.includes(id) ? gone : notFound
  if (!waitsForConfirmation(contact, id)) return gone
  const { version } = standing.update
  const words = said.details.length === 0 ? "" : `: ${said.details.join("; ")}`
  if (!said.isConfirmed) {
    const sentence = `The device does not agree to ${version}${words}; it is asked again until it does.`
    return { ...done, report: { evidence: [{ kind: "offer-read", basis: "reported", sentence }] } }
  }
  const sentence = `The device agrees to ${version}${words}.`
  const action = {
    id,
    updateId: standing.update.id,
    version,
    isConfirmed: true,
    keepsOn: false,
    cancelPolls: 0,
    messages: said.details,
  }
  return {
    ...done,
    report: { evidence: [{ kind: "accepted", sentence }], familyState: writeMemory({ ...memory, action }) },
  }
}

/** Every update is confirmed by itself from now on. */
export function answerActivate({ memory, request, situation, device }: DdiContact): RouteAnswer {
  const value = request.body.length === 0 ? {} : (objectOf(request.body) as Readonly<Record<string, unknown>>)
  const text = (key: string, fallback: string): string => {
    const given = value[key]
    return typeof given === "string" ? cleanText(given.trim(), "words") : fallback
  }
  const autoConfirm = { initiator: text("initiator", device.id), remark: text("remark", ""), at: situation.now }
  return { ...done, report: { familyState: writeMemory({ ...memory, autoConfirm }) } }
}

/** Every further update waits for the device's word. */
export function answerDeactivate({ memory }: DdiContact): RouteAnswer {
  return { ...done, report: { familyState: writeMemory({ ...memory, autoConfirm: null, asksFirst: true }) } }
}
