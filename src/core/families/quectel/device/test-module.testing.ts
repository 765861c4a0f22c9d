import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { RunEnd } from "../../family.ts"
import { MemoryPort, type OpenPort } from "../../memory-port.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import { makeFirmware } from "../../recovery/firmware-image.ts"
import { writeFullPackage } from "../../recovery/full-package.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
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
  /** Every line that came, in order; `(gone)` and `(back)` where the port went and came. */
  readonly lines: string[] = []
  readonly #net = new MemoryNet()
  readonly #model: string
  #port = new MemoryPort()
  #open: OpenPort | null = null
  #text = ""
  #seen = 0
  #wake: () => void = () => undefined
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
    this.#port = new MemoryPort()
    this.#off = new AbortController()
    this.#port.watch({
      attached: () => this.#plug(),
      detached: () => this.#take("(gone)"),
    })
    const body = { ...testBody({ net: this.#net, storage: this.storage }), port: this.#port }
    const server = { firmware: "V1", imageBytes: String(imageBytes) }
    const signal = this.#off.signal
    this.#running = device.run(body, { model: this.#model, server, fault, speed: 1000, ram: new Map(), signal })
    this.#running.catch(() => this.#wake())
    return this
  }

  /** Takes the power away; what the run came to. */
  switchOff(): Promise<RunEnd> {
    this.#off.abort(new Error("off"))
    this.#port.powerOff(this.#off.signal.reason)
    return this.#running
  }

  /** Resolves when the body has cut the power; rejects when the module ended otherwise. */
  async powerCut(): Promise<unknown> {
    const reason: unknown = await this.#running.then(
      () => null,
      (error: unknown) => error,
    )
    this.#port.powerOff(reason)
    return reason
  }

  get running(): Promise<RunEnd> {
    return this.#running
  }

  type(text: string): void {
    this.#open?.write(latin1(`${text}\r`))
  }

  send(bytes: Uint8Array): void {
    this.#open?.write(bytes)
  }

  closePort(): void {
    this.#open?.close()
    this.#open = null
  }

  /** Waits for the next line that matches, from where the last wait ended; gives it. */
  async until(pattern: RegExp): Promise<string> {
    const failed = this.#running.then(() => undefined)
    failed.catch(() => undefined)
    for (;;) {
      while (this.#seen < this.lines.length) {
        const line = this.lines[this.#seen++] ?? ""
        if (pattern.test(line)) return line
      }
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        failed,
      ])
    }
  }

  /** Types a command and gives the lines up to its result, the echo left out. */
  async ask(command: string): Promise<readonly string[]> {
    const from = this.lines.length
    this.#seen = from
    this.type(command)
    await this.until(/^(OK|ERROR|\+CM[ES] ERROR.*)$/)
    return this.lines.slice(from, this.#seen).filter((line) => line !== command)
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

  #plug(): void {
    this.#take("(back)")
    this.#open = this.#port.open({
      receive: (bytes) => {
        this.#text += fromLatin1(bytes)
        const whole = this.#text.split(/[\r\n]+/)
        this.#text = whole.pop() ?? ""
        for (const line of whole) if (line !== "") this.#take(line)
      },
      vanish: () => undefined,
    })
  }

  #take(line: string): void {
    this.lines.push(line)
    this.#wake()
  }
}
