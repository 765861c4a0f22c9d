import { hex } from "../../kit/bytes.ts"
import type { JsonObject } from "../../kit/json.ts"
import { sha256 } from "../../kit/sha256.ts"
import type { DeviceRun, Family, OfferedFile, OfferedImage, Order, RunEnd, Upload } from "../family.ts"
import type { BodyClock } from "../body.ts"
import { MemoryStorage } from "../memory-storage.ts"
import { ContractRoutes } from "./contract-routes.testing.ts"
import { ContractServer } from "./contract-server.testing.ts"
import { MemoryNet } from "./memory-net.testing.ts"
import { PortHost } from "./port-host.testing.ts"
import { type SmallFtpServer, startSmallFtpServer } from "./small-ftp-server.testing.ts"
import { type SmallHttpServer, startSmallHttpServer } from "./small-http-server.testing.ts"
import { testBody } from "./test-body.testing.ts"

/** What a host beside a device does in one contact, for families that rest at a port. Resolves when the device may be switched off. */
export type ContractHost = (contact: {
  readonly host: PortHost
  /** Settles when the device ends by itself. */
  readonly module: Promise<RunEnd>
  readonly order: Order | null
  readonly image: Uint8Array
  /** The code that the contact is to end in, where it matters how the device gets there; "" = it does not. */
  readonly code: string
  /** The device's time. */
  readonly clock: BodyClock
  /** The server that the device exchanges messages with, in families that have a conversation. */
  readonly server: Pick<ContractServer, "resume" | "ask" | "isOffering"> | null
}) => Promise<void>

/** What stands beside a device that rests at a port. */
export interface ContractPartner {
  readonly host: ContractHost
  /** In families with a conversation: what an operator enters of the device, `id` and its SIM's `number` among it. */
  readonly entered?: Readonly<Record<string, string>>
}

export interface ContractParts {
  readonly family: Family
  readonly model: string
  /** What the device comes from the factory with, where its family cares. */
  readonly firmware: string
  readonly partner?: ContractPartner | undefined
}

/** One device of a family, and the server side of the same family, joined by small servers on memory. */
export class ContractBench {
  readonly storage = new MemoryStorage()
  readonly #net = new MemoryNet()
  readonly #ftp: SmallFtpServer
  readonly #http: SmallHttpServer
  readonly #family: Family
  readonly #model: string
  readonly #portHost: ContractHost | undefined
  readonly #server: ContractServer | null
  readonly #routes: ContractRoutes
  #ram = new Map<string, unknown>()
  #order: Order | null = null
  #image: Uint8Array = new Uint8Array(0)
  /** What the device runs, as far as it has told. */
  #running: string
  lines: readonly string[] = []

  constructor({ family, model, firmware, partner }: ContractParts) {
    this.#family = family
    this.#model = model
    this.#running = firmware
    this.#portHost = partner?.host
    this.#ftp = startSmallFtpServer(this.#net, { aliases: family.ftp?.directoryAliases ?? [] })
    this.#http = startSmallHttpServer(this.#net)
    const { conversation: side, entry } = family
    const entered = partner?.entered ?? {}
    this.#server =
      side === undefined || entry === undefined
        ? null
        : new ContractServer({ side, entry, model, entered, firmware, ftpPort: this.#ftp.port })
    this.#routes = new ContractRoutes({ family, model, origin: `http://127.0.0.1:${this.#http.port}` })
    this.#http.handler = (request) => this.#routes.answer(request)
    this.offerNothing()
  }

  /** Publishes an upload and offers it to the device, the image changed by `damage` on its way. */
  offer(upload: Upload, damage: (image: Uint8Array) => Uint8Array = (image) => image): JsonObject {
    const published = this.#family.publish(upload)
    if (!published.ok) throw new Error(published.faults.map((fault) => fault.sentence).join(" "))
    const { version, details, source } = published
    const described = describe(published.image)
    const hop = { id: "r1", from: source ?? "", to: version, sizeBytes: described.sizeBytes }
    const plan = this.#family.planOffer({
      device: {
        id: "d1",
        model: this.#model,
        familyState: this.#server?.familyState ?? this.#routes.familyState,
        ...this.#known(),
      },
      packages: source === undefined ? [] : [hop],
      release: { version, details },
      image: described,
    })
    if (!plan.ok) throw new Error(plan.sentence)
    const image = published.image.slice()
    if (plan.edit !== undefined) image.set(plan.edit.bytes, plan.edit.offset)
    this.#serve({ offer: plan.offer, image: describe(image) }, damage(image), version)
    this.#converse(plan.offer, version, damage(image))
    return plan.offer
  }

  /** What the server has been told that the device runs. */
  #known(): { readonly runningVersion: string | null; readonly isReported: boolean } {
    if (this.#server !== null) return this.#server.known
    const isReported = this.#family.agent !== undefined
    return { runningVersion: isReported ? this.#running : this.#routes.running, isReported }
  }

  /** Lets the family's conversation know of an offer, whose package waits for the ticket's login alone. */
  #converse(offer: JsonObject, target: string, image: Uint8Array): void {
    const { conversation } = this.#family
    if (conversation === undefined || this.#server === null) return
    const { user, secret } = this.#server.offer(offer, target, image.length)
    this.#ftp.logins.clear()
    this.#ftp.logins.set(user, secret)
    this.#ftp.files.set(conversation.fileName(offer), image)
  }

  offerNothing(): void {
    this.#serve(null, new Uint8Array(0))
    this.#server?.withdraw()
  }

  #serve(offered: OfferedImage | null, image: Uint8Array, version = ""): void {
    const { ftp, http } = this.#family
    this.#ftp.files.clear()
    this.#http.files.clear()
    for (const file of ftp?.files(offered) ?? []) this.#ftp.files.set(file.name, contentOf(file, image))
    if (http !== undefined) this.#routes.offer(offered, image, version)
    this.#order = offered === null ? null : this.#orderFor(offered.offer, image)
    this.#image = image
  }

  /** What an agent beside the device would be told; the image is where its command says. */
  #orderFor(offer: JsonObject, image: Uint8Array): Order | null {
    const { agent } = this.#family
    if (agent === undefined) return null
    const name = agent.fileName(offer)
    this.#ftp.files.set(name, image)
    this.#http.files.set(`/d/k/${name}`, image)
    const order = agent.order({
      model: this.#model,
      offer,
      sizeBytes: image.length,
      ticket: { user: "ota", secret: "libelium" },
      ftp: { host: "127.0.0.1", port: this.#ftp.port },
      httpDirectory: `http://127.0.0.1:${this.#http.port}/d/k/`,
    })
    if ("fault" in order) throw new Error(order.fault.sentence)
    return order
  }

  /** One contact while the power stays on; `code` is the one that it is to end in, where that matters. */
  async contact(fault: string | null = null, code = ""): Promise<RunEnd> {
    const end = await (this.#portHost === undefined ? this.#poll(fault) : this.#rest(this.#portHost, fault, code))
    this.#running = end.running.version
    return end
  }

  /** A device that rests at its port is on for as long as its host needs it. */
  async #rest(portHost: ContractHost, fault: string | null, code: string): Promise<RunEnd> {
    const host = new PortHost()
    const off = new AbortController()
    const server = this.#server
    const plain = testBody({ net: this.#net, storage: this.storage })
    const clock = server?.clock ?? plain.clock
    const body = { ...plain, clock, port: host.port, ...(server === null ? {} : { radio: server.radio }) }
    this.lines = host.lines
    this.#forgetRequests()
    const factory = { firmware: this.#running, imageBytes: "9000", ...server?.deviceSettings }
    const module = this.#family.device.run(body, { ...this.#run(fault, factory), signal: off.signal })
    module.catch(() => undefined)
    const time = server?.keepTime(off.signal)
    try {
      await portHost({ host, module, order: this.#order, image: this.#image, code, clock, server })
    } finally {
      off.abort(new Error("switched off"))
      host.port.powerOff(off.signal.reason)
      await time
    }
    return module
  }

  #run(fault: string | null, server: Readonly<Record<string, string>>): DeviceRun {
    const { signal } = new AbortController()
    // A server that exchanges messages with the device has its time, and nobody waits for that.
    const speed = this.#server === null ? 1000 : 1
    return { model: this.#model, server, fault, speed, ram: this.#ram, signal }
  }

  #forgetRequests(): void {
    this.#ftp.commands.length = 0
    this.#http.requests.length = 0
    this.#routes.filesServed = 0
  }

  async #poll(fault: string | null): Promise<RunEnd> {
    const body = testBody({ net: this.#net, storage: this.storage })
    this.lines = body.lines
    this.#forgetRequests()
    return this.#family.device.run(body, this.#run(fault, this.#routes.deviceSettings(`127.0.0.1:${this.#ftp.port}`)))
  }

  /** How many images, or pieces of them, the last contact fetched. */
  get imagesFetched(): number {
    if (this.#family.http !== undefined) return this.#routes.filesServed
    const notices = (this.#family.ftp?.files(null) ?? []).map(({ name }) => name)
    return this.fetched.filter((name) => !notices.some((notice) => name.endsWith(notice))).length
  }

  /** Kinds of what the device's messages meant for its update, in order; none in families without a conversation. */
  get evidence(): readonly string[] {
    return this.#server?.evidence ?? this.#routes.evidence
  }

  /** Switches the device off and on: the RAM is gone. */
  powerOff(): void {
    this.#ram = new Map()
  }

  /** The files that the last contact fetched, by name. */
  get fetched(): readonly string[] {
    const overFtp = this.#ftp.commands.filter((line) => line.startsWith("RETR "))
    return [...overFtp, ...this.#http.requests].map((line) => line.slice(line.search(/[^/ ]+$/)))
  }
}

function contentOf(file: OfferedFile, image: Uint8Array): Uint8Array {
  return file.role === "notice" ? file.content : image
}

function describe(image: Uint8Array): { readonly sha256: string; readonly sizeBytes: number } {
  return { sha256: hex(sha256(image)), sizeBytes: image.length }
}
