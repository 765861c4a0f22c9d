import { SerialPort } from "serialport"
import type { AtClock, AtLine } from "../core/protocols/at/at-line.ts"
import { ArrivalLine } from "./arrival-line.ts"

/** Opens a serial port, for this program alone. Rejects when it is not there or somebody else has it. */
export function openSerialLine(path: string, baudRate: number, clock: AtClock): Promise<AtLine> {
  return new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate, autoOpen: false, lock: true, hupcl: false })
    const line = new ArrivalLine(path, clock, {
      write: (bytes) =>
        new Promise((written) => {
          if (!port.isOpen) written(false)
          else port.write(bytes, (error) => written(error === null || error === undefined))
        }),
      close: () =>
        new Promise((closed) => {
          if (!port.isOpen) closed()
          else port.close(() => closed())
        }),
    })
    port.on("data", (bytes: Uint8Array) => line.arrive(bytes))
    // A USB module that restarts takes its port along: serialport tells that as an error or as a close.
    port.on("error", () => line.vanish())
    port.on("close", () => line.vanish())
    port.open((error) => (error === null || error === undefined ? resolve(line) : reject(error)))
  })
}
