import type { Body, NonVolatileMemory } from "../../body.ts"
import type { DeviceRun, DeviceSide, RunEnd } from "../../family.ts"
import { type Board, event, freshMemory, type ServiceMemory } from "./board.ts"
import { boardFault, virtualFaults } from "./faults.ts"
import { openHardware } from "./board-hardware.ts"
import { boardModel, programFlash, sectorBytes, type Slot } from "../models.ts"
import { checkForUpdate, endOf } from "./ota-service.ts"
import { reset } from "./restart.ts"
import { typeLine } from "./sysota-console.ts"

/** The timer fires at the interval and two seconds (pic32mzw1.md 2.5); the interval itself is whoever runs the board. */
const lateMs = 2000
/** A named fault is shown without waiting for the hardware's long time limits, ms. */
const faultLimitMs = 4000
/** However fast the board's own time goes, the network needs its own. */
const shortestLimitMs = 10_000

export const deviceSide: DeviceSide = { faults: virtualFaults, run: runBoard }

/**
 * One contact of a virtual board: power-on where it has no RAM, then one update check with all that follows. `server`
 * holds `url`, the manifest's URL, and may hold `console`, lines to type before the check.
 */
export async function runBoard(body: Body, run: DeviceRun): Promise<RunEnd> {
  const model = boardModel(run.model)
  const fault = boardFault(run.fault)
  const ram = run.ram ?? new Map<string, unknown>()
  const powered = ram.get("ota-service") as ServiceMemory | undefined
  const service = powered ?? freshMemory(model, run.server["url"] ?? "")
  const opened = await openHardware(body, model.slot)
  const hardware =
    fault?.board === "write-error" ? { ...opened, program: onceWrong(opened.program, model.slot) } : opened
  const limit = (ms: number): number =>
    Math.min(ms, fault === null ? Math.max(ms / run.speed, shortestLimitMs) : faultLimitMs)
  const board: Board = { body, model, hardware, fault, service, limit }
  if (powered === undefined) {
    const started = await reset(board)
    ram.set("ota-service", service)
    if (started !== null) return endOf(board, started)
  } else {
    await body.clock.sleep(lateMs / run.speed, run.signal)
  }
  for (const line of (run.server["console"] ?? "").split("\n").filter((text) => text !== "")) {
    const code = await typeLine(board, line)
    if (code !== null) return endOf(board, code)
  }
  return contact(board)
}

async function contact(board: Board): Promise<RunEnd> {
  if (board.service.idle !== null) {
    event(board, "IDLE", "until a reset")
    return endOf(board, board.service.idle)
  }
  if (board.fault?.board === "no-network") {
    event(board, "WAITING_FOR_NETWORK_CONNECTION")
    return endOf(board, "WAITING_FOR_NETWORK_CONNECTION")
  }
  if (board.service.settings.url.startsWith("https:")) board.body.log("tls: time from SNTP, certificate not verified")
  const code = await checkForUpdate(board)
  return endOf(board, code)
}

/** Program flash in which the first write of code goes wrong by one bit, once. */
function onceWrong(memory: NonVolatileMemory, slot: Slot): NonVolatileMemory {
  let done = false
  const code = slot.startAddress - programFlash.startAddress + sectorBytes
  return {
    sizeBytes: memory.sizeBytes,
    read: (offset, length) => memory.read(offset, length),
    erase: (offset) => memory.erase(offset),
    write: async (offset, bytes) => {
      const wrong = bytes.slice()
      const at = wrong.findIndex((byte) => byte !== 0)
      if (!done && offset === code && at >= 0) {
        done = true
        wrong[at] = (wrong[at] ?? 0) & ((wrong[at] ?? 0) - 1)
      }
      await memory.write(offset, wrong)
    },
  }
}
