import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { expect, it } from "vitest"
import { waitingBytes } from "./waiting-bytes.ts"

it("of a large write to a peer that reads nothing are fewer than were written, and more than none", async () => {
  const server = createServer({ pauseOnConnect: true })
  const peer = new Promise<Socket>((resolve) => server.once("connection", resolve))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
  const accepted = await peer
  try {
    expect(waitingBytes(accepted)).toBe(0)
    const bytes = 64 * 1024 * 1024
    accepted.write(new Uint8Array(bytes))
    expect(waitingBytes(accepted)).toBeLessThan(bytes)
    expect(waitingBytes(accepted)).toBeGreaterThan(0)
  } finally {
    accepted.destroy()
    socket.destroy()
    server.close()
  }
  expect(waitingBytes(accepted)).toBeNull()
})
