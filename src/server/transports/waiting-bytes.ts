import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"

/**
 * Bytes that were written to a socket and wait in this process because the kernel has not accepted them; null = not known. Node
 * tells of a write only when all of it is accepted, and a large one to a slow peer is accepted over minutes; libuv counts what
 * is left (`uv_stream_get_write_queue_size`), and Node has the count on the socket's handle, where its own timeouts look. Under
 * TLS these are other bytes.
 */
export function waitingBytes(socket: Socket): number | null {
  if (socket instanceof TLSSocket) return null
  const handle: unknown = Reflect.get(socket, "_handle")
  const waiting: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "writeQueueSize") : null
  return typeof waiting === "number" ? waiting : null
}
