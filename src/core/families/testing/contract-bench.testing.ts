import { hex } from "../../kit/bytes.ts"
import type { JsonObject } from "../../kit/json.ts"
import { sha256 } from "../../kit/sha256.ts"
import type { Family, OfferedFile, OfferedImage, RunEnd, Upload } from "../family.ts"
import { MemoryStorage } from "../memory-storage.ts"
import { MemoryNet } from "./memory-net.testing.ts"
import { type SmallFtpServer, startSmallFtpServer } from "./small-ftp-server.testing.ts"
import { type SmallHttpServer, startSmallHttpServer } from "./small-http-server.testing.ts"
import { testBody } from "./test-body.testing.ts"

/** One device of a family, and the server side of the same family, joined by small servers on memory. */
export class ContractBench {
  readonly storage = new MemoryStorage()
  readonly #net = new MemoryNet()
  readonly #ftp: SmallFtpServer
  readonly #http: SmallHttpServer
  readonly #family: Family
  readonly #model: string
  #ram = new Map<string, unknown>()
  familyState: JsonObject = {}
  lines: readonly string[] = []

  constructor(family: Family, model: string) {
    this.#family = family
    this.#model = model
    this.#ftp = startSmallFtpServer(this.#net, { aliases: family.ftp?.directoryAliases ?? [] })
    this.#http = startSmallHttpServer(this.#net)
    this.offerNothing()
  }

  /** Publishes an upload and offers it to the device, the image changed by `damage` on its way. */
  offer(upload: Upload, damage: (image: Uint8Array) => Uint8Array = (image) => image): JsonObject {
    const published = this.#family.publish(upload)
    if (!published.ok) throw new Error(published.faults.map((fault) => fault.sentence).join(" "))
    const plan = this.#family.planOffer({
      device: { id: "d1", model: this.#model, familyState: this.familyState, runningVersion: null },
      release: { version: published.version, details: published.details },
      image: describe(published.image),
    })
    if (!plan.ok) throw new Error(plan.sentence)
    const image = published.image.slice()
    if (plan.edit !== undefined) image.set(plan.edit.bytes, plan.edit.offset)
    this.#serve({ offer: plan.offer, image: describe(image) }, damage(image))
    return plan.offer
  }

  offerNothing(): void {
    this.#serve(null, new Uint8Array(0))
  }

  #serve(offered: OfferedImage | null, image: Uint8Array): void {
    const { ftp, http } = this.#family
    this.#ftp.files.clear()
    this.#http.files.clear()
    for (const file of ftp?.files(offered) ?? []) this.#ftp.files.set(file.name, contentOf(file, image))
    const directoryUrl = `http://127.0.0.1:${this.#http.port}/d/k/`
    for (const file of http?.files({ offered, familyState: this.familyState, directoryUrl }) ?? []) {
      this.#http.files.set(`/d/k/${file.name}`, contentOf(file, image))
    }
  }

  /** One contact while the power stays on. */
  async contact(fault: string | null = null): Promise<RunEnd> {
    const body = testBody({ net: this.#net, storage: this.storage })
    this.lines = body.lines
    this.#ftp.commands.length = 0
    this.#http.requests.length = 0
    return this.#family.device.run(body, {
      model: this.#model,
      server: {
        ftp: `127.0.0.1:${this.#ftp.port}`,
        user: "ota",
        password: "libelium",
        url: `http://127.0.0.1:${this.#http.port}/d/k/${this.#family.http?.noticeName ?? ""}`,
      },
      fault,
      speed: 1000,
      ram: this.#ram,
      signal: new AbortController().signal,
    })
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
