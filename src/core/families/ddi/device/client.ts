import { fromLatin1, hex, latin1 } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import { type Body, type DeviceFiles, LinkError } from "../../body.ts"
import type { DeviceRun } from "../../family.ts"
import { clientModel, type ClientModel } from "../models.ts"
import type { ResultCode } from "../result-codes.ts"
import type { ClientFault } from "./faults.ts"
import { ask, type ClientAnswer } from "./http-client.ts"
import { Slots } from "./slots.ts"

/** What ends a contact before its end. */
export class Ended extends Error {
  override readonly name = "Ended"
  readonly code: ResultCode

  constructor(code: ResultCode) {
    super(code)
    this.code = code
  }
}

export interface Artifact {
  readonly filename: string
  readonly hashes: { readonly sha256: string }
  readonly size: number
  readonly _links: Readonly<Record<string, { readonly href: string }>>
}

/** `deploymentBase`, as far as a client looks at it. */
export interface Deployment {
  readonly id: string
  readonly deployment: {
    readonly download: string
    readonly update: string
    readonly chunks: readonly { readonly version: string; readonly artifacts: readonly Artifact[] }[]
  }
}

const timeoutMs = 10_000
const downloadTries = 3

/** A client on a gateway: what it has, and how it asks. */
export class DdiClient {
  readonly body: Body
  readonly model: ClientModel
  readonly fault: ClientFault
  readonly slots: Slots
  readonly #server: Readonly<Record<string, string>>
  readonly #files: DeviceFiles
  readonly #speed: number

  private constructor(body: Body, run: DeviceRun, fault: ClientFault, parts: { slots: Slots; files: DeviceFiles }) {
    this.body = body
    this.model = clientModel(run.model)
    this.fault = fault
    this.slots = parts.slots
    this.#files = parts.files
    this.#server = run.server
    this.#speed = run.speed
  }

  static async open(body: Body, run: DeviceRun, fault: ClientFault): Promise<DdiClient> {
    const slots = await Slots.open(body, run.server["firmware"] ?? "1")
    return new DdiClient(body, run, fault, { slots, files: await body.storage.files("client") })
  }

  sleep(ms: number): Promise<void> {
    return this.body.clock.sleep(ms / this.#speed)
  }

  /** The root resource, or what a link of it names. Ends the contact for what no client can go on from. */
  async get(url = this.#server["url"] ?? ""): Promise<ClientAnswer> {
    return this.#checked(await this.#ask("GET", url))
  }

  async send(method: "POST" | "PUT", url: string, value: object): Promise<ClientAnswer> {
    return this.#ask(method, url, latin1(JSON.stringify(value)))
  }

  /**
   * Says something of an action. What the server does not want to hear any more is told no more; where it cannot hear now the
   * contact ends, and what was not told is told at the next.
   */
  async feedback(url: string, execution: string, finished: string, details: readonly string[] = []): Promise<number> {
    this.body.log(`feedback: ${execution}/${finished} ${details.join("; ")}`)
    const time = this.fault.does === "wrong-clock" ? 0 : this.body.clock.now()
    const id = /\/(\d+)(?:[?/]|$)/.exec(url.slice(url.lastIndexOf("Base/")))?.[1]
    const body = {
      id,
      time: String(time),
      status: { execution, result: { finished }, ...(details.length === 0 ? {} : { details }) },
    }
    return this.#checked(await this.send("POST", `${url.replace(/\?.*$/, "")}/feedback`, body)).status
  }

  #checked(answer: ClientAnswer): ClientAnswer {
    if (answer.status === 401) throw new Ended("UNAUTHORIZED")
    if (answer.status === 429) throw new Ended("TOO_MANY_REQUESTS")
    if (answer.status >= 500) throw new Ended("SERVER_UNREACHABLE")
    return answer
  }

  async #ask(method: "GET" | "POST" | "PUT", url: string, body?: Uint8Array): Promise<ClientAnswer> {
    if (this.fault.does === "no-network") throw new Ended("SERVER_UNREACHABLE")
    if (this.fault.does === "is-throttled") throw new Ended("TOO_MANY_REQUESTS")
    try {
      const headers = this.#headers()
      return await ask(this.body, { method, url, headers, timeoutMs, ...(body === undefined ? {} : { body }) })
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      throw new Ended("SERVER_UNREACHABLE")
    }
  }

  #headers(): Readonly<Record<string, string>> {
    const token = this.fault.does === "wrong-token" ? "nobodys" : (this.#server["token"] ?? "")
    const { gatewayToken } = this.#server
    const authorization = gatewayToken === undefined ? `TargetToken ${token}` : `GatewayToken ${gatewayToken}`
    return { Authorization: authorization, Accept: "application/json" }
  }

  /** Fetches an artifact, going on where an earlier try was cut; ends the contact when it cannot be had. */
  async fetch({ filename, hashes, size, _links }: Artifact): Promise<void> {
    const name = `d-${hashes.sha256.slice(0, 16)}`
    const url = (_links["download-http"] ?? _links["download"])?.href ?? ""
    for (let tries = 0; tries < downloadTries; tries++) {
      const has = (await this.#files.size(name)) ?? 0
      if (has >= size) break
      if (has === 0) await this.#files.create(name)
      await this.#fetchFrom(url, name, has)
    }
    const has = (await this.#files.size(name)) ?? 0
    if (has < size) throw new Ended("DOWNLOAD_FAILED")
    const sum = hex(sha256(await this.#files.read(name, 0, has)))
    if (sum === hashes.sha256 && this.fault.does !== "spoils-download") return
    this.body.log(`${filename}: sha256 ${sum}, not ${hashes.sha256}`)
    await this.#files.remove(name)
    throw new Ended("HASH_MISMATCH")
  }

  async #fetchFrom(url: string, name: string, from: number): Promise<void> {
    const headers = { ...this.#headers(), ...(from > 0 ? { Range: `bytes=${from}-` } : {}) }
    let left = this.fault.does === "cuts-downloads" ? 100 : Number.POSITIVE_INFINITY
    const take = async (bytes: Uint8Array): Promise<boolean> => {
      await this.#files.append(name, bytes.subarray(0, left))
      left -= bytes.length
      return left > 0
    }
    try {
      const answer = await ask(this.body, { method: "GET", url, headers, take, timeoutMs })
      this.#checked(answer)
      if (answer.status >= 400) throw new Ended("DOWNLOAD_FAILED")
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      this.body.log(`download: ${error.message}`)
    }
  }

  async forget({ hashes }: Artifact): Promise<void> {
    const name = `d-${hashes.sha256.slice(0, 16)}`
    if ((await this.#files.size(name)) !== null) await this.#files.remove(name)
  }

  /** What was installed and is not told yet. */
  async unreported(): Promise<{ readonly url: string; readonly version: string } | null> {
    const size = await this.#files.size("unreported")
    if (size === null || size === 0) return null
    const [url = "", version = "", end] = fromLatin1(await this.#files.read("unreported", 0, size)).split("\n")
    return end === "." ? { url, version } : null
  }

  async remember(url: string, version: string): Promise<void> {
    await this.#files.create("unreported")
    await this.#files.append("unreported", latin1(`${url}\n${version}\n.`))
  }

  async reported(): Promise<void> {
    if ((await this.#files.size("unreported")) !== null) await this.#files.remove("unreported")
  }
}
