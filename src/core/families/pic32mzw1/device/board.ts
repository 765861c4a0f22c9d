import type { Body } from "../../body.ts"
import type { BoardFault } from "./faults.ts"
import type { Hardware } from "./board-hardware.ts"
import type { BoardModel } from "../models.ts"
import type { OtaEvent } from "./ota-events.ts"
import type { ResultCode } from "../result-codes.ts"

/** A board with power: what it is, what it remembers in RAM, and what is wrong with it. */
export interface Board {
  readonly body: Body
  readonly model: BoardModel
  readonly hardware: Hardware
  readonly fault: BoardFault | null
  readonly service: ServiceMemory
  /** Turns the hardware's time limits into ours, ms. */
  readonly limit: (ms: number) => number
}

/** What `sysota set` sets; lost at a reset, as the console's settings are. */
export interface ServiceSettings {
  periodic: boolean
  autoReset: boolean
  autoUpdate: boolean
  seconds: number
  url: string
}

/** RAM of the OTA service: gone after a reset. */
export interface ServiceMemory {
  settings: ServiceSettings
  /** pic32mzw1.md 2.2 M2. */
  stickyErase: boolean
  /** The receive offset of the manifest is static: a truncated one leaves it where it was (2.3). */
  manifestOffset: number
  readonly manifestBuffer: Uint8Array
  /** Set = idle until a reset, and why (2.2 M11). */
  idle: ResultCode | null
}

export function freshMemory(model: BoardModel, url: string): ServiceMemory {
  return {
    settings: { periodic: true, autoReset: true, autoUpdate: true, seconds: 60, url },
    stickyErase: false,
    manifestOffset: 0,
    manifestBuffer: new Uint8Array(model.manifestBytes),
    idle: null,
  }
}

/** Prints an event of the service. */
export function event(board: Board, name: OtaEvent, detail = ""): void {
  board.body.log(`SYS_OTA_EVENT_${name}${detail === "" ? "" : `: ${detail}`}`)
}

/** The service does nothing more until a reset. */
export function halt(board: Board, code: ResultCode): ResultCode {
  board.service.idle = code
  return code
}
