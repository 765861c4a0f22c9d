import { latin1 } from "../../../kit/bytes.ts"
import { AtInterpreter } from "../../../protocols/at/interpreter.ts"
import type { Body, BodyPort, DeviceFiles } from "../../body.ts"
import type { DeviceRun, RunEnd } from "../../family.ts"
import { type FirmwareFlash, openFirmwareFlash, readFirmwareMark } from "../../recovery/firmware-flash.ts"
import { endWords, faultAction, idle } from "./faults.ts"
import type { FotaEventName } from "../codec/fota-urc.ts"
import type { FotaUrl } from "../codec/fota-url.ts"
import { type ModuleProfile, moduleProfile } from "../models.ts"
import type { EndEvent } from "../result-codes.ts"
import type { CutPoint, FaultAction } from "./fault-action.ts"
import type { Identity } from "./factory.ts"
import { openFactory } from "./factory.ts"
import { UpdateLog } from "./update-log.ts"

/** What a host orders at the AT port that ends the module's rest. */
export type ModuleOrder =
  | { readonly kind: "restart" }
  | {
      readonly kind: "update"
      /** Bytes that came over the port; null = the module has lost them (FILEEND 500). */
      readonly from: FotaUrl | { readonly scheme: "upload"; readonly bytes: Uint8Array }
      /** Standard(A): lines of progress in the download and in the upgrade; null = the module's own way. */
      readonly downloadLines: number
      readonly progressLines: number | null
      /** Standard(A): 0 = the module restarts and then upgrades, 1 = it upgrades at once. */
      readonly restartsFirst: boolean
    }

/** The module's own power went, as a fault told it to; it comes back by itself. */
export class OwnPowerCut extends Error {
  override readonly name = "OwnPowerCut"
}

interface Parts {
  readonly body: Body
  readonly run: DeviceRun
  readonly port: BodyPort
  readonly profile: ModuleProfile
  readonly flash: FirmwareFlash
  readonly files: DeviceFiles
  readonly identity: Identity
}

/** A module that has power. */
export class QuectelModule {
  readonly body: Body
  readonly port: BodyPort
  readonly profile: ModuleProfile
  readonly flash: FirmwareFlash
  /** What the module keeps for itself: its identity, the package, the log of the update. */
  readonly files: DeviceFiles
  readonly updates: UpdateLog
  readonly identity: Identity
  readonly fault: FaultAction
  /** AT+CFUN: 1 is full functionality, 0 and 4 are without radio. */
  functionality = 1
  isAttached = true
  contextId = 1
  /** Version as the running firmware carries it. */
  version = "none"
  /** Takes the connection of a download away; null = there is none. */
  hangUp: (() => void) | null = null
  isBusy = false
  /** Normal mode: what answers at the port. Null in recovery mode, where what is typed goes nowhere. */
  at: AtInterpreter<QuectelModule> | null = null
  readonly #run: DeviceRun
  #order: ModuleOrder | null = null
  #wake: (() => void) | null = null
  #last: string = idle.code

  private constructor(parts: Parts) {
    this.body = parts.body
    this.port = parts.port
    this.profile = parts.profile
    this.flash = parts.flash
    this.files = parts.files
    this.identity = parts.identity
    this.#run = parts.run
    this.updates = new UpdateLog(parts.files)
    this.fault = faultAction(parts.profile.id, parts.run.fault)
  }

  /** Takes a module out of its box, or back to work. Throws `RangeError` for what cannot be. */
  static async open(body: Body, run: DeviceRun): Promise<QuectelModule> {
    const { port } = body
    if (port === undefined) throw new RangeError("a module needs a port at which its host stands")
    const profile = moduleProfile(run.model === "any" ? "AG35" : run.model)
    if (profile.isMini) throw new RangeError(`there is no ${profile.id} in software`)
    const flash = await openFirmwareFlash(body.storage)
    const files = await body.storage.files("data")
    const identity = await openFactory({ body, profile, flash, files, wishes: run.server })
    return new QuectelModule({ body, run, port, profile, flash, files, identity })
  }

  /** Waits as long as the hardware takes for it, `ms` at the speed of the hardware. */
  pause(ms: number): Promise<void> {
    return this.body.clock.sleep(ms / this.#run.speed, this.#run.signal)
  }

  /** Whether data goes over the air. */
  get isOnline(): boolean {
    return this.functionality === 1 && this.isAttached
  }

  /** Says `+QIND: "FOTA",…` at the port (AG35 guide 3.1). */
  tell(event: FotaEventName, value: number | null = null): void {
    const sign = event === "RESTORE" ? "%" : ""
    this.say(`+QIND: "FOTA","${event}"${value === null ? "" : `,${value}${sign}`}`)
  }

  /** Says a line that nobody asked for. */
  say(line: string): void {
    const text = this.fault.hasBlanks === true ? line.replaceAll(/,(?=["\d])/g, ", ") : line
    this.body.log(text)
    this.port.write(latin1(`\r\n${text}\r\n`))
  }

  /** The URC that ends something, kept as what the run came to. */
  end(event: EndEvent, code: number): void {
    this.#last = `${event} ${code}`
    this.tell(event, code)
  }

  /** Cuts the module's power here when its fault says so: once for each time that it is switched on. */
  mayLosePower(point: CutPoint): void {
    if (this.fault.powerCut !== point || this.#run.ram?.get("power-cut") === true) return
    this.#run.ram?.set("power-cut", true)
    throw new OwnPowerCut(point)
  }

  /** Takes an order from the host; false = the module has one already. */
  take(order: ModuleOrder): boolean {
    if (this.isBusy && order.kind === "update") return false
    if (order.kind === "update") this.isBusy = true
    this.#order = order
    if (order.kind === "restart") this.hangUp?.()
    this.#wake?.()
    return true
  }

  /** The next order of the host. */
  async nextOrder(): Promise<ModuleOrder> {
    while (this.#order === null) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const order = this.#order
    this.#order = null
    this.#wake = null
    return order
  }

  /** Whether the host has ordered a restart that has not been done yet. */
  get isToRestart(): boolean {
    return this.#order?.kind === "restart"
  }

  /** RAM after a restart. */
  forget(): void {
    this.functionality = 1
    this.isAttached = true
    this.hangUp = null
    this.isBusy = false
    this.#order = null
    this.#wake = null
  }

  async readVersion(): Promise<void> {
    this.version = (await readFirmwareMark(this.flash))?.version ?? "none"
  }

  /** How the run stands, for whoever switched the module on. */
  get runEnd(): RunEnd {
    const words = this.#last === idle.code ? idle.words : endWords(this.profile.id, this.#last)
    return { code: this.#last, words, running: { version: this.version } }
  }
}
