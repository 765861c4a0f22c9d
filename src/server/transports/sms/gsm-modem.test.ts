import { afterEach, describe, expect, it } from "vitest"
import { ScriptedLine, StepClock } from "../../../core/protocols/at/scripted-line.testing.ts"
import { type GsmModemLogEntry, type GsmModemOptions, startGsmModem } from "./gsm-modem.ts"
import type { IncomingSms, OutgoingSms, SmsStatus, SmsTransport, UnreadableSms } from "./sms-transport.ts"

const message: OutgoingSms = {
  to: "+4917234567890",
  alphabet: "octets",
  messageClass: 0,
  header: null,
  data: Uint8Array.of(0xde, 0xad, 0xbe, 0xef),
  validityMinutes: 60,
  wantsStatus: true,
}

/** From 3GPP TS 23.040 by hand, as in the vectors of the codec. */
const storedPdu = "00040D91947132547698F000F46211124152000004DEADBEEF"
const reportPdu = "00062A0D91947132547698F0621112415200006211124152900000"

let modem: SmsTransport | null = null

afterEach(async () => {
  await modem?.close()
})

/** A modem that answers OK to everything, but for what `own` says. */
class Bench {
  readonly clock = new StepClock()
  readonly log: GsmModemLogEntry[] = []
  readonly received: IncomingSms[] = []
  readonly statuses: SmsStatus[] = []
  readonly unreadable: UnreadableSms[] = []
  readonly lines: ScriptedLine[] = []
  readonly own: Record<string, string>
  take: () => Promise<void> = () => Promise.resolve()
  /** Before `own` and OK. */
  answer: (typed: string) => string | undefined = () => undefined
  opensAfter = 0

  constructor(own: Record<string, string> = {}) {
    this.own = { "AT+CPIN?": "\r\n+CPIN: READY\r\n\r\nOK\r\n", ...own }
  }

  start(options: Partial<GsmModemOptions> = {}): SmsTransport {
    modem = startGsmModem({
      open: async () => {
        await Promise.resolve()
        if (this.opensAfter-- > 0) throw new Error("no such port")
        const line = new ScriptedLine(this.clock, (typed, module) => {
          module.say(this.answer(typed) ?? this.own[typed] ?? "\r\nOK\r\n")
        })
        this.lines.push(line)
        return line
      },
      clock: this.clock,
      random: () => 0,
      number: "+393399991234",
      receiver: {
        received: async (sms) => {
          await this.take()
          this.received.push(sms)
        },
        statusChanged: async (status) => {
          await this.take()
          this.statuses.push(status)
        },
        unreadable: async (sms) => {
          await this.take()
          this.unreadable.push(sms)
        },
      },
      log: (entry) => void this.log.push(entry),
      ...options,
    })
    return modem
  }

  get typed(): readonly string[] {
    return this.lines.flatMap((line) => line.typed)
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  }

  async ready(): Promise<SmsTransport> {
    const started = this.start()
    await this.until(() => started.isReady())
    return started
  }
}

describe("the GSM modem", () => {
  it("is set up for PDU mode, stored messages and reports", async () => {
    const bench = new Bench()
    await bench.ready()
    await bench.until(() => bench.typed.includes("AT+CMGL=4"))
    expect(bench.typed.slice(0, 9)).toEqual([
      "ATE0",
      "AT+CMEE=1",
      "AT+CPIN?",
      "AT+CMGF=0",
      "AT+CSMS=1",
      "AT+CPMS?",
      "AT+CNMI=?",
      "AT+CNMI=2,1,0,1,0",
      "AT+CMGL=4",
    ])
  })

  it("sends a transfer unit of the standard and names it by receiver and count", async () => {
    const pdu = "0031000D91947132547698F000140B04DEADBEEF\x1a"
    const bench = new Bench({ "AT+CMGS=19": "\r\n> ", [pdu]: "\r\n+CMGS: 42\r\n\r\nOK\r\n" })
    const ready = await bench.ready()
    expect(await ready.send(message)).toEqual({ kind: "accepted", reference: "+4917234567890#42" })
  })

  it.each([
    ["\r\n+CMS ERROR: 331\r\n", { kind: "refused", words: "no network service", isTemporary: true }],
    ["\r\n+CMS ERROR: 304\r\n", { kind: "refused", words: "invalid PDU parameter", isTemporary: false }],
    ["\r\nERROR\r\n", { kind: "refused", code: "ERROR", isTemporary: true }],
    ["", { kind: "uncertain", words: "the modem did not answer" }],
  ])("tells what the answer %j makes of a message", async (answer, outcome) => {
    const bench = new Bench({ "AT+CMGS=19": answer })
    const ready = await bench.ready()
    expect(await ready.send(message)).toMatchObject(outcome)
  })

  it("does not send what no transfer unit carries, nor while it is not ready", async () => {
    const bench = new Bench()
    const ready = await bench.ready()
    expect(await ready.send({ ...message, data: new Uint8Array(141) })).toMatchObject({ kind: "not-sent" })
    expect(await ready.send({ ...message, to: "???" })).toMatchObject({ kind: "not-sent" })
    expect(bench.typed.some((typed) => typed.startsWith("AT+CMGS"))).toBe(false)
    await ready.close()
    expect(await new Bench().start().send(message)).toMatchObject({ kind: "not-sent" })
  })

  it("reads an announced message, hands it on, and deletes it only then", async () => {
    const bench = new Bench({ "AT+CMGR=3": `\r\n+CMGR: 0,,24\r\n${storedPdu}\r\n\r\nOK\r\n` })
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.received).toEqual([
      {
        from: "+4917234567890",
        to: "+393399991234",
        alphabet: "octets",
        messageClass: 0,
        header: null,
        data: message.data,
      },
    ])
  })

  it("leaves a message on the SIM that its receiver could not take, and offers it again at the next start", async () => {
    const bench = new Bench({ "AT+CMGL=4": `\r\n+CMGL: 7,0,,24\r\n${storedPdu}\r\n\r\nOK\r\n` })
    bench.take = () => Promise.reject(new Error("disk full"))
    await bench.ready()
    await bench.until(() => bench.log.some((entry) => entry.event === "not-taken"))
    expect(bench.typed).not.toContain("AT+CMGD=7")
    bench.take = () => Promise.resolve()
    bench.lines[0]?.vanish()
    await bench.until(() => bench.typed.includes("AT+CMGD=7"))
    expect(bench.received).toHaveLength(1)
  })

  it("deletes no message by a list whose line lost a byte", async () => {
    // It was `+CMGL: 1,0,,24`.
    const bench = new Bench({ "AT+CMGL=4": `\r\n+CMGL: 10,,24\r\n${storedPdu}\r\n\r\nOK\r\n` })
    await bench.ready()
    await bench.until(() => bench.typed.includes("AT+CMGL=4"))
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
    expect(bench.typed.filter((typed) => typed.startsWith("AT+CMGD"))).toEqual([])
    expect(bench.received).toEqual([])
  })

  it("takes class 0 messages and reports that come at once, and acknowledges them", async () => {
    const bench = new Bench()
    await bench.ready()
    bench.lines[0]?.say(`\r\n+CMT: ,24\r\n${storedPdu}\r\n\r\n+CDS: 26\r\n${reportPdu}\r\n`)
    await bench.until(() => bench.typed.filter((typed) => typed === "AT+CNMA=0").length === 2)
    expect(bench.received).toHaveLength(1)
    expect(bench.statuses).toEqual([
      { reference: "+4917234567890#42", state: "delivered", words: "received by the mobile station" },
    ])
  })

  it("tells of a message that cannot be read, deletes it and goes on", async () => {
    const bench = new Bench({ "AT+CMGR=3": "\r\n+CMGR: 0,,2\r\n00FFFF\r\n\r\nOK\r\n" })
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.log.at(-1)).toMatchObject({ event: "malformed", pdu: "00FFFF" })
    expect(bench.unreadable).toMatchObject([{ octets: "00FFFF" }])
    expect(modem?.isReady()).toBe(true)
  })

  it.each([
    ["its time zone has digits that are none", storedPdu.replace("5200000", "5200AA0")],
    ["its time zone is FF", storedPdu.replace("5200000", "5200FF0")],
    ["its time is all zeros", storedPdu.replace("62111241520000", "00000000000000")],
    ["its time is all FF", storedPdu.replace("62111241520000", "FFFFFFFFFFFFFF")],
    ["two octets stand behind its text", `${storedPdu}1234`],
    ["its sender's fill is counted as a digit", storedPdu.replace("0D91947132547698F0", "0E91947132547698F0")],
    ["its centre's address makes no sense", `0391F0FF${storedPdu.slice(2)}`],
    ["its hex is in small letters", storedPdu.toLowerCase()],
  ])("takes a message off the SIM whole although %s", async (_what, pdu) => {
    const centreOctets = Number.parseInt(pdu.slice(0, 2), 16) + 1
    const length = pdu.length / 2 - centreOctets
    const bench = new Bench({ "AT+CMGR=3": `\r\n+CMGR: 0,,${length}\r\n${pdu}\r\n\r\nOK\r\n` })
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.received).toMatchObject([{ from: "+4917234567890", data: message.data }])
    expect(bench.unreadable).toEqual([])
  })

  it("keeps a message that cannot be read where it is, until it is kept elsewhere", async () => {
    const bench = new Bench({ "AT+CMGR=3": "\r\n+CMGR: 0,,2\r\n00FFFF\r\n\r\nOK\r\n" })
    bench.take = () => Promise.reject(new Error("disk full"))
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.log.some((entry) => entry.event === "not-taken"))
    expect(bench.typed).not.toContain("AT+CMGD=3")
  })

  it("is not misled by lines that are no answer, and keeps them in its log", async () => {
    const noise = "\r\nSMS DONE\r\n\r\nSRING: 1\r\n\r\nAPP RDY\r\n"
    const bench = new Bench({
      "AT+CPIN?": `${noise}\r\n+CPIN: READY\r\n\r\nOK\r\n`,
      "AT+CMGR=3": `${noise}\r\n+CMGR: 0,,24\r\n${noise}${storedPdu}\r\n\r\nOK\r\n`,
    })
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.received).toMatchObject([{ data: message.data }])
    await bench.until(() => bench.log.filter((entry) => entry.event === "line").length === 3)
    expect(bench.log.flatMap((entry) => (entry.event === "line" ? [entry.text] : []))).toEqual([
      "SMS DONE",
      "SRING: 1",
      "APP RDY",
    ])
  })

  it("reads a message again whose line has lost a byte", async () => {
    const whole = `\r\n+CMGR: 0,,24\r\n${storedPdu}\r\n\r\nOK\r\n`
    const bench = new Bench()
    let readings = 0
    bench.answer = (typed) =>
      typed === "AT+CMGR=3" && ++readings < 3 ? whole.replace("DEAD", readings === 1 ? "D" : "DE") : undefined
    bench.own["AT+CMGR=3"] = whole
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "SM",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.received).toMatchObject([{ data: message.data }])
    expect(readings).toBe(3)
  })

  it("hands on a message that comes at once although other lines come between its two", async () => {
    const bench = new Bench()
    await bench.ready()
    bench.lines[0]?.say(`\r\n+CMT: ,24\r\nRING\r\n\r\n+CREG: 1\r\n${storedPdu}\r\n`)
    await bench.until(() => bench.received.length === 1)
    bench.lines[0]?.say("\r\n+CMT: ,24\r\nRING\r\n\r\nRING\r\n\r\nRING\r\n\r\nRING\r\n\r\nRING\r\n")
    bench.lines[0]?.say(`\r\n+CMT: ,24\r\n${storedPdu}\r\n`)
    await bench.until(() => bench.received.length === 2)
    expect(bench.typed.filter((typed) => typed === "AT+CNMA=0")).toHaveLength(2)
  })

  it("reads all of 200 stored messages, from a modem that lists ten at a time as well", async () => {
    for (const most of [10, 300]) {
      const bench = new Bench()
      const stored = new Set(Array.from({ length: 200 }, (_, index) => String(index)))
      bench.answer = (typed) => {
        const deleted = /^AT\+CMGD=(\d+)$/.exec(typed)?.[1]
        if (deleted !== undefined) stored.delete(deleted)
        if (typed !== "AT+CMGL=4") return undefined
        const lines = [...stored].slice(0, most).map((index) => `+CMGL: ${index},0,,24\r\n${storedPdu}\r\n`)
        return `\r\n${lines.join("")}\r\nOK\r\n`
      }
      await bench.ready()
      await bench.until(() => stored.size === 0)
      expect(bench.received).toHaveLength(200)
      await modem?.close()
    }
  })

  it("hands a message on once, although the modem does not delete it", async () => {
    const bench = new Bench({
      "AT+CMGL=4": `\r\n+CMGL: 7,0,,24\r\n${storedPdu}\r\n\r\nOK\r\n`,
      "AT+CMGD=7": "\r\n+CMS ERROR: 320\r\n",
    })
    await bench.ready()
    await bench.until(() => bench.typed.filter((typed) => typed === "AT+CMGD=7").length >= 3)
    expect(bench.received).toHaveLength(1)
  })

  it("reads a message from the memory that it came into", async () => {
    const bench = new Bench({
      "AT+CPMS?": '\r\n+CPMS: "SM",1,10,"SM",1,10,"SM",1,10\r\n\r\nOK\r\n',
      "AT+CMGR=3": `\r\n+CMGR: 0,,24\r\n${storedPdu}\r\n\r\nOK\r\n`,
    })
    await bench.ready()
    bench.lines[0]?.say('\r\n+CMTI: "ME",3\r\n')
    await bench.until(() => bench.typed.includes("AT+CMGD=3"))
    expect(bench.typed.slice(-3)).toEqual(['AT+CPMS="ME"', "AT+CMGR=3", "AT+CMGD=3"])
  })

  it.each([
    ["+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "AT+CNMI=2,1,0,1,0"],
    ["+CNMI: (1),(0,1),(0),(0,2),(1)", "AT+CNMI=1,1,0,2,1"],
    ["+CNMI: (0,1,2),(0,2,3),(0,2,3),(0,1),(1)", "AT+CNMI=2,2,0,1,1"],
  ])("announces as the modem can: %s", async (answer, typed) => {
    const bench = new Bench({ "AT+CNMI=?": `\r\n${answer}\r\n\r\nOK\r\n` })
    await bench.ready()
    expect(bench.typed).toContain(typed)
  })

  it("finds the setting of a modem that takes `,1` as fifth and does not say so", async () => {
    const bench = new Bench()
    bench.answer = (typed) => (/^AT\+CNMI=.*,0$/.test(typed) ? "\r\n+CMS ERROR: 303\r\n" : undefined)
    await bench.ready()
    expect(bench.typed.filter((typed) => typed.startsWith("AT+CNMI="))).toEqual([
      "AT+CNMI=?",
      "AT+CNMI=2,1,0,1,0",
      "AT+CNMI=2,1,0,1,1",
    ])
  })

  it.each(["\r\n>", "\r\n>\r\n", "\r\n> "])("sends after the prompt %j", async (prompt) => {
    const pdu = "0031000D91947132547698F000140B04DEADBEEF\x1a"
    const bench = new Bench({ "AT+CMGS=19": prompt, [pdu]: "\r\n+CMGS: 42\r\n\r\nOK\r\n" })
    const ready = await bench.ready()
    expect(await ready.send(message)).toMatchObject({ kind: "accepted" })
    expect(bench.typed.filter((typed) => typed === pdu)).toHaveLength(1)
  })

  it.each(["SIM PIN2", "SIM PUK2"])("needs no PIN for %s", async (state) => {
    const bench = new Bench({ "AT+CPIN?": `\r\n+CPIN: ${state}\r\n\r\nOK\r\n` })
    await bench.ready()
    expect(bench.typed.some((typed) => typed.startsWith("AT+CPIN="))).toBe(false)
  })

  it.each(["PH-SIM PIN", "SIM PUK", "PH-NET PIN"])("enters no PIN for %s, says so and tries again", async (state) => {
    const bench = new Bench({ "AT+CPIN?": `\r\n+CPIN: ${state}\r\n\r\nOK\r\n` })
    bench.start({ pin: "6755" })
    await bench.until(() => bench.lines.length === 3)
    expect(bench.log).toEqual([
      { event: "down", why: `the SIM or the modem asks for ${state}; somebody has to enter it` },
    ])
    expect(bench.typed.some((typed) => typed.startsWith("AT+CPIN="))).toBe(false)
    bench.own["AT+CPIN?"] = "\r\n+CPIN: READY\r\n\r\nOK\r\n"
    await bench.until(() => modem?.isReady() === true)
  })

  it("enters its PIN once and never tells it", async () => {
    const bench = new Bench({ "AT+CPIN?": "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", "AT+CPIN=6755": "\r\nERROR\r\n" })
    bench.start({ pin: "6755" })
    await bench.until(() => bench.lines.length === 4)
    await modem?.close()
    expect(bench.typed.filter((typed) => typed === "AT+CPIN=6755")).toHaveLength(1)
    expect(bench.log).toEqual([{ event: "down", why: "the SIM refuses the PIN" }])
    expect(JSON.stringify(bench.log)).not.toContain("6755")
  })

  it("opens its line again after every loss, and tells each reason once", async () => {
    const bench = new Bench()
    await bench.ready()
    bench.opensAfter = 3
    bench.lines[0]?.vanish()
    await bench.until(() => bench.lines.length === 2 && modem?.isReady() === true)
    expect(bench.log.map((entry) => entry.event)).toEqual(["ready", "down", "down", "ready"])
  })
})
