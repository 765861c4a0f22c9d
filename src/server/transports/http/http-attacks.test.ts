import { connect, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import type { LimitName } from "../../../core/kit/limits.ts"
import { exchange, manifest, NotingHost, RawHttp, withHttp } from "./started-http.testing.ts"

/** A clock that moves when it is told to. */
class TestClock {
  #now = 1_000_000
  readonly #ticks = new Set<() => void>()
  readonly now = (): number => this.#now
  readonly every = (_ms: number, tick: () => void): (() => void) => {
    this.#ticks.add(tick)
    return () => this.#ticks.delete(tick)
  }

  pass(ms: number): void {
    this.#now += ms
    for (const tick of this.#ticks) tick()
  }
}

/** Connections that say nothing. */
async function silent(port: number, count: number, localAddress = "127.0.0.1"): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = connect({ port, host: "127.0.0.1", localAddress }, () => resolve(socket))
          socket.on("error", () => undefined)
          socket.resume()
        }),
    ),
  )
}

const closedOf = (sockets: readonly Socket[]): number => sockets.filter(({ destroyed }) => destroyed).length

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe("connections that say nothing to the device listener", () => {
  it("give way, the oldest first, and keep nobody at the same address or another one out", async () => {
    const clock = new TestClock()
    const met: LimitName[] = []
    const limits = { maxConnections: 24, maxStrangersPerPeer: 16 }
    await withHttp(
      async ({ port, server }) => {
        const idle = await silent(port, 16)
        const others = await silent(port, 8, "127.0.0.2")
        await until(() => server.stats().connections === 24)
        clock.pass(6000)
        for (let n = 0; n < 5; n++) {
          const { text } = await exchange(port, "GET /d/k/ota.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
          expect(text.endsWith(manifest)).toBe(true)
        }
        await until(() => closedOf(idle) >= 1)
        expect(closedOf(others)).toBe(0)
        expect(new Set(met)).toEqual(new Set(["http.strangers-per-address"]))
      },
      { clock, limits, hit: (limit) => met.push(limit) },
    )
  })

  it("and those that ask and ask for what nobody has give way as well, whole requests or not", async () => {
    const clock = new TestClock()
    const limits = { maxConnections: 24, maxStrangersPerPeer: 16 }
    const host = new (class extends NotingHost {
      override find(head: Parameters<NotingHost["find"]>[0]) {
        if (!head.path.startsWith("/d/nobody/")) return super.find(head)
        return { kind: "notice", status: 401, contentType: "text/plain", content: "who?", isForStranger: true } as const
      }
    })()
    await withHttp(
      async ({ port, server }) => {
        const asking = await silent(port, 16)
        for (const socket of asking) {
          socket.write("GET /d/nobody/ota.json HTTP/1.1\r\nHost: x\r\n\r\n")
          await new Promise((resolve) => socket.once("data", resolve))
        }
        await until(() => server.stats().totals.requests === 16)
        clock.pass(6000)
        for (let n = 0; n < 20; n++) {
          const { text } = await exchange(port, "GET /d/k/ota.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
          expect(text.endsWith(manifest)).toBe(true)
        }
        await until(() => closedOf(asking) > 0)
      },
      { clock, limits, host },
    )
  })

  it("count while their TLS handshake is not finished", async () => {
    const clock = new TestClock()
    const met: LimitName[] = []
    await withHttp(
      async ({ port }) => {
        const unfinished = await silent(port, 16)
        // The server sees each a moment after its peer does.
        for (let more = 0; more < 50 && closedOf(unfinished) === 0; more++) {
          clock.pass(6000)
          await silent(port, 1)
        }
        expect(closedOf(unfinished)).toBeGreaterThan(0)
        expect(new Set(met)).toEqual(new Set(["http.strangers-per-address"]))
      },
      { clock, tls: { key: "", cert: "" }, limits: { maxStrangersPerPeer: 16 }, hit: (limit) => met.push(limit) },
    )
  })
})

describe("files that a device fetches", () => {
  it("and does not read are a few at once: the oldest gives way to the newest, another device's to none", async () => {
    const met: LimitName[] = []
    const owners = { a: {}, b: {} }
    const host = new (class extends NotingHost {
      override find(head: Parameters<NotingHost["find"]>[0]) {
        const node = super.find({ ...head, path: "/d/k/v2.bin" })
        const owner = head.path === "/a" ? owners.a : owners.b
        return node?.kind === "file" ? { ...node, share: { owner, most: 3 } } : node
      }
    })(new Uint8Array(40 << 20))
    const fetching = async (port: number, path: string): Promise<RawHttp> => {
      const client = await RawHttp.open(port)
      client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await client.until((text) => text.length > 0)
      client.socket.pause()
      return client
    }
    await withHttp(
      async ({ port, server }) => {
        const other = await fetching(port, "/b")
        const own: RawHttp[] = []
        for (let n = 0; n < 5; n++) own.push(await fetching(port, "/a"))
        await until(() => server.stats().transfers === 4)
        for (const { socket } of own.slice(0, 2)) socket.resume()
        await until(() => closedOf(own.map(({ socket }) => socket)) === 2)
        expect(own.map(({ socket }) => socket.destroyed)).toEqual([true, true, false, false, false])
        expect(other.socket.destroyed).toBe(false)
        for (const { socket } of [other, ...own]) socket.destroy()
        await until(() => server.stats().transfers === 0)
      },
      { host, hit: (limit) => met.push(limit) },
    )
    expect(met).toEqual(["http.transfers-per-login", "http.transfers-per-login"])
  })
})

describe("bodies that devices send", () => {
  const post = (length: number, body = ""): string =>
    `POST /agent/v1/report HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`
  const calling = (turnAway: () => { status: number; contentType: string; body: string } | null) => {
    const answer = ({ body }: { readonly body: Uint8Array }) =>
      Promise.resolve({ status: 200, contentType: "text/plain", body: `${body.length} came` })
    return Object.assign(new NotingHost(), { calls: { prefix: "/agent/", maxBodyBytes: 1000, turnAway, answer } })
  }

  it("are not waited for, let alone read, from who shows nothing", async () => {
    const host = calling(() => ({ status: 401, contentType: "text/plain", body: "who?" }))
    await withHttp(
      async ({ port }) => expect((await exchange(port, post(1000, "begun"))).text).toMatch(/^HTTP\/1.1 401 .*who\?$/s),
      { host },
    )
  })

  it("and never end give way, the oldest first, to those that do, and cost no more than their bound", async () => {
    const met: LimitName[] = []
    await withHttp(
      async ({ port }) => {
        const slow: RawHttp[] = []
        for (let n = 0; n < 4; n++) {
          slow.push(await RawHttp.open(port))
          slow.at(-1)?.send(post(1000, "x".repeat(900)))
          // Until the server has it, which the next one's answer shows.
          expect((await exchange(port, post(50, "y".repeat(50)))).text).toContain("50 came")
        }
        await slow[0]?.closed
        expect(slow.map(({ socket }) => socket.destroyed)).toEqual([true, false, false, false])
        for (const { socket } of slow) socket.destroy()
      },
      { host: calling(() => null), limits: { maxBodyBytes: 3000 }, hit: (limit) => met.push(limit) },
    )
    expect(met).toEqual(["http.bodies"])
  })
})
