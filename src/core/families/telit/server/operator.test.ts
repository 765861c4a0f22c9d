import { describe, expect, it } from "vitest"
import { ack, Bench, failure, final, identity, imeiA, registration } from "./bench.testing.ts"
import { conversation } from "./conversation.ts"
import { commanded, progress, progressAck, provisioned, registered } from "./stories.testing.ts"

describe("an operator", () => {
  it("asks with a query, and the answer is a note", () => {
    const bench = registered()
    bench.ask(imeiA, "query")
    const { transaction } = bench.last(imeiA).message
    bench.fromSms(imeiA, { name: "notified", transaction, fields: identity({ plmn: "22288" }) })
    expect(bench.notes.map(({ kind }) => kind)).toEqual(["registered", "asked", "notified"])
    expect(bench.notes.at(-1)?.sentence).toMatch(/GE910 with 13\.00\.003.*network 22288/)
    expect(bench.memory(imeiA).ask).toBeNull()
  })

  it("asks four times at most", () => {
    const bench = registered()
    bench.ask(imeiA, "query")
    while (bench.device(imeiA).wake !== null) bench.pass(imeiA)
    expect(bench.sent(imeiA).filter((name) => name === "query")).toHaveLength(4)
    expect(bench.notes.at(-1)?.kind).toBe("not-answered")
  })

  it("provisions again", () => {
    const { bench } = commanded()
    bench.ask(imeiA, "provision")
    bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
    expect(bench.notes.at(-1)?.kind).toBe("provisioned")
  })

  it("forces a registration, which a module with a new memory answers from its first number on", () => {
    const bench = new Bench()
    bench.add(imeiA)
    bench.fromSms(imeiA, registration(41))
    bench.pass(imeiA)
    bench.ask(imeiA, "force-registration")
    expect(bench.last(imeiA).message).toMatchObject({ name: "forcedRegistration", fields: { count: 41 } })
    bench.fromSms(imeiA, registration(bench.last(imeiA).message.transaction, { plmn: "22288" }))
    expect(bench.notes.at(-1)?.sentence).toMatch(/as an operator forced it to/)
    expect(bench.memory(imeiA)).toMatchObject({ lastCount: 41, ask: null, bindings: [{ plmn: "22288" }, {}] })
  })

  it("is told when there is nothing to test, or no number to send to", () => {
    const bench = registered()
    bench.ask(imeiA, "test")
    expect(bench.notes.at(-1)).toMatchObject({ kind: "not-asked", sentence: expect.stringMatching(/nothing to test/) })
    const stranger = new Bench()
    stranger.add(imeiA)
    stranger.ask(imeiA, "query")
    expect(stranger.notes.at(-1)).toMatchObject({
      kind: "not-asked",
      sentence: expect.stringMatching(/number is not known/),
    })
    for (const request of Object.keys(conversation.requests)) expect(conversation.requests[request]).not.toBe("")
  })
})

describe("a test (§3.3, §4.3)", () => {
  it("downloads, installs nothing, moves no update, and is remembered; the paused rollout stays paused", () => {
    const bench = registered()
    bench.pass(imeiA)
    bench.offer(imeiA, { isHeld: true })
    bench.ask(imeiA, "test")
    bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
    const { transaction } = bench.last(imeiA).message
    expect(bench.last(imeiA).message).toMatchObject({ name: "test", fields: { ftpUser: "ticket000001" } })
    bench.fromSms(imeiA, ack(transaction))
    bench.fromSms(imeiA, progress(transaction))
    bench.fromSms(imeiA, final(transaction, "13.00.003", "tested"))
    expect(bench.evidence).toEqual([])
    expect(bench.memory(imeiA).preflight).toMatchObject({ isGood: true, to: "13.00.004" })
    expect(bench.notes.at(-1)).toMatchObject({ kind: "test-succeeded" })
    expect(bench.talk(imeiA)).toBe("held")
    // The same result once more is nothing new.
    const { quiet } = bench
    bench.fromSms(imeiA, final(transaction, "13.00.003", "tested"))
    expect(bench.quiet).toBe(quiet + 1)
  })

  it("goes over TCP in the combined protocol", () => {
    const bench = registered(new Bench(), "combined")
    bench.offer(imeiA, { variant: "combined", isHeld: true })
    bench.ask(imeiA, "test")
    const { transaction, name } = bench.last(imeiA).message
    expect(name).toBe("testOverIp")
    expect(bench.fromTcp(imeiA, ack(transaction))).toMatchObject([{ name: "commandProgressOverIp", transaction }])
    bench.fromTcp(imeiA, progressAck(transaction))
    bench.fromTcp(imeiA, failure(transaction, 13))
    expect(bench.memory(imeiA).preflight).toMatchObject({ isGood: false })
    expect(bench.evidence).toEqual([])
  })

  it("is refused in the middle of an update, and in the TCP/IP protocol", () => {
    const { bench } = commanded()
    bench.ask(imeiA, "test")
    expect(bench.notes.at(-1)?.sentence).toMatch(/in the middle/)
    const other = registered(new Bench(), "ip")
    other.offer(imeiA, { variant: "ip" })
    other.ask(imeiA, "test")
    expect(other.notes.at(-1)?.sentence).toMatch(/no Test/)
  })
})
