import { createConnection, type Socket } from "node:net"
import { MalformedMessage } from "../../../core/kit/malformed-message.ts"
import { encodePdu } from "../../../core/protocols/smpp/pdu.ts"
import type { Pdu, PduOf } from "../../../core/protocols/smpp/pdu-table.ts"
import { type Delivery, isReceipt, otherForms, readReceipt } from "../../../core/protocols/smpp/receipt.ts"
import { smppStatus, statusCode } from "../../../core/protocols/smpp/status.ts"
import { Deadlines, type SteadyClock } from "../deadlines.ts"
import { Backoff } from "./backoff.ts"
import { type Answer, SmppLink } from "./smpp-link.ts"
import { checkedFields, incomingOf, numberOfSmpp } from "./smpp-message.ts"
import type { OutgoingSms, SendOutcome, SmsReceiver, SmsTransport } from "./sms-transport.ts"

export interface SmppClientOptions {
  readonly centre: { readonly host: string; readonly port: number }
  readonly systemId: string
  readonly password: string
  readonly systemType?: string
  /** The number or short code that our messages come from. */
  readonly sender: string
  readonly receiver: SmsReceiver
  readonly clock: SteadyClock
  /** 0 <= value < 1. */
  readonly random: () => number
  readonly limits?: Partial<SmppLimits>
  readonly log?: (entry: SmppLogEntry) => void
  /** Absent = a TCP connection to `centre`. The socket is not connected yet when it is given. */
  readonly connect?: () => Socket
}

export interface SmppLimits {
  /** submit_sm without an answer at the same time. */
  readonly window: number
  /** Messages waiting for their turn; beyond it `send` answers `not-sent`. */
  readonly maxQueued: number
  readonly maxIncoming: number
  readonly connectTimeoutMs: number
  /** For submit_sm and bind; one that comes later still counts. */
  readonly responseTimeoutMs: number
  readonly enquireLinkMs: number
  readonly enquireTimeoutMs: number
  /** First and longest pause before another connection. */
  readonly reconnect: { readonly firstMs: number; readonly longestMs: number }
  /** First and longest pause after ESME_RTHROTTLED or ESME_RMSGQFUL. */
  readonly throttle: { readonly firstMs: number; readonly longestMs: number }
}

export const defaultSmppLimits: SmppLimits = {
  window: 10,
  maxQueued: 10_000,
  maxIncoming: 200,
  connectTimeoutMs: 10_000,
  // §7.2 leaves response_timer open; centres that wait for the network's own answer have been seen to take 12 s and more.
  responseTimeoutMs: 60_000,
  enquireLinkMs: 30_000,
  enquireTimeoutMs: 15_000,
  reconnect: { firstMs: 1000, longestMs: 60_000 },
  throttle: { firstMs: 1000, longestMs: 60_000 },
}

export type SmppLogEntry =
  | { readonly event: "bound"; readonly centre: string }
  /** Told once until the link stands again, however often it is tried. */
  | { readonly event: "down"; readonly why: string }
  | { readonly event: "throttled"; readonly pauseMs: number }
  /** Told for the first of each connection. */
  | { readonly event: "malformed"; readonly why: string }
  /** The receiver could not take a message; the centre keeps it. */
  | { readonly event: "not-taken"; readonly error: unknown }

interface Queued {
  readonly message: OutgoingSms
  readonly settle: (outcome: SendOutcome) => void
}

/**
 * Binds to a service centre as a transceiver and stays bound, until it is closed. Throws `RangeError` when a name or the
 * password is longer than SMPP allows.
 */
export function startSmppClient(options: SmppClientOptions): SmsTransport {
  return new SmppClient(options)
}

const interfaceVersion = 0x34

class SmppClient implements SmsTransport {
  readonly #options: SmppClientOptions
  readonly #bindFields: PduOf<"bindTransceiver">["fields"]
  readonly #limits: SmppLimits
  readonly #deadlines: Deadlines
  readonly #log: (entry: SmppLogEntry) => void
  readonly #queue: Queued[] = []
  readonly #reconnect: Backoff
  readonly #throttle: Backoff
  #socket: Socket | null = null
  #link: SmppLink | null = null
  #isBound = false
  #isClosed = false
  #isPaused = false
  #wasDownTold = false
  #inFlight = 0

  constructor(options: SmppClientOptions) {
    const { systemId, password, systemType = "" } = options
    const noAddress = { typeOfNumber: 0, plan: 0, addressRange: "" }
    this.#bindFields = { systemId, password, systemType, interfaceVersion, ...noAddress }
    // Written once to see that it fits.
    encodePdu({ command: "bindTransceiver", status: 0, sequence: 1, fields: this.#bindFields, tlvs: {} })
    this.#options = options
    this.#limits = { ...defaultSmppLimits, ...options.limits }
    this.#deadlines = new Deadlines(options.clock)
    this.#log = options.log ?? ((): void => undefined)
    this.#reconnect = new Backoff(this.#limits.reconnect, options.random)
    this.#throttle = new Backoff(this.#limits.throttle, options.random)
    this.#connect()
  }

  isReady(): boolean {
    return this.#isBound && !this.#isPaused
  }

  send(message: OutgoingSms): Promise<SendOutcome> {
    if (this.#isClosed) return Promise.resolve({ kind: "not-sent", words: "the transport is closed" })
    if (this.#queue.length >= this.#limits.maxQueued) {
      return Promise.resolve({ kind: "not-sent", words: "too many messages wait for the service centre" })
    }
    return new Promise((settle) => {
      this.#queue.push({ message, settle })
      this.#drain()
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { settle } of this.#queue.splice(0)) settle({ kind: "not-sent", words: "the transport is closing" })
    if (this.#isBound) await this.#link?.request("unbind", {})
    this.#link?.end("closing")
    this.#socket?.destroy()
    this.#deadlines.stop()
  }

  #connect(): void {
    if (this.#isClosed) return
    const { connectTimeoutMs } = this.#limits
    const { centre, connect = () => createConnection(centre) } = this.#options
    const socket = connect()
    this.#socket = socket
    const callOff = this.#deadlines.after(connectTimeoutMs, () => socket.destroy(new Error("connecting took too long")))
    const failed = (error: Error): void => {
      callOff()
      this.#lost(error.message)
    }
    socket.once("error", failed)
    socket.once("connect", () => {
      callOff()
      socket.off("error", failed)
      void this.#bind(socket)
    })
  }

  async #bind(socket: Socket): Promise<void> {
    let isFirstMalformed = true
    const link = new SmppLink(socket, {
      ...this.#limits,
      deadlines: this.#deadlines,
      deliver: (pdu) => this.#deliver(pdu),
      unreadable: (octets, error) => this.#keepUnreadable(octets, error),
      malformed: ({ message }) => {
        if (isFirstMalformed) this.#log({ event: "malformed", why: message })
        isFirstMalformed = false
      },
      ended: (why) => this.#lost(why),
    })
    this.#link = link
    const { centre } = this.#options
    const answer = await link.request("bindTransceiver", this.#bindFields)
    if (typeof answer === "string" || answer.status !== statusCode.ok) {
      return link.end(`the centre does not let us in: ${describeAnswer(answer)}`)
    }
    this.#isBound = true
    this.#wasDownTold = false
    this.#reconnect.reset()
    this.#log({ event: "bound", centre: `${centre.host}:${centre.port}` })
    this.#drain()
  }

  #lost(why: string): void {
    this.#isBound = false
    this.#link = null
    this.#socket = null
    if (this.#isClosed) return
    if (!this.#wasDownTold) this.#log({ event: "down", why })
    this.#wasDownTold = true
    this.#deadlines.after(this.#reconnect.next(), () => this.#connect())
  }

  #drain(): void {
    while (this.isReady() && this.#inFlight < this.#limits.window) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#inFlight++
      void this.#submit(next).finally(() => {
        this.#inFlight--
        this.#drain()
      })
    }
  }

  async #submit(queued: Queued): Promise<void> {
    const fields = this.#fieldsOf(queued)
    const link = this.#link
    if (fields === null) return
    if (link === null) return queued.settle({ kind: "not-sent", words: "the service centre is not connected" })
    let answerLate: (outcome: SendOutcome) => void = () => undefined
    const later = new Promise<SendOutcome>((resolve) => (answerLate = resolve))
    const answer = await link.request("submitSm", fields, (late) => answerLate(outcomeOf(late)))
    if (typeof answer === "object" && isCongestion(answer.status) && !this.#isClosed) {
      // The centre has said that it did not take it: it keeps its place in the queue.
      this.#queue.unshift(queued)
      return this.#pause()
    }
    if (!this.#isPaused) this.#throttle.reset()
    if (typeof answer === "object") queued.settle(outcomeOf(answer))
    else queued.settle(answer === "no-answer" ? { ...doubtful(answer), later } : doubtful(answer))
  }

  #fieldsOf({ message, settle }: Queued): PduOf<"submitSm">["fields"] | null {
    try {
      return checkedFields(message, this.#options.sender)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      settle({ kind: "not-sent", words: error.message })
      return null
    }
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    const pauseMs = this.#throttle.next()
    this.#log({ event: "throttled", pauseMs })
    this.#deadlines.after(pauseMs, () => {
      this.#isPaused = false
      this.#drain()
    })
  }

  /** Kept by its octets, it need not come again: it would not be readable then either. */
  async #keepUnreadable(octets: string, { message }: MalformedMessage): Promise<number> {
    try {
      await this.#options.receiver.unreadable({ octets, why: message })
      return statusCode.permanentAtReceiver
    } catch (error) {
      this.#log({ event: "not-taken", error })
      return statusCode.temporaryAtReceiver
    }
  }

  async #deliver(pdu: Delivery): Promise<number> {
    const { receiver } = this.#options
    try {
      if (!isReceipt(pdu)) {
        await receiver.received(incomingOf(pdu))
        return statusCode.ok
      }
      const receipt = readReceipt(pdu)
      // A receipt that names no message helps nobody; refusing it would only bring it again.
      if (receipt === null) return statusCode.ok
      const { messageId, state, word, error } = receipt
      await receiver.statusChanged({
        reference: messageId,
        otherReferences: otherForms(messageId),
        about: numberOfSmpp(pdu.fields.source),
        state,
        words: error === "" ? word : `${word}, error ${error}`,
      })
      return statusCode.ok
    } catch (error) {
      this.#log({ event: "not-taken", error })
      return statusCode.temporaryAtReceiver
    }
  }
}

function isCongestion(status: number): boolean {
  return status === statusCode.throttled || status === statusCode.queueFull
}

function describeAnswer(answer: Answer): string {
  return typeof answer === "string" ? answer : `${smppStatus(answer.status).name}, ${smppStatus(answer.status).words}`
}

const noAnswerWords = {
  "no-answer": "the service centre did not answer",
  "link-lost": "the connection was lost before the service centre answered",
} as const

function doubtful(answer: keyof typeof noAnswerWords): SendOutcome & { readonly kind: "uncertain" } {
  return { kind: "uncertain", words: noAnswerWords[answer] }
}

function outcomeOf(answer: Pdu): SendOutcome {
  if (answer.status === statusCode.ok && answer.command === "submitSmResponse") {
    return { kind: "accepted", reference: answer.fields.messageId }
  }
  if (answer.status === statusCode.ok)
    return { kind: "uncertain", words: `the service centre answered ${answer.command}` }
  const { name, words, isTemporary } = smppStatus(answer.status)
  return { kind: "refused", code: name, words, isTemporary }
}
