import {
  decoded,
  type HttpSide,
  notFound,
  type Route,
  type RouteAnswer,
  type RouteCaller,
  type RouteRequest,
  type RouteSituation,
} from "../../routes.ts"
import { freshMemory, readMemory, writeMemory } from "./memory.ts"
import { answerArtifact, answerArtifacts } from "./artifacts.ts"
import {
  answerActivate,
  answerConfirmation,
  answerConfirmationAction,
  answerConfirmationFeedback,
  answerDeactivate,
} from "./confirmation.ts"
import {
  answerCancel,
  answerCancelFeedback,
  answerDeployment,
  answerFeedback,
  answerInstalled,
  answerOffline,
} from "./actions.ts"
import { answerConfigData } from "./config-data.ts"
import { answerRoot } from "./root.ts"
import type { DdiContact } from "./contact.ts"

/** Feedback and attributes are small; hawkBit itself takes no more details than this holds. */
const bodyBytes = 64 * 1024

type Answer = (contact: DdiContact) => RouteAnswer

const base = "/:tenant/controller/v1/:id"

const unauthorized: RouteAnswer = {
  status: 401,
  headers: { "WWW-Authenticate": "TargetToken, GatewayToken" },
  body: { type: "text/plain", text: "the token and the device do not belong together\n" },
}

/** The routes of the protocol. Who is asked is found before any of them is called. */
export const httpSide: HttpSide = {
  routes: [
    { ...get("", answerRoot), isPoll: true },
    get("/deploymentBase/:action", answerDeployment),
    post("/deploymentBase/:action/feedback", answerFeedback),
    get("/cancelAction/:action", answerCancel),
    post("/cancelAction/:action/feedback", answerCancelFeedback),
    get("/installedBase/:action", answerInstalled),
    { ...post("/installedBase", answerOffline), method: "PUT" },
    get("/confirmationBase", answerConfirmation),
    get("/confirmationBase/:action", answerConfirmationAction),
    post("/confirmationBase/:action/feedback", answerConfirmationFeedback),
    post("/confirmationBase/activateAutoConfirm", answerActivate),
    post("/confirmationBase/deactivateAutoConfirm", answerDeactivate),
    { ...post("/configData", answerConfigData), method: "PUT" },
    get("/softwaremodules/:module/artifacts", answerArtifacts),
    get("/softwaremodules/:module/artifacts/:file", answerArtifact),
  ],
}

function get(path: string, answer: Answer): Route {
  return {
    method: "GET",
    path: `${base}${path}`,
    headers: ["authorization", "if-none-match"],
    caller: callerOf,
    stranger: unauthorized,
    answer: (situation, request) => answerDevice(answer, situation, request),
  }
}

function post(path: string, answer: Answer): Route {
  return { ...get(path, answer), method: "POST", bodyBytes }
}

/** `TargetToken` is of one device, `GatewayToken` of whoever speaks for all of a tenant; without either a certificate says who it is. */
function callerOf({ params, headers }: RouteRequest): RouteCaller | null {
  const id = decoded(params["id"] ?? "")
  const tenant = params["tenant"] ?? ""
  const { authorization } = headers
  if (authorization === undefined) return { by: "certificate", id }
  const [, scheme = "", token = ""] = /^(\w+) +(\S{1,200})$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === "targettoken") return { by: "device", id, secret: token }
  if (scheme.toLowerCase() !== "gatewaytoken") return null
  return {
    by: "enrolment",
    token,
    id,
    model: "other",
    familyState: writeMemory({ ...freshMemory, tenant }),
    fits: (labels, familyState) =>
      isSameTenant(labels["tenant"] ?? freshMemory.tenant, tenant) &&
      isSameTenant(readMemory(familyState).tenant, tenant),
  }
}

function isSameTenant(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function answerDevice(answer: Answer, situation: RouteSituation, request: RouteRequest): RouteAnswer {
  const { device } = situation
  if (device === null) return notFound
  const memory = readMemory(device.familyState)
  const tenant = request.params["tenant"] ?? ""
  if (!isSameTenant(memory.tenant, tenant)) return notFound
  return answer({
    situation,
    request,
    device,
    memory,
    base: `${situation.origin}/${tenant}/controller/v1/${device.id}`,
  })
}
