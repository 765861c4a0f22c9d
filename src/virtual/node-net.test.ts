import { once } from "node:events"
import { type AddressInfo, type Socket, createConnection, createServer } from "node:net"
import { describe, expect, it } from "vitest"
import { type ByteStream, LinkError } from "../core/families/body.ts"
import { nodeNet } from "./node-net.ts"

/** A loopback server and a device's connection to it. */
async function joined(deed: (device: ByteStream, peer: Socket) => Promise<void>, signal?: AbortSignal): Promise<void> {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const connection = once(server, "connection")
  const { port } = server.address() as AddressInfo
  const net = nodeNet(signal ?? new AbortController().signal)
  const device = await net.connect({ host: "127.0.0.1", port, timeoutMs: 5000 })
  const [peer] = (await connection) as [Socket]
  peer.on("error", () => undefined)
  try {
    await deed(device, peer)
  } finally {
    device.destroy()
    peer.destroy()
    server.close()
  }
}

const failure = async (deed: Promise<unknown>): Promise<string> => {
  try {
    await deed
    return "nothing failed"
  } catch (error) {
    return error instanceof LinkError ? error.kind : String(error)
  }
}

describe("a device's connection", () => {
  it("gives at most what was asked for, keeps the rest, and ends with nothing", () =>
    joined(async (device, peer) => {
      peer.end("hello")
      expect(Buffer.from(await device.read(2, 1000)).toString()).toBe("he")
      expect(Buffer.from(await device.read(10, 1000)).toString()).toBe("llo")
      expect((await device.read(10, 1000)).length).toBe(0)
      expect((await device.read(10, 1000)).length).toBe(0)
    }))

  it("says timeout when nothing comes, and goes on afterwards", () =>
    joined(async (device, peer) => {
      expect(await failure(device.read(10, 20))).toBe("timeout")
      peer.write("x")
      expect((await device.read(10, 1000)).length).toBe(1)
    }))

  it("says reset when the peer breaks it", () =>
    joined(async (device, peer) => {
      peer.resetAndDestroy()
      expect(await failure(device.read(10, 1000))).toBe("reset")
      expect(await failure(device.write(Uint8Array.of(1)))).toBe("reset")
    }))

  it("slows its peer down by not reading", () =>
    joined(async (device, peer) => {
      const chunk = Buffer.alloc(1 << 20)
      for (let sent = 0; sent < 64; sent++) peer.write(chunk)
      await device.read(1, 1000)
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(peer.writableLength).toBeGreaterThan(32 << 20)
    }))

  it("ends politely and is gone as soon as the peer ends too, or ends at once", async () => {
    await joined(async (device, peer) => {
      const close = once(peer, "close")
      peer.write("late words")
      peer.resume()
      device.end()
      await close
    })
    await joined(async (device, peer) => {
      const broken = new Promise<Error>((resolve) => {
        peer.once("error", resolve)
      })
      device.destroy()
      expect(await broken).toMatchObject({ code: "ECONNRESET" })
    })
  })

  it("is taken away when the device is switched off", async () => {
    const off = new AbortController()
    await joined(async (device) => {
      const reading = failure(device.read(1, 5000))
      off.abort()
      expect(await reading).toBe("reset")
    }, off.signal)
  })

  it("cannot be had where nobody listens", async () => {
    const net = nodeNet(new AbortController().signal)
    expect(await failure(net.connect({ host: "127.0.0.1", port: 1, timeoutMs: 1000 }))).toBe("refused")
  })

  it("can be waited for beside another, and the wait ends", () =>
    joined(async (device) => {
      const net = nodeNet(new AbortController().signal)
      const listening = await net.listenOnce(device)
      expect(listening.host).toBe("127.0.0.1")
      expect(await failure(listening.accept(20))).toBe("timeout")
      const caller = createConnection(listening.port, listening.host)
      caller.on("error", () => undefined)
      caller.end("data")
      const data = await listening.accept(1000)
      expect(Buffer.from(await data.read(10, 1000)).toString()).toBe("data")
      listening.close()
      data.destroy()
    }))
})
