import { latin1 } from "../../../kit/bytes.ts"
import type { AtInterpreter } from "../../../protocols/at/interpreter.ts"
import type { Body, BodyPort, DeviceFiles } from "../../body.ts"
import type { DeviceRun, RunEnd } from "../../family.ts"
import type { BodyRadio } from "../../radio.ts"
import { type FirmwareFlash, openFirmwareFlash, readFirmwareMark } from "../../recovery/firmware-flash.ts"
import { endWords, faultAction, idle } from "./faults.ts"
import { type SettingName, settings } from "./kept-settings.ts"
import { telitModel, type TelitModel } from "../models.ts"
import { type PfmKeys, pfmKeys } from "../codec/pfm-keys.ts"
import { isSpelling, type Spelling, type UrcName, urcLine } from "../codec/urcs.ts"
import { openFactory } from "./factory.ts"
import type { FaultAction } from "./fault-action.ts"
import { MemoryStore } from "./memory.ts"
import { MessageShelf } from "./message-shelf.ts"
import { SimState } from "./sim-state.ts"
import { UrcGate } from "./urc-gate.ts"

/** What can happen to a module that has power. */
export type ModuleEvent =
  | { readonly kind: "sms"; readonly tpdu: Uint8Array }
  /** The card is ready and the module on the air. */
  | { readonly kind: "on-air" }
  | { readonly kind: "card-changed" }
  /** The host wants a registration. */
  | { readonly kind: "register" }
  /** The host wants an update over IP (`AT#OTAIPUPD`). */
  | { readonly kind: "ip-update" }
  /** A delta that was checked waits for being written. */
  | { readonly kind: "install" }
  | { readonly kind: "restart" }
  | { readonly kind: "power-cut"; readonly where: string }

/** The module's own power went, as a fault told it to; it comes back by itself. */
export class OwnPowerCut extends Error {
  override readonly name = "OwnPowerCut"
}

interface Parts {
  readonly body: Body
  readonly run: DeviceRun
  readonly port: BodyPort
  readonly radio: BodyRadio
  readonly model: TelitModel
  readonly keys: PfmKeys
  readonly spelling: Spelling
  readonly flash: FirmwareFlash
  readonly files: DeviceFiles
  readonly imei: string
  readonly memory: MemoryStore
}

/** A module that has power. */
export class TelitModule {
  readonly body: Body
  readonly port: BodyPort
  readonly radio: BodyRadio
  readonly model: TelitModel
  readonly imei: string
  /** The keys of the PFM messages' tags. */
  readonly keys: PfmKeys
  readonly flash: FirmwareFlash
  readonly files: DeviceFiles
  readonly memory: MemoryStore
  readonly sim: SimState
  readonly urcs: UrcGate
  readonly shelf = new MessageShelf()
  readonly fault: FaultAction
  readonly spelling: Spelling
  /** Version as the running firmware carries it. */
  version = "none"
  /** What answers at the port; null = nothing does yet. */
  at: AtInterpreter<TelitModule> | null = null
  /** The AT interface is frozen (§3.1.2, §4.1.2): what is typed goes nowhere. */
  isFrozen = false
  /** An update goes on beside the main story. */
  isUpdating = false
  /** `AT+CFUN=1`. */
  isRadioOn = true
  /** The download is under way: eight commands are refused (§3.1.2). */
  isDownloading = false
  /** A connection that a restart breaks off. */
  hangUp: (() => void) | null = null
  /** Takes the host's answer to the question; null = nothing is asked. */
  answer: ((value: number) => void) | null = null
  /** The registration that waits for its acknowledgement. */
  pendingRegistration: { readonly transaction: number; readonly imsi: string } | null = null
  ignoredOnce = false
  lastError: number | null = null
  #messageCount = 0
  #lastUrc: UrcName | null = null
  readonly #run: DeviceRun
  #stretch = new AbortController()
  #events: ModuleEvent[] = []
  #wake: () => void = () => undefined
  readonly #tasks = new Set<Promise<void>>()
  /** Rejects when something that runs beside the main story fails. */
  readonly failed: Promise<never>
  #fail: (error: unknown) => void = () => undefined

  private constructor(parts: Parts) {
    this.body = parts.body
    this.port = parts.port
    this.radio = parts.radio
    this.model = parts.model
    this.imei = parts.imei
    this.keys = parts.keys
    this.flash = parts.flash
    this.files = parts.files
    this.memory = parts.memory
    this.spelling = parts.spelling
    this.fault = faultAction(parts.run.fault)
    this.#run = parts.run
    this.sim = new SimState(parts.radio)
    this.urcs = new UrcGate((line) => this.#write(line))
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
  }

  /** Takes a module out of its box, or back to work. Throws `RangeError` for what cannot be. */
  static async open(body: Body, run: DeviceRun): Promise<TelitModule> {
    const { port, radio } = body
    if (port === undefined) throw new RangeError("a module needs a port at which its host stands")
    if (radio === undefined) throw new RangeError("a Telit module needs a radio and a SIM slot")
    const model = telitModel(run.model)
    const { key = "", spelling = "reference" } = run.server
    if (!isSpelling(spelling)) throw new RangeError(`no spelling is called ${spelling}`)
    const flash = await openFirmwareFlash(body.storage)
    const files = await body.storage.files("data")
    const imei = await openFactory({ body, model, flash, files, wishes: run.server })
    const memory = await MemoryStore.open(files)
    const keys = pfmKeys(key, imei)
    return new TelitModule({ body, run, port, radio, model, keys, spelling, flash, files, imei, memory })
  }

  /** Over when the module restarts or loses its power. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.#stretch.signal, this.#run.signal])
  }

  /** Waits as long as the hardware takes for it, `ms` at the speed of the hardware. */
  pause(ms: number, signal: AbortSignal = this.signal): Promise<void> {
    return this.body.clock.sleep(ms / this.#run.speed, signal)
  }

  /** The number of a transaction that the module begins: the next of a count that outlives everything. */
  async newTransaction(): Promise<number> {
    const count = this.memory.value.count + 1
    await this.memory.save({ count })
    return count
  }

  /** TP-MR of the next message that the host sends. */
  nextMessageCount(): number {
    this.#messageCount = (this.#messageCount + 1) & 0xff
    return this.#messageCount
  }

  setting(name: SettingName): string {
    if (name === "+CGCLASS" && this.fault.gprsClass !== undefined) return this.fault.gprsClass
    return this.memory.value.settings[name] ?? settings[name].byDefault
  }

  /** Says a URC, as far as the host wants it, and hangs when its fault says so. */
  async tell(name: UrcName): Promise<void> {
    this.#lastUrc = name
    const line = urcLine(name, this.spelling)
    this.body.log(line)
    this.urcs.say(line, this.memory.value.urcMode)
    if (this.fault.stopsAfter === name) await this.#hang()
  }

  /** Says a line that is no `#OTAEV`. */
  say(line: string): void {
    this.body.log(line)
    this.#write(line)
  }

  /** Cuts the module's power here when its fault says so: once for each time that it is switched on. */
  mayLosePower(point: "download" | "flashing"): void {
    if (this.fault.powerCut !== point || this.#run.ram?.get("power-cut") === true) return
    this.#run.ram?.set("power-cut", true)
    throw new OwnPowerCut(point)
  }

  happen(event: ModuleEvent): void {
    this.#events.push(event)
    this.#wake()
  }

  async nextEvent(): Promise<ModuleEvent> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Runs something beside the main story until the module restarts. */
  beside(deed: () => Promise<void>): void {
    const { signal } = this.#stretch
    const task = deed()
      .catch((error: unknown) => {
        if (signal.aborted) return
        if (error instanceof OwnPowerCut) this.happen({ kind: "power-cut", where: error.message })
        else this.#fail(error)
      })
      .finally(() => this.#tasks.delete(task))
    this.#tasks.add(task)
  }

  /** Ends everything that a restart ends; what is in RAM is gone. */
  async stop(): Promise<void> {
    this.#stretch.abort(new Error("the module restarts"))
    this.hangUp?.()
    this.radio.setOnAir(false)
    await Promise.all(this.#tasks)
    this.#stretch = new AbortController()
    this.#events = []
    this.at = null
    this.isFrozen = false
    this.isUpdating = false
    this.isRadioOn = true
    this.isDownloading = false
    this.hangUp = null
    this.answer = null
    this.pendingRegistration = null
    this.urcs.forget()
    this.sim.forget()
  }

  async readVersion(): Promise<void> {
    this.version = (await readFirmwareMark(this.flash))?.version ?? "none"
  }

  /** How the run stands, for whoever switched the module on. */
  get runEnd(): RunEnd {
    const code = this.#lastUrc === null ? idle.code : urcLine(this.#lastUrc)
    return { code, words: endWords(this.#lastUrc, this.lastError), running: { version: this.version } }
  }

  #write(line: string): void {
    this.port.write(latin1(`\r\n${line}\r\n`))
  }

  #hang(): Promise<never> {
    const { signal } = this
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("the module restarts")), { once: true })
    })
  }
}
