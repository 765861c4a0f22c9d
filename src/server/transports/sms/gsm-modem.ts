import { MalformedMessage } from "../../../core/kit/malformed-message.ts"
import { latin1 } from "../../../core/kit/bytes.ts"
import { type AtAnswer, AtHost } from "../../../core/protocols/at/at-host.ts"
import type { AtClock, AtLine } from "../../../core/protocols/at/at-line.ts"
import type { AtUrc } from "../../../core/protocols/at/at-urc.ts"
import { addressOf, numberOf } from "../../../core/protocols/sms/address.ts"
import { decodeDataCoding, encodeDataCoding } from "../../../core/protocols/sms/data-coding.ts"
import { formatPduLine, parsePduLine } from "../../../core/protocols/sms/pdu-line.ts"
import { deliveryReport } from "../../../core/protocols/sms/status.ts"
import { type Deliver, decodeFromCentre, encodeTpdu, type StatusReport } from "../../../core/protocols/sms/tpdu.ts"
import { Backoff } from "./backoff.ts"
import { refusalOf } from "./cms-errors.ts"
import type { IncomingSms, OutgoingSms, SendOutcome, SmsReceiver, SmsTransport } from "./sms-transport.ts"

export interface GsmModemOptions {
  /** Opens the serial line; rejects when it cannot be had, and is asked again. */
  readonly open: () => Promise<AtLine>
  readonly clock: AtClock
  /** 0 <= value < 1. */
  readonly random: () => number
  /** The number of the modem's SIM, as its partners know it; empty when unknown. */
  readonly number: string
  /** For a SIM that asks for it; never logged. */
  readonly pin?: string
  readonly receiver: SmsReceiver
  readonly log?: (entry: GsmModemLogEntry) => void
}

export type GsmModemLogEntry =
  | { readonly event: "ready"; readonly line: string }
  /** Told once until the modem is ready again. */
  | { readonly event: "down"; readonly why: string }
  /** A message that could not be read; it is deleted from the SIM. */
  | { readonly event: "malformed"; readonly why: string; readonly pdu: string }
  /** The receiver could not take a message; the SIM keeps it, or the network does. */
  | { readonly event: "not-taken"; readonly error: unknown }

const commandTimeoutMs = 10_000
/** 3GPP TS 27.005 names no limit; networks answer within a minute. */
const submitTimeoutMs = 60_000
const listenMs = 60_000
/** A modem that hangs looks like one with nothing to say: it is asked after each silence. */
const reopen = { firstMs: 1000, longestMs: 60_000 }
const maxQueued = 1000

/** Keeps a GSM modem ready on its serial line, in PDU mode (3GPP TS 27.005), until it is closed. */
export function startGsmModem(options: GsmModemOptions): SmsTransport {
  return new GsmModem(options)
}

class GsmModem implements SmsTransport {
  readonly #options: GsmModemOptions
  readonly #log: (entry: GsmModemLogEntry) => void
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  #host: AtHost | null = null
  #queued = 0
  #wasDownTold = false
  /** The network wants direct messages to be acknowledged (AT+CSMS=1). */
  #acknowledges = false

  constructor(options: GsmModemOptions) {
    this.#options = options
    this.#log = options.log ?? ((): void => undefined)
    this.#running = this.#run()
  }

  isReady(): boolean {
    return this.#host !== null
  }

  async send(message: OutgoingSms): Promise<SendOutcome> {
    if (this.#host === null) return { kind: "not-sent", words: "the modem is not ready" }
    if (this.#queued >= maxQueued) return { kind: "not-sent", words: "too many messages wait for the modem" }
    let tpdu: Uint8Array
    try {
      tpdu = submitOf(message)
    } catch (error) {
      if (error instanceof RangeError) return { kind: "not-sent", words: error.message }
      throw error
    }
    this.#queued++
    const data = latin1(`${formatPduLine({ centre: null, tpdu })}\x1a`)
    const answer = await this.#host.command({ text: `AT+CMGS=${tpdu.length}`, timeoutMs: submitTimeoutMs, data })
    this.#queued--
    return outcomeOf(answer, message.to)
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closing"))
    await this.#host?.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const pauses = new Backoff(reopen, this.#options.random)
    const { signal } = this.#closing
    while (!signal.aborted) {
      const why = await this.#runOnce(pauses)
      this.#host = null
      if (!this.#wasDownTold && why !== "closing") this.#log({ event: "down", why })
      this.#wasDownTold = true
      if (signal.aborted) return
      await this.#options.clock.sleep(pauses.next(), signal).catch(() => undefined)
    }
  }

  /** From opening the line to losing it; gives the reason. */
  async #runOnce(pauses: Backoff): Promise<string> {
    let line: AtLine
    try {
      line = await this.#options.open()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    const host = new AtHost(line, this.#options.clock)
    try {
      const fault = await this.#prepare(host)
      if (fault !== null) return fault
      this.#host = host
      this.#wasDownTold = false
      pauses.reset()
      this.#log({ event: "ready", line: line.name })
      await this.#takeStored(host)
      return await this.#listen(host)
    } finally {
      await host.close()
    }
  }

  /** Sets the modem up; gives what is wrong with it, or null. */
  async #prepare(host: AtHost): Promise<string | null> {
    const ask = (text: string): Promise<AtAnswer> => host.command({ text, timeoutMs: commandTimeoutMs })
    await ask("ATE0")
    await ask("AT+CMEE=1")
    const pin = await ask("AT+CPIN?")
    if (pin.lines.some((line) => line.includes("SIM PIN"))) {
      const code = this.#options.pin ?? ""
      if (!/^\d{4,8}$/.test(code)) return "the SIM asks for a PIN of 4 to 8 digits and none is given"
      // A wrong PIN is not tried again: three of them lock the SIM.
      if ((await ask(`AT+CPIN=${code}`)).end !== "ok") {
        this.#closing.abort(new Error("wrong PIN"))
        return "the SIM refuses the PIN"
      }
    } else if (pin.end !== "ok") return `the modem has no SIM that is ready: ${pin.final?.line ?? pin.end}`
    if ((await ask("AT+CMGF=0")).end !== "ok") return "the modem has no PDU mode"
    this.#acknowledges = (await ask("AT+CSMS=1")).end === "ok"
    // Messages are stored and announced (+CMTI); those of class 0 and reports come at once (+CMT, +CDS).
    if ((await ask("AT+CNMI=2,1,0,1,0")).end === "ok") return null
    return "the modem does not announce messages"
  }

  async #listen(host: AtHost): Promise<string> {
    for (;;) {
      const urc = await host.listen(listenMs, this.#closing.signal)
      if (this.#closing.signal.aborted) return "closing"
      if (urc === "gone") return "the serial line is gone"
      if (urc !== "quiet") await this.#take(host, urc)
      else if ((await host.command({ text: "AT", timeoutMs: commandTimeoutMs })).end === "timeout") {
        return "the modem does not answer"
      }
    }
  }

  async #take(host: AtHost, urc: AtUrc): Promise<void> {
    const stored = /^\+CMTI: *"[^"]*",(\d{1,5})/.exec(urc.line)
    if (stored?.[1] !== undefined) return this.#takeStoredAt(host, stored[1])
    if (urc.body === undefined) return
    const isTaken = await this.#hand(urc.body)
    if (isTaken && this.#acknowledges) await host.command({ text: "AT+CNMA=0", timeoutMs: commandTimeoutMs })
  }

  /** What came while nobody listened. */
  async #takeStored(host: AtHost): Promise<void> {
    const { lines } = await host.command({ text: "AT+CMGL=4", timeoutMs: submitTimeoutMs })
    for (const [at, line] of lines.entries()) {
      const index = /^\+CMGL: *(\d{1,5}),/.exec(line)?.[1]
      const pdu = lines[at + 1]
      if (index !== undefined && pdu !== undefined && (await this.#hand(pdu))) await this.#delete(host, index)
    }
  }

  async #takeStoredAt(host: AtHost, index: string): Promise<void> {
    const { lines } = await host.command({ text: `AT+CMGR=${index}`, timeoutMs: commandTimeoutMs })
    const pdu = lines[1]
    if (pdu !== undefined && (await this.#hand(pdu))) await this.#delete(host, index)
  }

  async #delete(host: AtHost, index: string): Promise<void> {
    await host.command({ text: `AT+CMGD=${index}`, timeoutMs: commandTimeoutMs })
  }

  /** Hands one message to the receiver; false = it must be kept where it is. */
  async #hand(pdu: string): Promise<boolean> {
    const { receiver, number } = this.#options
    let message: Deliver | StatusReport
    try {
      message = decodeFromCentre(parsePduLine(pdu.trim()).tpdu)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      // Kept, it would be met again at every start.
      this.#log({ event: "malformed", why: error.message, pdu: pdu.slice(0, 400) })
      return true
    }
    try {
      if (message.kind === "deliver") await receiver.received(incomingOf(message, number))
      else {
        const { state, words } = deliveryReport(message.status)
        await receiver.statusChanged({ reference: referenceOf(numberOf(message.to), message.reference), state, words })
      }
      return true
    } catch (error) {
      this.#log({ event: "not-taken", error })
      return false
    }
  }
}

/** The modem counts its messages from 0 to 255; with the receiver's number a count is told from the one before it. */
function referenceOf(to: string, count: number): string {
  return `${to}#${count}`
}

function submitOf(message: OutgoingSms): Uint8Array {
  return encodeTpdu({
    kind: "submit",
    rejectDuplicates: false,
    statusReportWanted: message.wantsStatus,
    hasReplyPath: false,
    reference: 0,
    to: addressOf(message.to),
    protocolId: 0,
    coding: encodeDataCoding(message.alphabet, message.messageClass),
    validity: { format: "relative", minutes: message.validityMinutes },
    userData: { header: message.header, data: message.data },
  })
}

function incomingOf({ from, coding, userData }: Deliver, to: string): IncomingSms {
  const { alphabet, messageClass } = decodeDataCoding(coding)
  return { from: numberOf(from), to, alphabet, messageClass, ...userData }
}

function outcomeOf(answer: AtAnswer, to: string): SendOutcome {
  if (answer.end === "timeout") return { kind: "uncertain", words: "the modem did not answer" }
  if (answer.end === "gone") return { kind: "uncertain", words: "the serial line broke before the modem answered" }
  if (answer.end === "error") return { kind: "refused", ...refusalOf(answer.final) }
  const count = answer.lines.map((line) => /^\+CMGS: *(\d{1,3})/.exec(line)?.[1]).find((text) => text !== undefined)
  return { kind: "accepted", reference: count === undefined ? "" : referenceOf(to, Number(count)) }
}
