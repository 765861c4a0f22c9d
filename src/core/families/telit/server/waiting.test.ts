import { describe, expect, it } from "vitest"
import { ack, final, identity, imeiA, registration } from "./bench.testing.ts"
import { conversation } from "./conversation.ts"
import { commanded, passTalk, progress, registered } from "./stories.testing.ts"

describe("silence", () => {
  it("is answered by the same Command again, under a new reference, ever later, and ends after eight", () => {
    const { bench, transaction } = commanded()
    for (let tries = 2; tries <= 8; tries++) {
      passTalk(bench)
      expect(bench.last(imeiA).message).toMatchObject({ name: "command", transaction })
    }
    const commands = bench.sms.filter(({ message }) => message.name === "command")
    expect(commands).toHaveLength(8)
    expect(commands.map(({ validitySeconds }) => validitySeconds)).toEqual([
      120, 600, 3600, 3600, 3600, 3600, 3600, 3600,
    ])
    passTalk(bench)
    expect(bench.talk(imeiA)).toBe("silent")
    expect(conversation.explain(bench.device(imeiA).state)).toMatch(/answered none of 8 messages/)
    expect(bench.memory(imeiA).timers.talk).toBeNull()
  })

  it("ends with any message of the module, and the Command comes again", () => {
    const { bench } = commanded()
    while (bench.talk(imeiA) !== "silent") bench.pass(imeiA)
    bench.fromSms(imeiA, registration(9))
    expect(bench.talk(imeiA)).toBe("commanded")
    expect(bench.sent(imeiA).slice(-2)).toEqual(["remoteRegistrationAck", "command"])
  })

  it("after an acceptance makes the server ask, and a module that knows nothing of it gets the same Command again", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction))
    passTalk(bench)
    expect(bench.last(imeiA).message.name).toBe("query")
    bench.fromSms(imeiA, { name: "notified", transaction: bench.last(imeiA).message.transaction, fields: identity() })
    expect(bench.last(imeiA).message).toMatchObject({ name: "command", transaction })
  })

  it("after the download is borne for days, for the PIN must be entered first; a Query settles it", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction))
    bench.fromSms(imeiA, progress(transaction))
    for (let days = 0; days < 30; days++) passTalk(bench)
    expect(bench.talk(imeiA)).toBe("installing")
    expect(bench.last(imeiA).message.name).toBe("query")
    bench.fromSms(imeiA, {
      name: "notified",
      transaction: bench.last(imeiA).message.transaction,
      fields: identity({ firmware: "13.00.004" }),
    })
    expect(bench.evidence.at(-1)).toBe("installed")
    // Command Final comes at last, and changes nothing.
    const { quiet } = bench
    bench.fromSms(imeiA, final(transaction))
    expect(bench.quiet).toBe(quiet + 1)
  })

  it("that a Query ends with the old firmware is a failed update", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction))
    bench.fromSms(imeiA, progress(transaction))
    passTalk(bench)
    bench.fromSms(imeiA, { name: "notified", transaction: bench.last(imeiA).message.transaction, fields: identity() })
    expect(bench.evidence.at(-1)).toBe("install-failed")
    expect(bench.sentences.at(-1)).toMatch(/still runs 13\.00\.003/)
  })
})

describe("an SMS that cannot be delivered", () => {
  it("is said to whoever asks for an explanation, and forgotten when the module answers", () => {
    const { bench, transaction } = commanded()
    const { reference } = bench.last(imeiA)
    bench.take(imeiA, { kind: "sms-status", reference, status: "failed", detail: "EXPIRED" })
    expect(conversation.explain(bench.device(imeiA).state)).toMatch(/not delivered \(EXPIRED\)/)
    bench.fromSms(imeiA, ack(transaction))
    expect(conversation.explain(bench.device(imeiA).state)).toBeNull()
  })

  it("of another reference means nothing", () => {
    const { bench } = commanded()
    const { quiet } = bench
    bench.take(imeiA, { kind: "sms-status", reference: "other", status: "failed", detail: "" })
    expect(bench.quiet).toBe(quiet + 1)
  })

  it("because it is too long ends the offer with a sentence", () => {
    const bench = registered()
    const device = bench.device(imeiA)
    const situation = bench.situation({ ...device, offered: null })
    bench.offer(imeiA)
    const offered = device.offered
    const long = { ...situation, offered, ftp: { host: `${"long.".repeat(9)}example.com`, port: 2121 } }
    const prepared = {
      ...bench.memory(imeiA),
      provisioned: "gprs ibox.tim.it  ",
      talk: { ...bench.memory(imeiA).talk, offer: null },
    }
    const step = conversation.step(
      { ...long, device: { ...situation.device, familyState: JSON.parse(JSON.stringify(prepared)) } },
      { kind: "offered" },
    )
    expect(step.evidence).toMatchObject([
      { kind: "offer-impossible", sentence: expect.stringContaining("--ftp-public") },
    ])
    expect(step.send).toEqual([])
  })
})

describe("a paused rollout", () => {
  it("sends nothing, looks again each minute without saving, and goes on when it is resumed", () => {
    const bench = registered()
    bench.pass(imeiA)
    bench.offer(imeiA, { isHeld: true })
    expect(bench.talk(imeiA)).toBe("held")
    const { quiet } = bench
    bench.pass(imeiA)
    bench.pass(imeiA)
    expect(bench.quiet).toBe(quiet + 2)
    expect(bench.sent(imeiA)).toEqual(["remoteRegistrationAck"])
    bench.offer(imeiA)
    expect(bench.sent(imeiA)).toEqual(["remoteRegistrationAck", "provisioning"])
  })

  it("stops the repeats of a Command, and an answer to the one that is out counts", () => {
    const { bench, transaction } = commanded()
    bench.offer(imeiA, { isHeld: true })
    passTalk(bench)
    expect(bench.talk(imeiA)).toBe("held")
    bench.fromSms(imeiA, ack(transaction))
    expect(bench.evidence).toEqual(["accepted"])
  })
})

describe("an offer", () => {
  it("that is told again after a restart sends nothing twice and sets its wake again", () => {
    const { bench } = commanded()
    const sent = bench.sms.length
    const { wake } = bench.device(imeiA)
    bench.device(imeiA).wake = null
    bench.take(imeiA, { kind: "offered" })
    expect(bench.sms).toHaveLength(sent)
    expect(bench.device(imeiA).wake).toBe(wake)
    expect(conversation.wakeAfterRestart(bench.device(imeiA).state)).toBe(wake)
  })

  it("that is withdrawn is forgotten, and the Final of what the module did meanwhile tells what runs", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction))
    bench.withdraw(imeiA)
    expect(bench.talk(imeiA)).toBe("idle")
    bench.fromSms(imeiA, final(transaction))
    expect(bench.device(imeiA).running).toBe("13.00.004")
    expect(bench.evidence).toEqual(["accepted"])
    // A recorded Final that is sent again is not believed a second time.
    bench.device(imeiA).running = "13.00.005"
    bench.fromSms(imeiA, final(transaction))
    expect(bench.device(imeiA).running).toBe("13.00.005")
  })
})
