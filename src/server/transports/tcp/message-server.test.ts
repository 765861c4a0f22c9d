import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { wallClock } from "../ftp/started-server.testing.ts"
import { type MessageHost, type MessageLogEntry, type MessageServer, startMessageServer } from "./message-server.ts"

/** Messages of one length byte and that many bytes; `q` as the first of them asks for the end, `!` breaks the host. */
class EchoHost implements MessageHost {
  readonly heard: string[] = []

  frameBytes = (head: Uint8Array): number | null => {
    if (head[0] === 0xff) throw new Error("no message")
    return head[0] === undefined ? null : head[0] + 1
  }

  received = async (message: Uint8Array, peer: string) => {
    const text = new TextDecoder().decode(message.subarray(1))
    this.heard.push(`${peer} ${text}`)
    await Promise.resolve()
    if (text.startsWith("!")) throw new Error("broken")
    return [{ bytes: message, isLast: text.startsWith("q") }]
  }
}

const servers: MessageServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function start(limits = {}): Promise<{ server: MessageServer; host: EchoHost; log: MessageLogEntry[] }> {
  const host = new EchoHost()
  const log: MessageLogEntry[] = []
  const server = await startMessageServer({
    listen: { host: "127.0.0.1", port: 0 },
    host,
    limits,
    clock: wallClock,
    log: (entry) => log.push(entry),
  })
  servers.push(server)
  return { server, host, log }
}

const frame = (text: string): Buffer => Buffer.from([text.length, ...Buffer.from(text)])

/** Everything that comes back until the connection is closed. */
function exchange(server: MessageServer, send: (socket: Socket) => void): Promise<Buffer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    const socket = connect(server.address.port, "127.0.0.1", () => send(socket))
    socket.on("data", (piece) => pieces.push(piece))
    socket.on("error", () => undefined)
    socket.on("close", () => resolve(Buffer.concat(pieces)))
  })
}

describe("the server for messages over TCP", () => {
  it("takes messages cut at every byte, answers in order, and ends when told", async () => {
    const { server, host } = await start()
    const answered = await exchange(server, (socket) => {
      socket.setNoDelay(true)
      for (const byte of Buffer.concat([frame("one"), frame("two"), frame("quit")])) socket.write(Buffer.from([byte]))
    })
    expect(answered).toEqual(Buffer.concat([frame("one"), frame("two"), frame("quit")]))
    expect(host.heard).toEqual(["127.0.0.1 one", "127.0.0.1 two", "127.0.0.1 quit"])
  })

  it("hears nothing of a message that was cut off, wherever that was", async () => {
    const { server, host } = await start()
    const whole = frame("hello")
    for (let cut = 0; cut < whole.length; cut++) {
      await exchange(server, (socket) => socket.end(whole.subarray(0, cut)))
    }
    expect(host.heard).toEqual([])
  })

  it("resets what is no message, what is too long, and what breaks the host, and logs it", async () => {
    const { server, log } = await start({ maxMessageBytes: 10 })
    await exchange(server, (socket) => socket.write(Buffer.from([0xff, 1, 2])))
    await exchange(server, (socket) => socket.write(Buffer.from([200])))
    await exchange(server, (socket) => socket.write(frame("!")))
    expect(log.map(({ event }) => event)).toEqual(["malformed", "malformed", "failed"])
  })

  it("closes those who say nothing, and turns away more than it may have from one address", async () => {
    const { server, log } = await start({ messageTimeoutMs: 300, maxConnectionsPerPeer: 3 })
    const silent = Array.from({ length: 5 }, () => exchange(server, () => undefined))
    await Promise.all(silent)
    expect(log.filter(({ event }) => event === "turned-away")).toHaveLength(2)
    while (server.connections() > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})
