import { describe, expect, it } from "vitest"
import { type DataPeer, mayBring } from "./data-peer.ts"
import type { FtpLogEntry } from "./session-needs.ts"
import { openData, RawClient } from "./raw-client.testing.ts"
import { program, withServer } from "./started-server.testing.ts"

const range = { minPort: 0, maxPort: 0 }

/** Fetches a file over a data connection from another loopback address. */
async function fetchFromElsewhere(setting: DataPeer | null, localAddress: string) {
  const log: FtpLogEntry[] = []
  const came = { codes: [0, 0], bytes: Buffer.alloc(0) }
  const passive = setting === null ? range : { ...range, dataPeer: setting }
  await withServer(
    async ({ port, clock }) => {
      const client = await RawClient.logIn(port, "mote-1")
      const data = openData(await client.passivePort(), { localAddress })
      client.write("RETR PROG001\r\n")
      const first = (await client.reply()).code
      if (setting === null || setting === "any-of-prefix") await Promise.race([data.bytes, data.ended])
      await client.settled()
      if (log.some((entry) => entry.event === "data-from-elsewhere" && !entry.isTaken)) await clock.pass(61_000)
      const second = (await client.reply()).code
      Object.assign(came, { codes: [first, second], bytes: await data.bytes })
    },
    { passive, log: (entry) => void log.push(entry) },
  )
  return { log: log.filter(({ event }) => event === "data-from-elsewhere"), ...came }
}

describe("a data connection from another address", () => {
  it.each([
    ["any-of-prefix", "127.0.0.77"],
    ["any", "127.9.9.9"],
  ] as const)("is taken with %s, and told", async (setting, dataPeer) => {
    const { codes, bytes, log } = await fetchFromElsewhere(setting, dataPeer)
    expect(codes).toEqual([150, 226])
    expect(bytes.equals(program)).toBe(true)
    expect(log).toEqual([{ event: "data-from-elsewhere", peer: "127.0.0.1", dataPeer, setting, isTaken: true }])
  })

  it.each([
    [null, "127.0.0.77"],
    ["any-of-prefix", "127.9.9.9"],
  ] as const)("is refused with %s, and told", async (setting, dataPeer) => {
    const { codes, bytes, log } = await fetchFromElsewhere(setting, dataPeer)
    expect(codes).toEqual([150, 425])
    expect(bytes).toHaveLength(0)
    const told = {
      event: "data-from-elsewhere",
      peer: "127.0.0.1",
      dataPeer,
      setting: setting ?? "same",
      isTaken: false,
    }
    expect(log).toEqual([told])
  })

  it("never shares its port with another session, and is the only one that is taken", () =>
    withServer(
      async ({ port }) => {
        const clients = await Promise.all(
          Array.from({ length: 6 }, (_, i) => RawClient.logIn(port, i % 2 ? "mote-1" : "mote-2", `127.0.0.${i + 1}`)),
        )
        const ports = await Promise.all(clients.map((client) => client.passivePort()))
        expect(new Set(ports).size).toBe(6)
        const [client] = clients
        const data = openData(ports[0] ?? 0, { localAddress: "127.0.0.50" })
        await new Promise((resolve) => data.socket.once("connect", resolve))
        const late = openData(ports[0] ?? 0, { localAddress: "127.0.0.51" })
        expect(await late.bytes).toHaveLength(0)
        expect(client === undefined ? 0 : await client.code("QUIT")).toBe(221)
      },
      { passive: { minPort: 0, maxPort: 0, dataPeer: "any" } },
    ))
})

it("a prefix is a /24 of IPv4 and a /64 of IPv6", () => {
  expect(mayBring("any-of-prefix", "10.1.2.3", "10.1.2.200")).toBe(true)
  expect(mayBring("any-of-prefix", "10.1.2.3", "10.1.22.3")).toBe(false)
  expect(mayBring("any-of-prefix", "2001:db8:0:1::5", "2001:db8::1:ffff:0:0:9")).toBe(true)
  expect(mayBring("any-of-prefix", "2001:db8:0:1::5", "2001:db8:0:2::5")).toBe(false)
  expect(mayBring("same", "10.1.2.3", "10.1.2.200")).toBe(false)
})
