import type { EvidenceKind } from "../../domain/evidence.ts"
import { latin1 } from "../../kit/bytes.ts"
import type { JsonObject } from "../../kit/json.ts"
import type { Family } from "../family.ts"
import type { OfferedImage } from "../offered-image.ts"
import type { DeviceReport } from "../report.ts"
import type { FileBody, RouteCaller, RouteSituation } from "../routes.ts"
import { askRoute, callerOf } from "./ask-route.testing.ts"
import type { SmallAnswer, SmallRequest } from "./small-http-server.testing.ts"

/** What ends an update, and with it its offer. */
const ends: ReadonlySet<EvidenceKind> = new Set(["installed", "install-failed", "declined"])

const credentials = { user: "ota", secret: "libelium" } as const

/** Whether a request is of the one device. */
function isCredential(caller: RouteCaller | null): boolean {
  if (caller?.by === "login") return caller.user === credentials.user
  return caller?.by === "device" && caller.id === "d1" && caller.secret === credentials.secret
}

/** The routes of any family, for one device: what the gateway and the fleet do with them, on memory. */
export class ContractRoutes {
  readonly #family: Family
  readonly #model: string
  readonly #origin: string
  #offered: OfferedImage | null = null
  #image: Uint8Array = new Uint8Array(0)
  #version = ""
  #offers = 0
  familyState: JsonObject = {}
  /** What the device has said that it runs. */
  running: string | null = null
  labels: Readonly<Record<string, string>> = {}
  readonly evidence: EvidenceKind[] = []
  filesServed = 0

  constructor({ family, model, origin }: { readonly family: Family; readonly model: string; readonly origin: string }) {
    this.#family = family
    this.#model = model
    this.#origin = origin
    const entered = family.http === undefined ? undefined : family.entry?.enter({ id: "d1" })
    if (entered !== undefined && "familyState" in entered) this.familyState = entered.familyState
  }

  /** How the device is set up, beside an FTP server at `ftp`. */
  deviceSettings(ftp: string): Readonly<Record<string, string>> {
    const { access } = this.#family
    const view = access.view({ id: "d1", access: credentials, deviceUrl: this.#origin })
    return access.settings(view, { "device-http": this.#origin.slice("http://".length), ftp })
  }

  offer(offered: OfferedImage | null, image: Uint8Array, version = ""): void {
    this.#offered = offered
    this.#image = image
    this.#version = version
    this.#offers += 1
  }

  answer({ method, url, headers, body }: SmallRequest): SmallAnswer | null {
    const asked = { method: method === "HEAD" ? "GET" : method, url, headers, body }
    const isKnown = isCredential(callerOf(this.#family, asked))
    const answer = askRoute(this.#family, asked, this.#situation())
    if (answer === null) return null
    if (!isKnown) return { status: 401, content: new Uint8Array(0) }
    if (method !== "HEAD") this.#take(answer.report)
    const { status, headers: own = {} } = answer
    if (answer.body === undefined) return { status, headers: own, content: new Uint8Array(0) }
    if ("text" in answer.body) {
      if (method !== "HEAD") this.#take(answer.afterRead)
      return { status, headers: { ...own, "Content-Type": answer.body.type }, content: latin1(answer.body.text) }
    }
    this.filesServed += 1
    return this.#file(answer.body, headers["range"])
  }

  #file({ image, part = { offset: 0, sizeBytes: image.sizeBytes }, entityTag }: FileBody, range?: string): SmallAnswer {
    const isOffered = image.sha256 === this.#offered?.image.sha256
    if (isOffered) this.familyState = this.#family.afterFetch(this.familyState, this.#offered?.offer ?? {}, image)
    const whole = this.#image.subarray(part.offset, part.offset + part.sizeBytes)
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0)
    const headers = { "Content-Type": "application/octet-stream", ETag: `"${entityTag}"` }
    if (range === undefined) return { status: 200, headers, content: whole }
    const span = `bytes ${from}-${part.sizeBytes - 1}/${part.sizeBytes}`
    return { status: 206, headers: { ...headers, "Content-Range": span }, content: whole.subarray(from) }
  }

  #situation(): Partial<RouteSituation> {
    return {
      device: {
        id: "d1",
        model: this.#model,
        labels: this.labels,
        familyState: this.familyState,
        runningVersion: this.running,
        isReported: this.running !== null,
        isPending: false,
      },
      offered: this.#offered,
      update:
        this.#offered === null
          ? null
          : { id: `o-1/d${this.#offers}`, state: "offered", version: this.#version, window: null },
      origin: this.#origin,
    }
  }

  #take(report: DeviceReport | undefined): void {
    if (report === undefined) return
    if (report.familyState !== undefined) {
      this.familyState = JSON.parse(JSON.stringify(report.familyState)) as JsonObject
    }
    if (report.running !== undefined) this.running = report.running
    if (report.labels !== undefined) this.labels = report.labels
    for (const { kind } of report.evidence ?? []) {
      this.evidence.push(kind)
      if (ends.has(kind)) this.#offered = null
    }
  }
}
