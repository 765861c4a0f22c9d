import { notFound, type RouteAnswer } from "../../routes.ts"
import type { DeviceReport } from "../../report.ts"
import { cleanText } from "../../../kit/clean-text.ts"
import { objectOf } from "../codec/json-text.ts"
import { type Feedback, readFeedback } from "../codec/feedback.ts"
import { versions } from "../versions.ts"
import {
  actionToStop,
  badRequest,
  type DdiContact,
  done,
  gone,
  json,
  type StandingAction,
  standingAction,
} from "./contact.ts"
import { deploymentOf, historyOf } from "./deployment.ts"
import { type KnownAction, withClosed, withMessages, writeMemory } from "./memory.ts"
import { meaningOf } from "./meanings.ts"
import { waitsForConfirmation } from "./root.ts"

/** What there is to do. That the device has read it is remembered: from then on it is told when it is taken back. */
export function answerDeployment(contact: DdiContact): RouteAnswer {
  const { request, memory } = contact
  const standing = standingAction(contact)
  if (standing === null || standing.id !== request.params["action"]) return notFound
  if (waitsForConfirmation(contact, standing.id)) return notFound
  const action = knownAction(contact, standing)
  const deployment = deploymentOf(contact, standing.offered, standing.update.window)
  const history = historyOf(contact, action, "RUNNING")
  const answer = json({ id: standing.id, deployment, ...history }, request)
  if (memory.action?.id === standing.id) return answer
  const sentence = `The client has read what to do for ${standing.update.version} and should fetch it now.`
  const evidence = [{ kind: "offer-read", basis: "observed", sentence }] as const
  return { ...answer, report: { evidence, familyState: writeMemory({ ...memory, action }) } }
}

/** The action as the device knows it from now on. */
function knownAction({ memory }: DdiContact, { id, update }: StandingAction): KnownAction {
  if (memory.action?.id === id) return memory.action
  return {
    id,
    updateId: update.id,
    version: update.version,
    isConfirmed: false,
    keepsOn: false,
    cancelPolls: 0,
    messages: [],
  }
}

/** What the device says of its action. */
export function answerFeedback(contact: DdiContact): RouteAnswer {
  const { request, memory } = contact
  const feedback = readFeedback(request.body)
  if ("fault" in feedback) return badRequest(feedback.fault)
  const id = request.params["action"] ?? ""
  const standing = standingAction(contact)
  if (standing?.id === id && !memory.closed.includes(id))
    return { ...done, report: reportOf(contact, standing, feedback) }
  if (memory.action?.id !== id) return memory.closed.includes(id) ? gone : notFound
  if (actionToStop(contact) === id && !isEnd(feedback)) return gone
  return { ...done, report: lateReport(contact, memory.action, feedback) }
}

const isEnd = ({ execution }: Feedback): boolean => execution === "closed"

function reportOf(contact: DdiContact, standing: StandingAction, feedback: Feedback): DeviceReport {
  const { memory } = contact
  const { id, offered, update } = standing
  const evidence = meaningOf(feedback, update)
  const action = withMessages(knownAction(contact, standing), messagesOf(feedback))
  const percent = feedback.percent === null ? {} : { percent: feedback.percent }
  if (!isEnd(feedback) && feedback.execution !== "canceled") {
    return { evidence, ...percent, familyState: writeMemory({ ...memory, action }) }
  }
  const closed = withClosed(memory, id)
  if (!isEnd(feedback) || feedback.finished === "failure") return { evidence, familyState: writeMemory(closed) }
  const installed = { id, offer: offered.offer, image: { ...offered.image } }
  // What it is may have changed with what it runs.
  const familyState = writeMemory({ ...closed, installed, wantsConfig: true })
  return { evidence, running: update.version, familyState }
}

/** The update was taken back, and the device has come to the end of it all the same. */
function lateReport({ memory, device }: DdiContact, action: KnownAction, feedback: Feedback): DeviceReport {
  if (!isEnd(feedback)) {
    return { familyState: writeMemory({ ...memory, action: withMessages(action, messagesOf(feedback)) }) }
  }
  const isInstalled = feedback.finished !== "failure"
  const end = isInstalled ? "has installed" : "has failed to install"
  const sentence = `${device.id} ${end} ${action.version}, which was taken back before.`
  return {
    familyState: writeMemory(withClosed(memory, action.id)),
    notes: [{ kind: "conversation.late-end", basis: "reported", sentence }],
    ...(isInstalled ? { running: action.version } : {}),
  }
}

function messagesOf({ execution, finished, details }: Feedback): readonly string[] {
  return details.length > 0 ? details : [`${execution} (${finished})`]
}

/** What the device is to stop. */
export function answerCancel(contact: DdiContact): RouteAnswer {
  const id = contact.request.params["action"] ?? ""
  if (actionToStop(contact) !== id) return notFound
  return json({ id, cancelAction: { stopId: id } }, contact.request)
}

/** Whether the device has stopped: only `closed` without failure says so; `canceled` is no acceptance here. */
export function answerCancelFeedback(contact: DdiContact): RouteAnswer {
  const { request, memory, device } = contact
  const feedback = readFeedback(request.body)
  if ("fault" in feedback) return badRequest(feedback.fault)
  const { action } = memory
  const id = request.params["action"] ?? ""
  if (action?.id !== id) return memory.closed.includes(id) ? gone : notFound
  const words = messagesOf(feedback).join("; ")
  if (isEnd(feedback) && feedback.finished !== "failure") {
    const sentence = `${device.id} has stopped ${action.version}: ${words}.`
    return {
      ...done,
      report: {
        familyState: writeMemory(withClosed(memory, id)),
        notes: [{ kind: "conversation.cancel-accepted", basis: "reported", sentence }],
      },
    }
  }
  if (feedback.execution !== "rejected" && !isEnd(feedback)) {
    return { ...done, report: { familyState: writeMemory({ ...memory, action: withMessages(action, [words]) }) } }
  }
  const sentence = `${device.id} does not stop ${action.version}: ${words}. It goes on and says how that ends.`
  return {
    ...done,
    report: {
      familyState: writeMemory({ ...memory, action: { ...action, keepsOn: true } }),
      notes: [{ kind: "conversation.cancel-rejected", basis: "reported", sentence }],
    },
  }
}

/** What the device has installed last, to be fetched again if need be. */
export function answerInstalled(contact: DdiContact): RouteAnswer {
  const { request, memory } = contact
  const { installed } = memory
  if (installed === null || installed.id !== request.params["action"]) return notFound
  return json({ id: installed.id, deployment: deploymentOf(contact, installed) }, request)
}

/** The device says what it runs, by whatever way that came to it. */
export function answerOffline({ request }: DdiContact): RouteAnswer {
  const value = objectOf(request.body) as Readonly<Record<string, unknown>>
  const { version } = value
  const parsed = typeof version === "string" ? versions.parse(cleanText(version.trim(), "version")) : null
  if (parsed === null || "fault" in parsed) return badRequest("version is missing, or is none")
  return { ...done, report: { running: parsed.version } }
}
