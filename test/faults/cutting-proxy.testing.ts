import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** Where a connection is cut: after so many bytes in one direction, all connections together; `null` = nowhere. */
export interface Cut {
  readonly way: "up" | "down"
  readonly afterBytes: number
}

export interface CuttingProxy {
  readonly port: number
  /** Whether the cut has been made; there is one. */
  readonly hasCut: () => boolean
  /** Bytes that have passed. */
  readonly passed: Readonly<Record<Cut["way"], number>>
  readonly close: () => Promise<void>
}

/** What is written before a reset has to be with the other side, or the reset takes it along. */
const lingerMs = 30

/** Stands before a server, passes everything on, and breaks one connection once, at one byte. */
export async function startCuttingProxy(serverPort: number, cut: Cut | null): Promise<CuttingProxy> {
  const passed = { up: 0, down: 0 }
  const sockets = new Set<Socket>()
  let hasCut = false
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (module) => {
    const upstream = connect({ port: serverPort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
    let isOver = false
    const pass = (way: Cut["way"], bytes: Buffer, to: Socket): void => {
      if (isOver) return
      const room = cut?.way === way && !hasCut ? cut.afterBytes - passed[way] : Number.POSITIVE_INFINITY
      const some = bytes.subarray(0, room)
      passed[way] += some.length
      to.write(some)
      if (some.length === bytes.length) return
      isOver = true
      hasCut = true
      setTimeout(() => {
        module.resetAndDestroy()
        upstream.resetAndDestroy()
      }, lingerMs)
    }
    module.on("data", (bytes) => pass("up", bytes, upstream))
    upstream.on("data", (bytes) => pass("down", bytes, module))
    for (const [one, other] of [
      [module, upstream],
      [upstream, module],
    ] as const) {
      sockets.add(one)
      one.on("error", () => one.destroy())
      one.once("end", () => (isOver ? undefined : other.end()))
      one.once("close", () => {
        sockets.delete(one)
        if (!isOver) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    port: (server.address() as AddressInfo).port,
    hasCut: () => hasCut,
    passed,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
