import { createConnection } from "node:net"
import type { AtClock, AtLine } from "../core/protocols/at/at-line.ts"
import { ArrivalLine } from "../serial/arrival-line.ts"

const connectMs = 5000

/** The host and port of `tcp://HOST:PORT`; null for every other name. */
export function tcpAddress(name: string): { readonly host: string; readonly port: number } | null {
  const match = /^tcp:\/\/(\[[0-9A-Fa-f:.]+\]|[^/:\s]+):(\d{1,5})\/?$/.exec(name)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port < 1 || port > 65_535) return null
  return { host: match[1].replace(/^\[(.*)\]$/, "$1"), port }
}

/** Opens an AT port behind TCP: a terminal server, a virtual module. Null when nobody listens. */
export function openTcpLine(
  name: string,
  address: { readonly host: string; readonly port: number },
  clock: AtClock,
): Promise<AtLine | null> {
  return new Promise((resolve) => {
    const socket = createConnection(address)
    socket.setNoDelay(true)
    const timer = setTimeout(() => socket.destroy(), connectMs)
    let line: ArrivalLine | null = null
    socket.once("connect", () => {
      clearTimeout(timer)
      line = new ArrivalLine(name, clock, {
        write: (bytes) =>
          new Promise((written) => {
            socket.write(bytes, (error) => written(error === null || error === undefined))
          }),
        close: async () => {
          await Promise.resolve()
          socket.destroy()
        },
      })
      resolve(line)
    })
    socket.on("data", (bytes) => line?.arrive(bytes))
    socket.on("end", () => socket.destroy())
    // `close` follows every error and says the same.
    socket.on("error", () => undefined)
    socket.on("close", () => {
      clearTimeout(timer)
      line?.vanish()
      resolve(null)
    })
  })
}
