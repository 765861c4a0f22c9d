import type { RunEnd } from "../../family.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import { makeFirmware } from "../../recovery/firmware-image.ts"
import { writeFullPackage } from "../../recovery/full-package.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
import { PortHost } from "../../testing/port-host.testing.ts"
import { startSmallFtpServer } from "../../testing/small-ftp-server.testing.ts"
import { startSmallHttpServer } from "../../testing/small-http-server.testing.ts"
import { testBody } from "../../testing/test-body.testing.ts"
import { device } from "./run.ts"

/** Size of the firmware in tests, bytes: three sectors. */
export const imageBytes = 9000

export const firmware = (model: string, version: string): Uint8Array =>
  makeFirmware({ product: model, version, sizeBytes: imageBytes })

/** A package with the whole image, from V1 to V2 unless told. */
export function packageFor(model: string, from = "V1", to = "V2"): Uint8Array {
  return writeFullPackage({ from, to, product: model, image: firmware(model, to) })
}

/** A module in memory, a host that opens its port whenever it is there, and two small servers. */
export class TestModule {
  readonly storage: MemoryStorage
  readonly ftp: ReturnType<typeof startSmallFtpServer>
  readonly http: ReturnType<typeof startSmallHttpServer>
  readonly #net = new MemoryNet()
  readonly #model: string
  #host = new PortHost()
  #running: Promise<RunEnd> = Promise.reject(new Error("the module is off"))
  #off = new AbortController()

  constructor(model: string, parts: { readonly storage?: MemoryStorage; readonly ftpCutAfter?: number } = {}) {
    this.#model = model
    this.storage = parts.storage ?? new MemoryStorage()
    this.ftp = startSmallFtpServer(this.#net, parts.ftpCutAfter === undefined ? {} : { cutAfter: parts.ftpCutAfter })
    this.http = startSmallHttpServer(this.#net)
    this.#running.catch(() => undefined)
  }

  /** Switches it on; it comes from the factory with firmware V1. */
  switchOn(fault: string | null = null): this {
    this.#host = new PortHost()
    this.#off = new AbortController()
    const body = { ...testBody({ net: this.#net, storage: this.storage }), port: this.#host.port }
    const server = { firmware: "V1", imageBytes: String(imageBytes) }
    const { signal } = this.#off
    this.#running = device.run(body, { model: this.#model, server, fault, speed: 1000, ram: new Map(), signal })
    this.#running.catch(() => undefined)
    return this
  }

  /** Takes the power away; what the run came to. */
  switchOff(): Promise<RunEnd> {
    this.#off.abort(new Error("off"))
    this.#host.port.powerOff(this.#off.signal.reason)
    return this.#running
  }

  /** What the module ended with that was not switched off: the reason, where its body cut the power. */
  async ended(): Promise<unknown> {
    const reason: unknown = await this.#running.then(
      () => null,
      (error: unknown) => error,
    )
    this.#host.port.powerOff(reason)
    return reason
  }

  /** Every line that came since it was switched on. */
  get lines(): readonly string[] {
    return this.#host.lines
  }

  type(text: string): void {
    this.#host.type(text)
  }

  send(bytes: Uint8Array): void {
    this.#host.send(bytes)
  }

  until(pattern: RegExp): Promise<string> {
    return this.#host.until(pattern, this.#running)
  }

  ask(command: string): Promise<readonly string[]> {
    return this.#host.ask(command, this.#running)
  }

  /** Waits for normal mode. */
  ready(): Promise<string> {
    return this.until(/^\+CPIN: READY$/)
  }

  ftpUrl(name: string): string {
    return `ftp://ota:libelium@127.0.0.1:${this.ftp.port}/${name}`
  }

  httpUrl(name: string): string {
    return `http://127.0.0.1:${this.http.port}/${name}`
  }

  /** A URL whose server takes the connection and never says a word. */
  silentUrl(): string {
    return `http://127.0.0.1:${this.#net.listen(() => undefined)}/silent`
  }
}
