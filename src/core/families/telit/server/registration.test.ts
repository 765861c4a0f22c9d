import { describe, expect, it } from "vitest"
import { Bench, identity, imeiA, registration, simA } from "./bench.testing.ts"
import { conversation } from "./conversation.ts"
import { registered } from "./stories.testing.ts"

describe("registration", () => {
  it("by SMS is acknowledged by SMS and tells SIM, network, model and software (§3.2.1)", () => {
    const bench = registered()
    expect(bench.last(imeiA)).toMatchObject({
      to: `+${simA.number}`,
      message: { name: "remoteRegistrationAck", transaction: 1, fields: { smsNumber: "393399990000" } },
    })
    expect(bench.device(imeiA)).toMatchObject({ running: "13.00.003", isReported: true })
    expect(bench.memory(imeiA)).toMatchObject({
      product: "GE910",
      variant: "sms",
      bearer: { bearer: "gprs", access: "ibox.tim.it" },
      bindings: [{ imsi: simA.imsi, number: `+${simA.number}`, plmn: "22201", since: bench.now, until: null }],
    })
    expect(bench.notes).toEqual([{ kind: "registered", sentence: expect.stringContaining("222010000000001") }])
    expect(conversation.claims(bench.device(imeiA).state)).toEqual([`imsi:${simA.imsi}`, `number:+${simA.number}`])
  })

  it("over TCP is acknowledged on the same socket, which ends it (§4.2.1, §5.2.1)", () => {
    const bench = new Bench()
    bench.add(imeiA)
    const answers = bench.fromTcp(imeiA, registration(1, { variant: "combined" }))
    expect(answers).toMatchObject([{ name: "remoteRegistrationAck", transaction: 1 }])
    expect(bench.sms).toEqual([])
    expect(bench.memory(imeiA).variant).toBe("combined")
  })

  it("of the combined protocol leaves a module in the TCP/IP protocol that an operator has put there (§5.2.1)", () => {
    const bench = new Bench()
    bench.add(imeiA, { variant: "tcp-ip" })
    bench.fromTcp(imeiA, registration(1, { variant: "combined" }))
    expect(bench.memory(imeiA).variant).toBe("ip")
    bench.fromSms(imeiA, registration(2, { variant: "sms" }))
    expect(bench.memory(imeiA).variant).toBe("sms")
  })

  it("without a number of its own takes the one that the SMS came from", () => {
    const bench = new Bench()
    bench.add(imeiA)
    bench.fromSms(imeiA, registration(1, { number: "" }), "+393331112223")
    expect(bench.last(imeiA).to).toBe("+393331112223")
  })

  it("is repeated by SMS when the SIM is changed, and both SIMs stay known with their times (§3.2.1)", () => {
    const bench = registered()
    bench.now += 60_000
    bench.fromSms(imeiA, registration(2, { number: "393330000009", imsi: "222010000000009", plmn: "22288" }))
    expect(bench.memory(imeiA).bindings).toMatchObject([
      { imsi: "222010000000009", number: "+393330000009", plmn: "22288", until: null },
      { imsi: simA.imsi, until: bench.now },
    ])
    expect(bench.notes.map(({ kind }) => kind)).toEqual(["registered", "sim-changed", "registered"])
  })

  it("keeps a bounded history", () => {
    const bench = registered()
    for (let count = 2; count < 40; count++) {
      if (bench.device(imeiA).wake !== null && count % 2 === 0) bench.pass(imeiA)
      bench.fromSms(imeiA, registration(count, { imsi: `22201000000${1000 + count}` }))
    }
    expect(bench.memory(imeiA).bindings).toHaveLength(8)
  })

  it("that comes again is acknowledged again and changes nothing else", () => {
    const bench = registered()
    const { bindings } = bench.memory(imeiA)
    bench.fromSms(imeiA, registration(1, { imsi: "222019999999999" }))
    expect(bench.sent(imeiA)).toEqual(["remoteRegistrationAck", "remoteRegistrationAck"])
    expect(bench.memory(imeiA).bindings).toEqual(bindings)
  })

  it("that was recorded and is sent again and again is answered three times, and then by nothing", () => {
    const bench = registered()
    const before = bench.sms.length
    for (let minute = 0; minute < 40; minute++) {
      bench.fromSms(imeiA, registration(1))
      if (bench.device(imeiA).wake !== null) bench.pass(imeiA)
    }
    expect(bench.sms).toHaveLength(before + 3)
    bench.fromSms(imeiA, registration(2))
    expect(bench.sms).toHaveLength(before + 4)
  })

  it("with an old number is not listened to: it is late, or a recorded one", () => {
    const bench = new Bench()
    bench.add(imeiA)
    bench.fromSms(imeiA, registration(5))
    bench.fromSms(imeiA, registration(4, { imsi: "222019999999999", firmware: "13.00.001" }))
    expect(bench.device(imeiA).running).toBe("13.00.003")
    expect(bench.memory(imeiA).bindings).toHaveLength(1)
    expect(conversation.explain(bench.device(imeiA).state)).toMatch(/old number/)
  })

  it("a thousand times a minute is answered three times, saved a few times and noted once, and the minute after is heard", () => {
    const bench = registered()
    for (let count = 2; count <= 1001; count++)
      bench.fromSms(imeiA, registration(count, { imsi: `2220100000${count}` }))
    expect(bench.sms).toHaveLength(3)
    expect(bench.quiet).toBe(997)
    expect(bench.notes.length).toBeLessThanOrEqual(6)
    expect(bench.notes.filter(({ kind }) => kind === "too-often")).toHaveLength(1)
    bench.pass(imeiA)
    bench.fromSms(imeiA, registration(1002))
    expect(bench.sms).toHaveLength(4)
  })

  it("is not needed of a module that an operator has entered (§3.2)", () => {
    const bench = new Bench()
    bench.add(imeiA, { number: `+${simA.number}`, apn: "ibox.tim.it" }, { running: "13.00.003" })
    bench.offer(imeiA)
    expect(bench.last(imeiA)).toMatchObject({ to: `+${simA.number}`, message: { name: "query" } })
    const { transaction } = bench.last(imeiA).message
    bench.fromSms(imeiA, { name: "notified", transaction, fields: identity() })
    expect(bench.sent(imeiA)).toEqual(["query", "provisioning"])
    expect(bench.device(imeiA).isReported).toBe(true)
  })
})

describe("what an operator only told is settled by a Query", () => {
  it("which plans anew when the module runs something else", () => {
    const bench = new Bench()
    bench.add(imeiA, { number: `+${simA.number}`, apn: "ibox.tim.it" }, { running: "13.00.003" })
    bench.offer(imeiA)
    const { transaction } = bench.last(imeiA).message
    bench.fromSms(imeiA, { name: "notified", transaction, fields: identity({ firmware: "13.00.002" }) })
    expect(bench.device(imeiA)).toMatchObject({ running: "13.00.002", isReported: true })
    expect(bench.talk(imeiA)).toBe("over")
    expect(bench.sent(imeiA)).toEqual(["query"])
    expect(bench.notes.at(-1)?.sentence).toMatch(/13\.00\.002, not 13\.00\.003/)
  })

  it("and an answer that nobody asked for is not listened to", () => {
    const bench = registered()
    bench.fromSms(imeiA, { name: "notified", transaction: 77, fields: identity({ firmware: "13.00.001" }) })
    expect(bench.device(imeiA).running).toBe("13.00.003")
  })
})
