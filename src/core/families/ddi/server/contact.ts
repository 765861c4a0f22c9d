import { hex, latin1 } from "../../../kit/bytes.ts"
import type { Json, JsonObject } from "../../../kit/json.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { OfferedImage } from "../../offered-image.ts"
import type { RouteAnswer, RouteDevice, RouteRequest, RouteSituation, RouteUpdate } from "../../routes.ts"
import { jsonText } from "../codec/json-text.ts"
import type { Memory } from "./memory.ts"
import { actionOf } from "./offer.ts"

/** One request of a device that is known. */
export interface DdiContact {
  readonly situation: RouteSituation
  readonly request: RouteRequest
  readonly device: RouteDevice
  readonly memory: Memory
  /** URL of its root resource, as it came. */
  readonly base: string
}

/** The action that stands for the device. */
export interface StandingAction {
  readonly id: string
  readonly update: RouteUpdate
  readonly offered: OfferedImage
}

/** What the device is to do now; null = nothing. */
export function standingAction({
  situation: { offered, update },
}: Pick<DdiContact, "situation">): StandingAction | null {
  if (offered === null || update === null) return null
  return { id: actionOf(update.id, offered.image), update, offered }
}

/** The action that the device has read and that does not stand any more; null = it has nothing to stop. */
export function actionToStop({ situation, memory, device }: DdiContact): string | null {
  const { action } = memory
  if (action === null || action.keepsOn || action.cancelPolls >= mostCancelPolls) return null
  if (standingAction({ situation })?.id === action.id) return null
  // Its rollout is paused, or its update is planned anew: nothing was taken back.
  if (situation.update?.id === action.updateId) return null
  return device.runningVersion === action.version ? null : action.id
}

/** A client that does not know how to stop is not asked for ever. */
export const mostCancelPolls = 20

/** A JSON answer with its ETag; 304 where the device has it. */
export function json(value: Json, { headers }: Pick<RouteRequest, "headers">): RouteAnswer {
  const text = jsonText(value)
  const tag = `"${hex(sha256(latin1(text))).slice(0, 24)}"`
  const known = (headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""))
  if (known.includes(tag)) return { status: 304, headers: { ETag: tag } }
  return { status: 200, headers: { ETag: tag }, body: { type: "application/json", text } }
}

/** A resource that the answer links to. */
export function link(href: string): JsonObject {
  return { href }
}

export const done: RouteAnswer = { status: 200 }

export function badRequest(why: string): RouteAnswer {
  const text = jsonText({ errorCode: "bad-request", message: why })
  return { status: 400, body: { type: "application/json", text } }
}

/** The action is over. */
export const gone: RouteAnswer = {
  status: 410,
  body: { type: "application/json", text: jsonText({ errorCode: "gone", message: "the action is closed" }) },
}
