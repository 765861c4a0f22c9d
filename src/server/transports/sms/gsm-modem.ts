import { MalformedMessage } from "../../../core/kit/malformed-message.ts"
import { latin1 } from "../../../core/kit/bytes.ts"
import { type AtAnswer, AtHost, type AtHostLimits } from "../../../core/protocols/at/at-host.ts"
import type { AtClock, AtLine } from "../../../core/protocols/at/at-line.ts"
import type { AtUrc } from "../../../core/protocols/at/at-urc.ts"
import { addressOf, numberOf } from "../../../core/protocols/sms/address.ts"
import { decodeDataCoding, encodeDataCoding } from "../../../core/protocols/sms/data-coding.ts"
import { formatPduLine, parsePduLine } from "../../../core/protocols/sms/pdu-line.ts"
import { deliveryReport } from "../../../core/protocols/sms/status.ts"
import { type Deliver, decodeFromCentre, encodeTpdu, type StatusReport } from "../../../core/protocols/sms/tpdu.ts"
import { Backoff } from "./backoff.ts"
import { refusalOf } from "./cms-errors.ts"
import { byNameOf, type ModemSetup, NotReady, setUpModem } from "./gsm-setup.ts"
import { GsmStore, type Handed, isOfLength } from "./gsm-store.ts"
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
  /** Each reason is told once until the modem is ready again. */
  | { readonly event: "down"; readonly why: string }
  /** The modem said something that is no answer and no message. */
  | { readonly event: "line"; readonly text: string }
  /** A message that could not be read; it stays on the SIM until it is kept elsewhere as it is. */
  | { readonly event: "malformed"; readonly why: string; readonly pdu: string }
  /** The receiver could not take a message; the SIM keeps it, or the network does. */
  | { readonly event: "not-taken"; readonly error: unknown }

const commandTimeoutMs = 10_000
/** 3GPP TS 27.005 §3.5.1 names no limit; vendors' AT manuals name up to two minutes, which the network decides. */
const submitTimeoutMs = 120_000
const listenMs = 60_000
/** A modem that hangs looks like one with nothing to say: it is asked after each silence. */
const reopen = { firstMs: 1000, longestMs: 60_000 }
const maxQueued = 1000
/** A list of all that a modem with much memory holds, two lines each. */
const hostLimits: AtHostLimits = { maxLineBytes: 1024, maxLines: 4096 }
const mostLines = 200

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
  /** What stood in the way since the modem was last ready. */
  readonly #told = new Set<string>()
  readonly #lines = new Set<string>()
  #isPinSpent = false

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
    const text = `AT+CMGS=${tpdu.length}`
    const answer = await this.#host.command({ text, timeoutMs: submitTimeoutMs, data, isAnswer: byNameOf(text) })
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
      if (!this.#told.has(why) && why !== "closing") this.#log({ event: "down", why })
      this.#told.add(why)
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
    const host = new AtHost(line, this.#options.clock, hostLimits)
    try {
      const { pin = "" } = this.#options
      const spendPin = (isSpent: boolean): void => void (this.#isPinSpent = isSpent)
      const setup = await setUpModem(host, { pin, isPinSpent: this.#isPinSpent, spendPin })
      this.#host = host
      this.#told.clear()
      pauses.reset()
      this.#log({ event: "ready", line: line.name })
      const store = new GsmStore(host, setup.memory, (pdu) => this.#hand(pdu))
      await store.takeAll()
      return await this.#listen(host, store, setup)
    } catch (error) {
      if (error instanceof NotReady) return error.message
      throw error
    } finally {
      await host.close()
    }
  }

  async #listen(host: AtHost, store: GsmStore, setup: ModemSetup): Promise<string> {
    for (;;) {
      const urc = await host.listen(listenMs, this.#closing.signal)
      if (this.#closing.signal.aborted) return "closing"
      if (urc === "gone") return "the serial line is gone"
      if (urc !== "quiet") await this.#take(host, urc, { store, setup })
      else if ((await host.command({ text: "AT", timeoutMs: commandTimeoutMs })).end === "timeout") {
        return "the modem does not answer"
      } else await store.takeAll()
    }
  }

  async #take(
    host: AtHost,
    { line, body }: AtUrc,
    { store, setup }: { readonly store: GsmStore; readonly setup: ModemSetup },
  ): Promise<void> {
    const [, memory, index] = /^\+(?:CMTI|CDSI): *"([A-Z]{2})" *, *(\d{1,5})$/.exec(line.trim()) ?? []
    if (memory !== undefined && index !== undefined) return store.takeAt(memory, index)
    const length = /^\+(?:CMT|CDS): *(?:.*, *)?(\d{1,3})$/.exec(line.trim())?.[1]
    if (length === undefined) return this.#noteLine(line)
    // What is not whole is not acknowledged: the network sends it again (TS 27.005 §3.4.1).
    const pdu = body?.trim() ?? ""
    const isWhole = isOfLength(pdu, Number(length)) || (pdu.length === Number(length) * 2 && isReadable(pdu))
    if (!isWhole) return this.#noteLine(line)
    const isTaken = (await this.#hand(pdu)) === "taken"
    if (isTaken && setup.acknowledges) await host.command({ text: "AT+CNMA=0", timeoutMs: commandTimeoutMs })
  }

  /** A line that is none of ours, told once each and not without end. */
  #noteLine(line: string): void {
    const text = line.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200)
    if (this.#lines.has(text) || this.#lines.size >= mostLines) return
    this.#lines.add(text)
    this.#log({ event: "line", text })
  }

  /** Hands one message to the receiver; `kept` = it must be kept where it is. */
  async #hand(pdu: string): Promise<Handed> {
    const { receiver, number } = this.#options
    try {
      const message = read(pdu.trim())
      if (message instanceof MalformedMessage) {
        this.#log({ event: "malformed", why: message.message, pdu: pdu.slice(0, 400) })
        await receiver.unreadable({ octets: pdu.trim(), why: message.message })
      } else if (message.kind === "deliver") await receiver.received(incomingOf(message, number))
      else {
        const { state, words } = deliveryReport(message.status)
        await receiver.statusChanged({ reference: referenceOf(numberOf(message.to), message.reference), state, words })
      }
      return "taken"
    } catch (error) {
      this.#log({ event: "not-taken", error })
      return "kept"
    }
  }
}

/** For modems that count the centre's address as well: a message that lost an octet is not readable. */
function isReadable(pdu: string): boolean {
  return !(read(pdu) instanceof MalformedMessage)
}

function read(pdu: string): Deliver | StatusReport | MalformedMessage {
  try {
    return decodeFromCentre(parsePduLine(pdu).tpdu)
  } catch (error) {
    if (error instanceof MalformedMessage) return error
    throw error
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
