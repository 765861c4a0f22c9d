import { once } from "node:events"
import { type AddressInfo, type Socket, createServer } from "node:net"
import type { MemoryPort } from "../core/families/memory-port.ts"
import { WrongUse } from "./wrong-use.ts"

/** Hosts at the same time; a port is for one, but programs come before others have gone. */
const mostHosts = 16
/** What a host that does not read may leave unread, bytes; what comes beyond is lost, as on a UART. */
const mostUnreadBytes = 256 * 1024

/** Listens on `where`, HOST:PORT; each connection is a host that has the port open. It breaks when the port vanishes. */
export async function serveTcpPort(
  port: MemoryPort,
  where: string,
): Promise<{ readonly address: string; readonly close: () => Promise<void> }> {
  const { host, number } = parseAddress(where)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    if (sockets.size >= mostHosts) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    join(port, socket)
  })
  try {
    server.listen(number, host)
    await once(server, "listening")
  } catch (error) {
    throw new WrongUse(`nothing can listen on ${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  const { address, port: actual, family } = server.address() as AddressInfo
  return {
    address: family === "IPv6" ? `[${address}]:${actual}` : `${address}:${actual}`,
    close: async () => {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function join(port: MemoryPort, socket: Socket): void {
  socket.setNoDelay(true)
  // A host that breaks its connection has closed the port.
  socket.on("error", () => socket.destroy())
  const open = port.open({
    receive: (bytes) => {
      if (socket.writableLength < mostUnreadBytes) socket.write(bytes)
    },
    vanish: () => socket.destroy(),
  })
  // The port is not on the bus: the host gets what a terminal program gets from a device that is not there.
  if (open === null) {
    socket.destroy()
    return
  }
  socket.on("data", (bytes: Buffer) => open.write(new Uint8Array(bytes)))
  socket.on("end", () => socket.end())
  socket.on("close", () => open.close())
}

function parseAddress(where: string): { readonly host: string; readonly number: number } {
  const match = /^(?:\[([0-9a-f:]+)\]|([^:[\]\s]+)):(\d{1,5})$/i.exec(where)
  const number = Number(match?.[3])
  if (match === null || number > 65535) throw new WrongUse(`${JSON.stringify(where)} is no HOST:PORT to listen on`)
  return { host: match[1] ?? match[2] ?? "", number }
}
