import { afterEach, describe, expect, it } from "vitest"
import { ScriptedLine, StepClock } from "../../../core/protocols/at/scripted-line.testing.ts"
import { type GsmModemLogEntry, type GsmModemOptions, startGsmModem } from "./gsm-modem.ts"
import type { IncomingSms, OutgoingSms, SmsStatus, SmsTransport } from "./sms-transport.ts"

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
  readonly lines: ScriptedLine[] = []
  readonly own: Record<string, string>
  take: () => Promise<void> = () => Promise.resolve()
  opensAfter = 0

  constructor(own: Record<string, string> = {}) {
    this.own = { "AT+CPIN?": "\r\n+CPIN: READY\r\n\r\nOK\r\n", ...own }
  }

  start(options: Partial<GsmModemOptions> = {}): SmsTransport {
    modem = startGsmModem({
      open: async () => {
        await Promise.resolve()
        if (this.opensAfter-- > 0) throw new Error("no such port")
        const line = new ScriptedLine(this.clock, (typed, module) => module.say(this.own[typed] ?? "\r\nOK\r\n"))
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
    expect(bench.typed.slice(0, 7)).toEqual([
      "ATE0",
      "AT+CMEE=1",
      "AT+CPIN?",
      "AT+CMGF=0",
      "AT+CSMS=1",
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
    expect(modem?.isReady()).toBe(true)
  })

  it("enters its PIN once and never tells it", async () => {
    const bench = new Bench({ "AT+CPIN?": "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", "AT+CPIN=6755": "\r\nERROR\r\n" })
    bench.start({ pin: "6755" })
    await bench.until(() => bench.typed.includes("AT+CPIN=6755"))
    await modem?.close()
    expect(bench.typed.filter((typed) => typed === "AT+CPIN=6755")).toHaveLength(1)
    expect(bench.log).toEqual([{ event: "down", why: "the SIM refuses the PIN" }])
    expect(JSON.stringify(bench.log)).not.toContain("6755")
  })

  it("opens its line again after every loss, and tells of it once", async () => {
    const bench = new Bench()
    await bench.ready()
    bench.opensAfter = 3
    bench.lines[0]?.vanish()
    await bench.until(() => bench.lines.length === 2 && modem?.isReady() === true)
    expect(bench.log.map((entry) => entry.event)).toEqual(["ready", "down", "ready"])
  })
})
