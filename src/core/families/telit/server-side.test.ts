import { describe, expect, it } from "vitest"
import { ack, Bench, failure, final, identity, imeiA, type ModuleSays, registration, simA } from "./bench.testing.ts"
import { resultCodes } from "./result-codes.ts"
import { conversation } from "./server-side.ts"

const provisioned: (transaction: number) => ModuleSays = (transaction) => ({
  name: "provisioningAck",
  transaction,
  fields: {},
})
const progress = (transaction: number): ModuleSays => ({ name: "commandProgress", transaction, fields: {} })
const progressAck = (transaction: number): ModuleSays => ({ name: "commandProgressAck", transaction, fields: {} })

/** A module that has registered by SMS and runs 13.00.003. */
function registered(bench = new Bench(), variant: "sms" | "combined" | "ip" = "sms"): Bench {
  bench.add(imeiA)
  if (variant === "sms") bench.fromSms(imeiA, registration(1))
  else bench.fromTcp(imeiA, registration(1, { variant }))
  return bench
}

/** One that has its Command and was told its access point before. */
function commanded(
  mode: "manual" | "automatic" = "manual",
  bench = registered(),
): { bench: Bench; transaction: number } {
  bench.offer(imeiA, { mode })
  bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
  return { bench, transaction: bench.last(imeiA).message.transaction }
}

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

  it("with an old number is not listened to: it is late, or a recorded one", () => {
    const bench = new Bench()
    bench.add(imeiA)
    bench.fromSms(imeiA, registration(5))
    bench.fromSms(imeiA, registration(4, { imsi: "222019999999999", firmware: "13.00.001" }))
    expect(bench.device(imeiA).running).toBe("13.00.003")
    expect(bench.memory(imeiA).bindings).toHaveLength(1)
    expect(conversation.explain(bench.device(imeiA).state)).toMatch(/old number/)
  })

  it("a thousand times a minute is answered three times and saved a few times, and the minute after is heard", () => {
    const bench = registered()
    for (let count = 2; count <= 1001; count++)
      bench.fromSms(imeiA, registration(count, { imsi: `2220100000${count}` }))
    expect(bench.sms).toHaveLength(3)
    expect(bench.quiet).toBe(998)
    expect(bench.notes.length).toBeLessThanOrEqual(5)
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

function commandedBy(bench: Bench): { transaction: number } {
  if (bench.device(imeiA).offered === null) bench.offer(imeiA)
  bench.fromSms(imeiA, provisioned(bench.last(imeiA).message.transaction))
  return { transaction: bench.last(imeiA).message.transaction }
}

/** Lets wakes come until the conversation's own timer has run out. */
function passTalk(bench: Bench): void {
  const { state, tries } = bench.memory(imeiA).talk
  for (let wakes = 0; wakes < 10; wakes++) {
    bench.pass(imeiA)
    const { talk } = bench.memory(imeiA)
    if (talk.state !== state || talk.tries !== tries) return
  }
  throw new Error(`nothing happens in ${state}`)
}

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
      bytes: smsOf(failure(transaction, code)),
    })
    const { retry, words } = resultCodes[code as keyof typeof resultCodes]
    expect(step.evidence).toMatchObject([{ code: String(code), sentence: expect.stringContaining(words) }])
    expect(step.evidence[0]?.kind).toBe(retry === "transient" ? "try-failed" : "install-failed")
    expect(step.evidence[0]?.isPackageWrong).toBe(retry === "wrong-package" ? true : undefined)
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

function smsOf(message: ModuleSays): Uint8Array {
  const bench = new Bench()
  let bytes: Uint8Array = new Uint8Array(0)
  bench.add(imeiA)
  bench.take = (_, input) => {
    if (input.kind === "message") ({ bytes } = input)
    return []
  }
  bench.fromSms(imeiA, message)
  return bytes
}

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
