import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { numberOf } from "../../../protocols/sms/address.ts"
import { type DataCoding, decodeDataCoding, encodeDataCoding } from "../../../protocols/sms/data-coding.ts"
import { decodeFromMobile } from "../../../protocols/sms/tpdu.ts"
import type { Body, ByteStream } from "../../body.ts"
import type { RunEnd } from "../../family.ts"
import { MemoryPort, type OpenPort } from "../../memory-port.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import type { SimCard } from "../../radio.ts"
import { makeFirmware } from "../../recovery/firmware-image.ts"
import { writeFullPackage } from "../../recovery/full-package.ts"
import { IdleClock } from "../../testing/idle-clock.testing.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
import { MemoryRadio } from "../../testing/memory-radio.testing.ts"
import { startSmallFtpServer } from "../../testing/small-ftp-server.testing.ts"
import { frameOf, octetsOfSms, PfmCutter, smsBytes, type SmsCoding } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { pfmKeys } from "../codec/pfm-keys.ts"
import type { FtpAccess, PfmFromModule, PfmFromServer } from "../codec/pfm-table.ts"
import { device } from "./run.ts"

export const imei = "357464030012345"
export const secret = "0123456789abcdefghijklmnopqrstuv"
const keys = pfmKeys(secret, imei)
export const serverNumber = "+393399990000"
export const cardA: SimCard = { imsi: "222010000000001", number: "+393354757180", pin: "6755" }
export const cardB: SimCard = { imsi: "222010000000002", number: "+393354757181", pin: null }
const imageBytes = 9000

/** A server's message without what every one has. */
export type ServerSaying = {
  readonly [Name in PfmFromServer["name"]]: Omit<Extract<PfmFromServer, { name: Name }>, "imei">
}[PfmFromServer["name"]]

export const firmware = (version: string, product = "GE910"): Uint8Array =>
  makeFirmware({ product, version, sizeBytes: imageBytes })

/** A delta's stand-in with the whole image. */
export const packageFor = (from: string, to: string, product = "GE910"): Uint8Array =>
  writeFullPackage({ from, to, product, image: firmware(to, product) })

export interface RawSms extends Pick<DataCoding, "alphabet" | "messageClass"> {
  readonly data: Uint8Array
}

const plainText = { alphabet: "gsm7", messageClass: null } as const

export interface TestModuleOptions {
  readonly card?: SimCard | null
  readonly firmware?: string
  readonly fault?: string
  readonly model?: string
  readonly spelling?: string
}

/** A module in memory, the host at its port, its card, and a server that says what the test tells it. */
export class TestModule {
  readonly storage = new MemoryStorage()
  readonly clock = new IdleClock()
  readonly net = new MemoryNet()
  readonly ftp = startSmallFtpServer(this.net)
  readonly radio: MemoryRadio
  /** Every line at the port, in order. */
  readonly lines: string[] = []
  /** V.24 lines as they changed: `DCD+`, `DSR-`. */
  readonly v24: string[] = []
  readonly console: string[] = []
  /** PFM messages that the module sent by SMS, and on sockets. */
  readonly said: PfmFromModule[] = []
  /** How each SMS of the module was coded. */
  readonly codings: DataCoding[] = []
  readonly #options: TestModuleOptions
  #port = new MemoryPort()
  #open: OpenPort | null = null
  #text = ""
  #seen = 0
  #wakes: (() => void)[] = []
  #off = new AbortController()
  #running: Promise<RunEnd> = Promise.reject(new Error("the module is off"))
  #ram = new Map<string, unknown>()

  constructor(options: TestModuleOptions = {}) {
    this.#options = options
    this.radio = new MemoryRadio(options.card === undefined ? cardB : options.card)
    this.radio.onSent = () => this.#readSent()
    this.#running.catch(() => undefined)
  }

  /** Where a host can stand; another one after each time that the module was switched on. */
  get port(): MemoryPort {
    return this.#port
  }

  switchOn(): this {
    this.#port = new MemoryPort()
    this.#off = new AbortController()
    this.#ram = new Map()
    this.#port.watch({
      attached: () => this.#plug(),
      lineChanged: (line, isOn) => this.v24.push(`${line}${isOn ? "+" : "-"}`),
    })
    const { net, storage, clock } = this
    let seed = 1
    const body: Body = {
      net,
      storage,
      clock,
      random: () => {
        seed = (seed * 16_807) % 2_147_483_647
        return seed / 2_147_483_647
      },
      log: (line) => void this.console.push(line),
      port: this.#port,
      radio: this.radio,
    }
    const { firmware: version = "13.00.003", fault = null, model = "GE910", spelling = "reference" } = this.#options
    const server = { key: secret, imei, firmware: version, imageBytes: String(imageBytes), spelling }
    const { signal } = this.#off
    this.#running = device.run(body, { model, server, fault, speed: 1, ram: this.#ram, signal })
    this.#running.catch(() => this.#wake())
    return this
  }

  /** Takes the power away; what the run came to. */
  async switchOff(): Promise<RunEnd> {
    this.#off.abort(new Error("off"))
    this.#port.powerOff(this.#off.signal.reason)
    return this.#running
  }

  /** Resolves with the reason when the body has cut the power. */
  async powerCut(): Promise<unknown> {
    const reason: unknown = await this.#running.then(
      () => null,
      (error: unknown) => error,
    )
    this.#port.powerOff(reason)
    return reason
  }

  // ---- the host

  type(text: string): void {
    this.#open?.write(latin1(`${text}\r`))
  }

  /** Waits for the next line that matches, from where the last wait ended. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      while (this.#seen < this.lines.length) {
        const line = this.lines[this.#seen++] ?? ""
        if (pattern.test(line)) return line
      }
      await this.#change()
    }
  }

  urc(text: string): Promise<string> {
    const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    return this.until(new RegExp(`^#OTAEV: ${escaped}$`))
  }

  /** Types a command and gives the lines up to its result, the echo left out. */
  async ask(command: string): Promise<readonly string[]> {
    const from = this.lines.length
    this.#seen = from
    this.type(command)
    await this.until(/^(OK|ERROR|\+CM[ES] ERROR.*)$/)
    return this.lines.slice(from, this.#seen).filter((line) => line !== command && line !== "")
  }

  /** Waits until the module answers, and is on the air if it may be. */
  async ready(): Promise<this> {
    while (this.#open === null) await this.#change()
    for (const from = this.lines.length; !this.lines.slice(from).includes("OK"); await this.clock.sleep(500))
      this.type("AT")
    const pin = await this.ask("AT+CPIN?")
    while (pin[0] === "+CPIN: READY" && this.radio.network() === null) await this.clock.sleep(500)
    return this
  }

  // ---- the server

  /** Says something by SMS. */
  sms(message: ServerSaying, coding: SmsCoding = "8-bit-class-0", withKeys = keys): void {
    const data = smsBytes(waftCodec.encode({ imei, ...message } as PfmFromServer, withKeys), coding)
    this.rawSms(coding === "8-bit-class-0" ? { alphabet: "octets", messageClass: 0, data } : { ...plainText, data })
  }

  rawSms({ alphabet, messageClass, data }: RawSms): void {
    this.radio.deliverFrom(serverNumber, { coding: encodeDataCoding(alphabet, messageClass), data })
  }

  /** Waits for the next message of that name that no wait has seen. */
  async hear<Name extends PfmFromModule["name"]>(name: Name): Promise<Extract<PfmFromModule, { name: Name }>> {
    for (;;) {
      const at = this.said.findIndex((message) => message.name === name)
      if (at >= 0) return this.said.splice(at, 1)[0] as Extract<PfmFromModule, { name: Name }>
      await this.#change()
    }
  }

  /** Takes the module's sockets; `answer` says what to say to each message, null = nothing. */
  listen(answer: (message: PfmFromModule) => ServerSaying | null): number {
    return this.net.listen((stream) => void this.#serve(stream, answer))
  }

  get ftpAccess(): FtpAccess {
    return {
      ftpHost: "127.0.0.1",
      ftpPort: this.ftp.port,
      ftpUser: "ota",
      ftpPassword: "libelium",
      ftpPath: "fw.pkg",
      sizeBytes: 0,
    }
  }

  async #serve(stream: ByteStream, answer: (message: PfmFromModule) => ServerSaying | null): Promise<void> {
    const cutter = new PfmCutter()
    for (;;) {
      const packet = await stream.read(500, 600_000).catch(() => new Uint8Array(0))
      if (packet.length === 0) return stream.end()
      for (const octets of cutter.push(packet)) {
        const message = waftCodec.decode(octets, keys) as PfmFromModule
        this.said.push(message)
        this.#wake()
        const reply = answer(message)
        if (reply === null) return stream.end()
        await stream.write(frameOf(waftCodec.encode({ imei, ...reply } as PfmFromServer, keys)))
      }
    }
  }

  #readSent(): void {
    const submit = decodeFromMobile(this.radio.sent.at(-1) ?? new Uint8Array(0))
    this.codings.push(decodeDataCoding(submit.coding))
    const octets = octetsOfSms(submit.userData.data)
    if (octets !== null && numberOf(submit.to) === serverNumber && waftCodec.imeiOf(octets) !== null) {
      this.said.push(waftCodec.decode(octets, keys) as PfmFromModule)
    }
    this.#wake()
  }

  #plug(): void {
    this.#open = this.#port.open({
      receive: (bytes) => {
        this.#text += fromLatin1(bytes)
        const whole = this.#text.split(/[\r\n]+/)
        this.#text = whole.pop() ?? ""
        for (const line of whole) if (line !== "") this.lines.push(line)
        this.#wake()
      },
      vanish: () => undefined,
    })
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake()
  }

  /** Something has happened; rejects when the module ended otherwise than by being switched off. */
  async #change(): Promise<void> {
    const failed = this.#running.then(() => {
      throw new Error("the module is off")
    })
    failed.catch(() => undefined)
    await Promise.race([new Promise<void>((resolve) => void this.#wakes.push(resolve)), failed])
  }
}
