import { connect, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import type { LimitName } from "../../../core/kit/limits.ts"
import { exchange, manifest, withHttp } from "./started-http.testing.ts"

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
