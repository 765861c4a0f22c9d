import type { UpdateState } from "../domain/update.ts"
import type { JsonObject } from "../kit/json.ts"
import type { OfferedImage } from "./offered-image.ts"
import type { DeviceReport } from "./report.ts"

/** What devices of a family ask of the device HTTP listener, by routes of the family's own. */
export interface HttpSide {
  /** No request may fit two routes, of this family or another: a test looks. */
  readonly routes: readonly Route[]
  /** Longest scheme, host and port of this server that devices can take, and why; absent = any. */
  readonly longestOrigin?: { readonly chars: number; readonly why: string }
}

export type RouteMethod = "GET" | "POST" | "PUT" | "DELETE"

export interface Route {
  /** A GET is also answered to HEAD, without its body and without consequences. */
  readonly method: RouteMethod
  /**
   * `/v/:token`: each segment stands for itself, is a parameter (`:token`, 1 to 200 characters), or ends in one
   * (`file-:name`). Nothing is decoded.
   */
  readonly path: string
  /** Headers that the route looks at, lower case. */
  readonly headers?: readonly string[]
  /** Longest body that it takes, bytes; absent = none. */
  readonly bodyBytes?: number
  /**
   * Nearly every request is this one: as long as offer, memory and request are the same it is answered again from memory.
   * Its answer does not depend on `now`.
   */
  readonly isPoll?: true
  /** Who it says that it is, before anything of it is believed; null = nobody that could be known. Pure. */
  readonly caller: (request: RouteRequest) => RouteCaller | null
  /** Pure: the same situation and request give the same answer. */
  readonly answer: (situation: RouteSituation, request: RouteRequest) => RouteAnswer
  /** What one who is not known, or may not ask this, is told; absent = 404, as where nothing is. */
  readonly stranger?: RouteAnswer
}

export interface RouteRequest {
  readonly method: RouteMethod
  /** Values of the path's parameters, as they came. */
  readonly params: Readonly<Record<string, string>>
  /** Behind the question mark; nothing is decoded. */
  readonly query: string
  /** Those that the route looks at and the request has. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export type RouteCaller =
  /** A login by its user alone, where the user is a secret in a URL; or with its secret. A channel has logins too. */
  | { readonly by: "login"; readonly user: string; readonly secret?: string }
  /** A device by its id and its secret. */
  | { readonly by: "device"; readonly id: string; readonly secret: string }
  /** A device by its id, whose name the listener has read in a certificate that it trusts. */
  | { readonly by: "certificate"; readonly id: string }
  /** Somebody who may speak for the devices of an enrolment: one that is not known is added. */
  | {
      readonly by: "enrolment"
      /** The enrolment's token, whole. */
      readonly token: string
      readonly id: string
      /** The model of a device that is added. */
      readonly model: string
      /** What is remembered of a device that is added. */
      readonly familyState: JsonObject
      /** Whether the enrolment is for this device, by its labels and what is remembered of the device. */
      readonly fits: (labels: Readonly<Record<string, string>>, familyState: JsonObject) => boolean
    }

/** What is known when a request is answered. */
export interface RouteSituation {
  /** Null = a channel. */
  readonly device: RouteDevice | null
  /** What it gets now; null = nothing. */
  readonly offered: OfferedImage | null
  /** The update that stands for the device, whether it may go on or is held; null = none, or one that is over. */
  readonly update: RouteUpdate | null
  /** Scheme, host and port as the device reaches this server. */
  readonly origin: string
  /** Ms since 1970 UTC. */
  readonly now: number
}

export interface RouteDevice {
  readonly id: string
  readonly model: string
  readonly labels: Readonly<Record<string, string>>
  readonly familyState: JsonObject
  readonly runningVersion: string | null
  readonly isReported: boolean
  readonly isPending: boolean
}

export interface RouteUpdate {
  readonly id: string
  readonly state: UpdateState
  /** The release's version. */
  readonly version: string
  /** The plan's maintenance window as the device's own clock has it now; null = the plan has none. */
  readonly window: "open" | "closed" | null
}

export interface RouteAnswer {
  readonly status: number
  /** Beside length and type. */
  readonly headers?: Readonly<Record<string, string>>
  /** Absent = none. */
  readonly body?: TextBody | FileBody
  /** The body tells of the offer; that it was read whole is a fact about the device. */
  readonly isNotice?: boolean
  /** Made durable before the answer leaves. */
  readonly report?: DeviceReport
  /** Made durable once the answer was handed over whole. */
  readonly afterRead?: DeviceReport
}

export interface TextBody {
  readonly type: string
  /** Latin-1: one character, one byte. */
  readonly text: string
}

/** A file, or one of several that stand one behind another in an image; with ranges, by the server. */
export interface FileBody {
  readonly type: string
  /** The image of the offer, or one that belongs to it. */
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
  /** Where in the image the file stands; absent = it is the whole. */
  readonly part?: { readonly offset: number; readonly sizeBytes: number }
  /** Names the content in `ETag`, without quotes. */
  readonly entityTag: string
}

/** Nothing is there. */
export const notFound: RouteAnswer = { status: 404, body: { type: "text/plain", text: "not found\n" } }

/** Values of a query string, the last of each name; percent signs and `+` as in forms. */
export function queryOf(query: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const pair of query.split("&").slice(0, 100)) {
    const at = pair.indexOf("=")
    const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)]
    if (name !== "") values[decoded(name)] = decoded(value)
  }
  return values
}

/** A percent-encoded text; one that is none stays as it is. */
export function decoded(text: string): string {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return text
  }
}
