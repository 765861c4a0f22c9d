import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { passwordOf } from "./memory-host.testing.ts"
import { openData, RawClient } from "./raw-client.testing.ts"
import { notice, program, withServer } from "./started-server.testing.ts"

/** Below the ports that the system gives to connections, of which any might be in use. */
const range = { minPort: 29_400, maxPort: 29_415 }

describe("somebody at a device's own address, without its password,", () => {
  it("who connects first to its data port makes the transfer doubtful, and nothing is concluded from it", () =>
    withServer(async ({ port, host, until }) => {
      const device = await RawClient.logIn(port, "mote-1")
      const passive = await device.passivePort()
      const thief = openData(passive)
      await until(() => thief.socket.readyState === "open")
      expect(await device.code("RETR PROG001")).toBe(150)
      const own = openData(passive)
      expect(await own.bytes).toEqual(Buffer.alloc(0))
      await thief.bytes
      expect((await device.reply()).code).toBe(426)
      expect(host.contested).toBe(1)
      expect(host.ends).toMatchObject([{ name: "PROG001", from: 0, to: 0, sent: 0, whole: false }])
    }))

  it("is noticed too when the device comes only after the transfer", () =>
    withServer(async ({ port, host, until }) => {
      const device = await RawClient.logIn(port, "mote-1")
      const passive = await device.passivePort()
      const thief = openData(passive)
      await until(() => thief.socket.readyState === "open")
      expect(await device.code("RETR UPGRADE.TXT")).toBe(150)
      expect(await thief.bytes).toEqual(notice)
      await device.reply()
      await openData(passive).bytes
      await until(() => host.contested === 1)
    }))

  it("cannot tell where the next data port will be", () =>
    withServer(
      async ({ port }) => {
        const device = await RawClient.logIn(port, "mote-1")
        // Until all of the range are open.
        for (let i = 0; i < 40; i++) await device.fetch("UPGRADE.TXT")
        const ports: number[] = []
        for (let i = 0; i < 200; i++) {
          ports.push(await device.passivePort())
          await device.fetchFrom(ports.at(-1) ?? 0, "UPGRADE.TXT")
        }
        expect(Math.min(...ports)).toBeGreaterThanOrEqual(range.minPort)
        expect(Math.max(...ports)).toBeLessThanOrEqual(range.maxPort)
        expect(new Set(ports).size).toBe(range.maxPort - range.minPort + 1)
        // Whoever has seen them all and guesses what followed this one last time is right once in sixteen times, by chance.
        const followed = new Map<number, number>()
        let right = 0
        for (const [i, next] of ports.entries()) {
          const before = ports[i - 1]
          if (before === undefined) continue
          if (followed.get(before) === next) right++
          followed.set(before, next)
        }
        expect(right).toBeLessThan(60)
      },
      { passive: range },
    ))
})

describe("one login", () => {
  it("cannot use up the passive ports by asking for one after another", () =>
    withServer(
      async ({ port }) => {
        const greedy = await RawClient.logIn(port, "mote-1")
        for (let round = 0; round < 100; round++) {
          expect(await greedy.code("EPSV")).toBe(229)
          expect(await greedy.code("PORT 127,0,0,1,200,0")).toBe(200)
        }
        const other = await RawClient.logIn(port, "mote-2")
        for (let i = 0; i < 20; i++) expect((await other.fetch("UPGRADE.TXT")).code).toBe(226)
      },
      { passive: { minPort: 29_300, maxPort: 29_330 } },
    ))

  it("holds its share of them at a time, and others the rest", () =>
    withServer(
      async ({ port }) => {
        const greedy = await Promise.all(Array.from({ length: 20 }, () => RawClient.logIn(port, "mote-1")))
        const codes = await Promise.all(greedy.map((client) => client.code("EPSV")))
        expect(codes.filter((code) => code === 229)).toHaveLength(8)
        const other = await RawClient.logIn(port, "mote-2")
        expect((await other.fetch("UPGRADE.TXT")).code).toBe(226)
      },
      { passive: { minPort: 29_340, maxPort: 29_360 } },
    ))
})

describe("guessing passwords", () => {
  it("gains nothing from many sessions that were opened before", () =>
    withServer(async ({ port, clock, host }) => {
      const guessers = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(port)))
      for (const guesser of guessers) await guesser.ask("USER mote-1")
      for (const [i, guesser] of guessers.entries()) guesser.write(`PASS ${i}\r\n`)
      await guessers[0]?.settled()
      await clock.pass(16_000)
      expect(host.guesses).toBeLessThanOrEqual(8)
    }))

  it("does not hold up a device that comes from its usual address, nor one that nobody guessed at", () =>
    withServer(async ({ port, clock, host }) => {
      host.usual.add("mote-1 127.0.0.1")
      const guessers = await Promise.all(Array.from({ length: 60 }, () => RawClient.connect(port)))
      for (const guesser of guessers) await guesser.ask("USER somebody")
      for (const guesser of guessers) guesser.write("PASS wrong\r\n")
      await guessers[0]?.settled()
      expect(await (await RawClient.logIn(port, "mote-1")).code("NOOP")).toBe(200)
      const other = await RawClient.connect(port)
      await other.ask("USER mote-2")
      other.write(`PASS ${passwordOf("mote-2")}\r\n`)
      await other.settled()
      await clock.pass(6000)
      expect((await other.reply()).code).toBe(230)
      // From now on its address is its usual one.
      expect(await (await RawClient.logIn(port, "mote-2")).code("NOOP")).toBe(200)
    }))

  it("at a login from its own usual address is slow as well, after twenty wrong ones", () =>
    withServer(async ({ port, clock, host }) => {
      host.usual.add("mote-1 127.0.0.1")
      const guessers = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(port)))
      for (const guesser of guessers) await guesser.ask("USER mote-1")
      for (const guesser of guessers) guesser.write("PASS wrong\r\n")
      await guessers[0]?.settled()
      await clock.pass(16_000)
      expect(host.guesses).toBeLessThanOrEqual(28)
    }))

  it("and idle connections never make the server refuse the good device behind the same address", () =>
    withServer(async ({ port, clock }) => {
      for (let i = 0; i < 4; i++) {
        const guesser = await RawClient.connect(port)
        for (let j = 0; j < 3; j++) {
          await guesser.ask("USER nobody")
          guesser.write("PASS wrong\r\n")
          await guesser.settled()
          await clock.pass(17_000)
          expect((await guesser.reply()).code).toBe(530)
        }
      }
      await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port)))
      for (let i = 0; i < 20; i++) expect(await (await RawClient.logIn(port, "mote-1")).code("QUIT")).toBe(221)
    }))
})

describe("idle connections", () => {
  it("that nobody logs in on give way to whoever comes next", () =>
    withServer(
      async ({ port, clock, server, until }) => {
        const idle = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(port)))
        await clock.pass(6000)
        for (let i = 0; i < 10; i++) {
          const device = await RawClient.logIn(port, "mote-1")
          expect((await device.fetch("PROG001")).bytes.equals(program)).toBe(true)
        }
        expect((await idle[0]?.reply())?.code).toBe(421)
        await until(() => server.stats().sessions <= 42)
      },
      { limits: { maxStrangersPerPeer: 32 } },
    ))

  it("of one address leave room for others when the server is full", () =>
    withServer(
      async ({ port, clock }) => {
        await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(port)))
        await clock.pass(6000)
        const elsewhere = new RawClient(connect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" }))
        expect((await elsewhere.reply()).code).toBe(220)
      },
      { limits: { maxSessions: 20 } },
    ))
})
