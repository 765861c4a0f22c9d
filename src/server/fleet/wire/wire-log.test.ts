import { beforeEach, describe, expect, it } from "vitest"
import { limits } from "../../../core/kit/limits.ts"
import { WireLog } from "./wire-log.ts"
import type { WireSession } from "./wire-session.ts"

let now: number
let log: WireLog
beforeEach(() => {
  now = 1_800_000_000_000
  log = new WireLog(() => now)
})

const all = { since: 0, secrets: [] }

function contact(deviceId: string, ...lines: readonly string[]): WireSession {
  const session = log.begin("ftp", "198.51.100.9")
  if (session === null) throw new Error("nothing is taken down")
  log.attach(session, deviceId)
  for (const line of lines) session.said("device", line)
  session.end()
  now += 1000
  return session
}

const texts = (deviceId: string): string[][] => log.of(deviceId, all).map(({ lines }) => lines.map(({ text }) => text))

describe("what is taken down of a device", () => {
  it("is its last contacts, and of each its first lines; what follows is counted", () => {
    for (let n = 0; n < 12; n++) contact("m1", `USER ${n}`)
    expect(texts("m1")).toEqual([4, 5, 6, 7, 8, 9, 10, 11].map((n) => [`USER ${n}`]))
    contact("m2", ...Array.from({ length: 250 }, (_, n) => `NOOP ${n}`))
    const [long] = log.of("m2", all)
    expect(long?.lines.length).toBeLessThanOrEqual(limits["wire.lines"].most)
    expect((long?.lines.length ?? 0) + (long?.dropped ?? 0)).toBe(250)
    contact("m3", "X".repeat(5000))
    expect(texts("m3")[0]?.[0]).toHaveLength(limits["wire.line-chars"].most)
  })

  it("is bounded in all: the oldest contact of anybody goes first", () => {
    const small = new WireLog(() => now, 20_000)
    for (let n = 0; n < 100; n++) {
      const session = small.begin("ftp", "192.0.2.1")
      if (session === null) throw new Error("nothing is taken down")
      small.attach(session, `d${n}`)
      session.said("device", "Y".repeat(300))
      session.end()
    }
    expect(small.bytes).toBeLessThanOrEqual(20_000)
    expect(small.of("d0", all)).toEqual([])
    expect(small.of("d99", all)).toHaveLength(1)
    expect(small.size).toBeGreaterThan(20)
  })

  it("is counted and not kept again when it is the same, ports aside", () => {
    contact("m1", "USER m1", "PASV", "RETR UPGRADE.TXT")
    for (let n = 0; n < 3; n++) contact("m1", "USER m1", "PASV", "RETR UPGRADE.TXT")
    expect(log.of("m1", all)).toMatchObject([{ repeats: 3 }])
    contact("m1", "USER m1", "PASV", "RETR PROG001")
    expect(log.of("m1", all)).toMatchObject([{ repeats: 3 }, { repeats: 0 }])
    const mark = {
      deviceId: "b1",
      channel: "http",
      peer: "192.0.2.1",
      mark: "GET /ota.json 200",
      answer: "200",
    } as const
    for (let n = 0; n < 5; n++) log.exchange({ ...mark, lines: () => [`GET /ota.json, ${n}`] })
    expect(log.of("b1", all)).toMatchObject([{ repeats: 4, lines: [{ text: "GET /ota.json, 0" }, { text: "200" }] }])
  })

  it("is one contact while messages follow each other, and another one after a while", () => {
    const say = (text: string): void => log.say({ deviceId: "t1", channel: "sms", peer: "+39333" }, "device", text)
    say("a")
    now += 600_000
    say("b")
    now += 3_600_000
    say("c")
    expect(texts("t1")).toEqual([["a", "b"], ["c"]])
  })

  it("holds no password, not even in memory, and is read without the device's secrets", () => {
    const session = contact("m1", "USER m1", "PASS geheim-77", "pass geheim-77", "RETR geheim-77.BIN")
    expect(JSON.stringify(session.view())).not.toContain("PASS geheim")
    expect(JSON.stringify(log.of("m1", { since: 0, secrets: ["geheim-77"] }))).not.toContain("geheim")
    expect(JSON.stringify([...log.kept(() => ["geheim-77"])])).not.toContain("geheim")
  })

  it("is not shown once it is old, nor to whoever has the id later", () => {
    contact("m1", "USER m1")
    expect(log.of("m1", { since: now, secrets: [] })).toEqual([])
    now += (limits["wire.days"].most + 1) * 86_400_000
    expect(log.of("m1", all)).toEqual([])
  })

  it("is the same after a restart, and numbers go on", () => {
    contact("m1", "USER m1", "QUIT")
    contact("m2", "USER m2")
    const next = new WireLog(() => now)
    next.restore([...log.kept(() => [])])
    expect(next.of("m1", all)).toEqual(log.of("m1", all))
    expect(next.bytes).toBe(log.bytes)
    expect(next.begin("ftp", "x")?.number).toBe(3)
  })

  it("keeps one refused contact of a login, however often somebody guesses", () => {
    contact("m1", "USER m1", "QUIT")
    for (let n = 0; n < 20; n++) {
      const session = log.begin("ftp", `192.0.2.${n}`)
      if (session === null) throw new Error("nothing is taken down")
      session.said("device", "USER m1")
      log.attachRefused(session, "m1")
      session.end()
    }
    expect(log.of("m1", all).map(({ peer }) => peer)).toEqual(["198.51.100.9", "192.0.2.19"])
  })

  it("is nothing while it is off", () => {
    log.isOn = false
    expect(log.begin("ftp", "x")).toBeNull()
    log.say({ deviceId: "m1", channel: "sms", peer: "x" }, "device", "a")
    expect(log.size).toBe(0)
  })
})
