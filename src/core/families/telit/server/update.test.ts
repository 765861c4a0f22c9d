import { describe, expect, it } from "vitest"
import { ack, Bench, encoded, failure, final, identity, imeiA, registration, type ModuleSays } from "./bench.testing.ts"
import { resultCodes } from "../result-codes.ts"
import { conversation } from "./conversation.ts"
import { commanded, commandedBy, passTalk, progress, progressAck, registered } from "./stories.testing.ts"

describe("an update by SMS (§3.2)", () => {
  it("goes from Provisioning to Command Final", () => {
    const { bench, transaction } = commanded()
    expect(bench.last(imeiA)).toMatchObject({
      coding: "8-bit-class-0",
      message: {
        name: "command",
        fields: {
          mode: "manual",
          answerSeconds: 60,
          ftpHost: "ota.example.com",
          ftpPort: 2121,
          ftpUser: "ticket000001",
          ftpPassword: "secret000001",
          ftpPath: "fw.bin",
          sizeBytes: 137_216,
        },
      },
    })
    const { reference } = bench.last(imeiA)
    bench.take(imeiA, { kind: "sms-status", reference, status: "delivered", detail: "DELIVRD" })
    bench.fromSms(imeiA, ack(transaction))
    expect(bench.talk(imeiA)).toBe("fetching")
    bench.fromSms(imeiA, progress(transaction))
    expect(bench.talk(imeiA)).toBe("installing")
    bench.fromSms(imeiA, final(transaction))
    expect(bench.talk(imeiA)).toBe("over")
    expect(bench.evidence).toEqual(["offer-read", "accepted", "transfer-finished", "install-started", "installed"])
    expect(bench.sent(imeiA)).toEqual(["remoteRegistrationAck", "provisioning", "command"])
    expect(bench.device(imeiA).running).toBe("13.00.004")
    for (const sentence of bench.sentences) expect(sentence).toMatch(/^[A-Z].*\.$/)
  })

  it("provisions a module once (§3.2.2)", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, final(transaction))
    bench.offer(imeiA, { from: "13.00.004", to: "13.00.005", user: "ticket000002" })
    expect(bench.sent(imeiA)).toEqual(["remoteRegistrationAck", "provisioning", "command", "command"])
  })

  it("goes as text without a class where the operator wants it (§3.1.2)", () => {
    const bench = new Bench()
    bench.add(imeiA, { coding: "7-bit" })
    bench.fromSms(imeiA, registration(1))
    const { transaction } = commandedBy(bench)
    expect(bench.last(imeiA)).toMatchObject({ coding: "7-bit-no-class", message: { name: "command", transaction } })
  })

  it("is automatic when the server says so (§3.2.3)", () => {
    const { bench } = commanded("automatic")
    expect(bench.last(imeiA).message).toMatchObject({ name: "command", fields: { mode: "automatic" } })
  })

  it("of a hop ends in hop-installed, and the next hop's offer begins at once", () => {
    const bench = registered()
    bench.offer(imeiA, { target: "13.00.005" })
    const { transaction } = commandedBy(bench)
    bench.fromSms(imeiA, final(transaction))
    expect(bench.evidence.at(-1)).toBe("hop-installed")
    bench.offer(imeiA, { from: "13.00.004", to: "13.00.005", user: "ticket000002" })
    expect(bench.talk(imeiA)).toBe("commanded")
  })

  it("that the host refuses is declined", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction, "refused"))
    expect(bench.evidence).toEqual(["declined"])
    expect(bench.talk(imeiA)).toBe("over")
  })

  it("that the host puts off waits without repeating itself, until the host answers", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction, "delayed"))
    expect(bench.talk(imeiA)).toBe("delayed")
    expect(bench.memory(imeiA).timers.talk).toBeNull()
    bench.fromSms(imeiA, ack(transaction))
    expect(bench.evidence).toEqual(["offer-read", "accepted"])
  })

  it("that nobody answers in 60 seconds is asked three times and then declined", () => {
    const { bench } = commanded()
    for (let round = 1; round <= 3; round++) {
      expect(bench.talk(imeiA)).toBe("commanded")
      bench.fromSms(imeiA, ack(bench.last(imeiA).message.transaction, "no-answer"))
      if (round < 3) {
        expect(bench.talk(imeiA)).toBe("pausing")
        passTalk(bench)
      }
    }
    expect(bench.evidence).toEqual(["offer-read", "offer-read", "declined"])
    const transactions = bench.sms
      .filter(({ message }) => message.name === "command")
      .map(({ message }) => message.transaction)
    expect(new Set(transactions).size).toBe(3)
  })

  it("is not given to a module that says with its Command Ack that it runs something else", () => {
    const { bench, transaction } = commanded()
    bench.fromSms(imeiA, ack(transaction, "accepted", { firmware: "13.00.002" }))
    expect(bench.evidence).toEqual([])
    expect(bench.talk(imeiA)).toBe("over")
    expect(bench.device(imeiA).running).toBe("13.00.002")
  })
})

describe("an update by SMS and TCP (§4.2)", () => {
  it("has the access point in its Command, the acceptance on a socket, and the FTP server in the answer", () => {
    const bench = registered(new Bench(), "combined")
    bench.offer(imeiA, { variant: "combined", mode: "automatic" })
    expect(bench.last(imeiA).message).toMatchObject({
      name: "commandOverIp",
      fields: { mode: "automatic", bearer: "gprs", access: "ibox.tim.it" },
    })
    const { transaction } = bench.last(imeiA).message
    expect(bench.fromTcp(imeiA, ack(transaction))).toMatchObject([
      { name: "commandProgressOverIp", transaction, fields: { ftpUser: "ticket000001", ftpPath: "fw.bin" } },
    ])
    expect(bench.fromTcp(imeiA, progressAck(transaction))).toEqual(["hung-up"])
    expect(bench.fromTcp(imeiA, final(transaction))).toEqual(["hung-up"])
    expect(bench.evidence).toEqual(["accepted", "transfer-finished", "install-started", "installed"])
  })

  it("tells the FTP server again when the socket broke before the module had heard", () => {
    const bench = registered(new Bench(), "combined")
    bench.offer(imeiA, { variant: "combined" })
    const { transaction } = bench.last(imeiA).message
    const first = bench.fromTcp(imeiA, ack(transaction))
    expect(bench.fromTcp(imeiA, ack(transaction))).toEqual(first)
    expect(bench.evidence).toEqual(["accepted"])
  })

  it("that was taken back meanwhile gets the word that there is nothing", () => {
    const bench = registered(new Bench(), "combined")
    bench.offer(imeiA, { variant: "combined" })
    const { transaction } = bench.last(imeiA).message
    bench.withdraw(imeiA)
    expect(bench.fromTcp(imeiA, ack(transaction))).toMatchObject([{ name: "nothingOffered" }])
  })

  it("refused or not answered ends the socket politely", () => {
    for (const answer of ["refused", "delayed", "no-answer"] as const) {
      const bench = registered(new Bench(), "combined")
      bench.offer(imeiA, { variant: "combined" })
      const { transaction } = bench.last(imeiA).message
      expect(bench.fromTcp(imeiA, ack(transaction, answer)), answer).toEqual(["hung-up"])
    }
  })
})

describe("an update over TCP alone (§5.2)", () => {
  const request = (transaction: number): ModuleSays => ({
    name: "updateRequest",
    transaction,
    fields: identity({ variant: "ip" }),
  })

  it("begins with the module, and no SMS is sent", () => {
    const bench = registered(new Bench(), "ip")
    bench.offer(imeiA, { variant: "ip" })
    expect(bench.talk(imeiA)).toBe("inviting")
    expect(conversation.explain(bench.device(imeiA).state)).toMatch(/AT#OTAIPUPD/)
    expect(bench.fromTcp(imeiA, request(2))).toMatchObject([{ name: "commandProgressOverIp", transaction: 2 }])
    bench.fromTcp(imeiA, progressAck(2))
    bench.fromTcp(imeiA, final(2))
    expect(bench.evidence).toEqual(["accepted", "transfer-finished", "install-started", "installed"])
    expect(bench.sms).toEqual([])
  })

  it("may begin before the conversation has been told of its offer", () => {
    const bench = registered(new Bench(), "ip")
    bench.offer(imeiA, { variant: "ip" })
    const { offered } = bench.device(imeiA)
    bench.withdraw(imeiA)
    bench.device(imeiA).offered = offered
    expect(bench.fromTcp(imeiA, request(2))).toMatchObject([{ name: "commandProgressOverIp", transaction: 2 }])
    bench.take(imeiA, { kind: "offered" })
    expect(bench.talk(imeiA)).toBe("fetching")
    bench.fromTcp(imeiA, progressAck(2))
    bench.fromTcp(imeiA, final(2))
    expect(bench.evidence).toEqual(["accepted", "transfer-finished", "install-started", "installed"])
  })

  it("gets the word that there is nothing, without an offer, while it is paused, and for another firmware", () => {
    const bench = registered(new Bench(), "ip")
    expect(bench.fromTcp(imeiA, request(2))).toMatchObject([{ name: "nothingOffered", transaction: 2 }])
    bench.offer(imeiA, { variant: "ip", isHeld: true })
    expect(bench.fromTcp(imeiA, request(3))).toMatchObject([{ name: "nothingOffered", transaction: 3 }])
    bench.pass(imeiA)
    bench.offer(imeiA, { variant: "ip", from: "13.00.002", user: "ticket000002" })
    expect(bench.fromTcp(imeiA, request(4))).toMatchObject([{ name: "nothingOffered", transaction: 4 }])
    expect(bench.evidence).toEqual([])
  })

  it("is asked for again after an error, and an old request is not listened to", () => {
    const bench = registered(new Bench(), "ip")
    bench.offer(imeiA, { variant: "ip" })
    bench.fromTcp(imeiA, request(2))
    expect(bench.fromTcp(imeiA, failure(2, 13))).toEqual(["hung-up"])
    expect(bench.evidence.at(-1)).toBe("try-failed")
    expect(bench.fromTcp(imeiA, request(2))).toMatchObject([{ name: "nothingOffered" }])
    expect(bench.fromTcp(imeiA, request(3))).toMatchObject([{ name: "commandProgressOverIp", transaction: 3 }])
  })

  it("is not saved more often than three times a minute, however often the module asks", () => {
    const bench = registered(new Bench(), "ip")
    for (let count = 2; count < 1002; count++) bench.fromTcp(imeiA, request(count))
    expect(bench.quiet).toBeGreaterThanOrEqual(997)
  })
})

describe("an error code", () => {
  it.each(Object.keys(resultCodes).map(Number))("%i has words, and its raw number is kept", (code) => {
    const { bench, transaction } = commanded()
    const step = conversation.step(bench.situation(bench.device(imeiA)), {
      kind: "message",
      via: "sms",
      from: "",
      bytes: encoded(imeiA, failure(transaction, code)),
    })
    const { retry, words } = resultCodes[code as keyof typeof resultCodes]
    expect(step.evidence).toMatchObject([{ code: String(code), sentence: expect.stringContaining(words) }])
    expect(step.evidence[0]?.kind).toBe(retry === "transient" ? "try-failed" : "install-failed")
    expect(step.evidence[0]?.isPackageWrong).toBe(retry === "wrong-package" ? true : undefined)
  })

  it("that can be cured gives each Command credentials of its own, and the same Command the same again", () => {
    const { bench } = commanded("automatic")
    const users: string[] = []
    for (let round = 1; round <= 3; round++) {
      const { message } = bench.last(imeiA)
      if (message.name !== "command") throw new Error("no Command")
      users.push(message.fields.ftpUser)
      passTalk(bench)
      expect(bench.last(imeiA).message).toEqual(message)
      bench.fromSms(imeiA, failure(message.transaction, 4711))
      if (round < 3) passTalk(bench)
    }
    expect(users).toEqual(["ticket000001", "ticket-new-1", "ticket-new-2"])
    const { offered } = bench.device(imeiA)
    expect(offered?.ticket.user).toBe("ticket-new-2")
    bench.take(imeiA, { kind: "offered" })
    expect(bench.talk(imeiA)).toBe("over")
  })

  it("that nobody knows is kept raw and tried again like a bad line, three times in all", () => {
    const { bench } = commanded("automatic")
    for (let round = 1; round <= 3; round++) {
      bench.fromSms(imeiA, failure(bench.last(imeiA).message.transaction, 4711))
      if (round < 3) passTalk(bench)
    }
    expect(bench.evidence).toEqual(["try-failed", "try-failed", "install-failed"])
    expect(bench.sentences.at(-1)).toMatch(/4711/)
  })
})
