import type { Socket } from "node:net"
import { hex } from "../../../core/kit/bytes.ts"
import { MalformedMessage } from "../../../core/kit/malformed-message.ts"
import { decodePdu, encodePdu, readHeader } from "../../../core/protocols/smpp/pdu.ts"
import { PduCutter } from "../../../core/protocols/smpp/pdu-cutter.ts"
import {
  type Command,
  commandOfId,
  type Pdu,
  type PduOf,
  type RequestCommand,
  responseTo,
} from "../../../core/protocols/smpp/pdu-table.ts"
import type { Delivery } from "../../../core/protocols/smpp/receipt.ts"
import { statusCode } from "../../../core/protocols/smpp/status.ts"
import type { Deadlines } from "../deadlines.ts"
import { deliveryOf } from "./smpp-message.ts"

export interface SmppLinkNeeds {
  readonly deadlines: Deadlines
  readonly responseTimeoutMs: number
  readonly enquireTimeoutMs: number
  /** A link that has heard nothing for so long is asked whether it lives. */
  readonly enquireLinkMs: number
  /** Incoming messages being taken at the same time; beyond it the centre is told ESME_RTHROTTLED. */
  readonly maxIncoming: number
  /** Takes a message in; gives the `command_status` of its response. Must not reject. */
  readonly deliver: (pdu: Delivery) => Promise<number>
  /** Takes in a message that breaks its layout, in hex; otherwise like `deliver`. */
  readonly unreadable: (octets: string, error: MalformedMessage) => Promise<number>
  /** Called for each PDU that breaks its layout. The link goes on. */
  readonly malformed: (error: MalformedMessage) => void
  /** Called once, when the link is over. */
  readonly ended: (why: string) => void
}

/** What came of a request: a response, or none. */
export type Answer = Pdu | "no-answer" | "link-lost"

interface Waiting {
  readonly settle: (answer: Answer) => void
  readonly callOffTimeout: () => void
}

/** How many requests that were given up may still be answered, on one link. */
const mostLate = 1000
const mask = 0x7fffffff

/**
 * One SMPP connection: requests and their answers by sequence number, timeouts, enquire_link both ways. A PDU that breaks
 * its layout is answered and survived; only a length that none can have ends the link.
 */
export class SmppLink {
  readonly #socket: Socket
  readonly #needs: SmppLinkNeeds
  readonly #cutter = new PduCutter()
  readonly #waiting = new Map<number, Waiting>()
  /** Given up, but an answer is an answer whenever it comes. */
  readonly #late = new Map<number, (answer: Pdu) => void>()
  #sequence = 0
  #incoming = 0
  #lastHeardAt: number
  #isOver = false
  readonly #stopWatching: () => void

  constructor(socket: Socket, needs: SmppLinkNeeds) {
    this.#socket = socket
    this.#needs = needs
    this.#lastHeardAt = needs.deadlines.now
    socket.setNoDelay(true)
    socket.on("data", (packet: Uint8Array) => this.#take(packet))
    socket.on("error", (error) => this.end(error.message))
    socket.on("close", () => this.end("the connection was closed"))
    this.#stopWatching = this.#watch()
  }

  /** Sends a request and waits for its response; `late` is told one that comes after the wait was given up. */
  request<Name extends RequestCommand>(
    command: Name,
    fields: PduOf<Name>["fields"],
    late?: (answer: Pdu) => void,
  ): Promise<Answer> {
    if (this.#isOver) return Promise.resolve("link-lost")
    const sequence = this.#nextSequence()
    const octets = encodePdu<Name>({ command, status: 0, sequence, fields, tlvs: {} })
    return new Promise((resolve) => {
      const { responseTimeoutMs, enquireTimeoutMs } = this.#needs
      const timeoutMs = command === "enquireLink" ? enquireTimeoutMs : responseTimeoutMs
      const callOffTimeout = this.#needs.deadlines.after(timeoutMs, () => {
        if (late !== undefined) this.#expectLate(sequence, late)
        this.#settle(sequence, "no-answer")
      })
      this.#waiting.set(sequence, { settle: resolve, callOffTimeout })
      this.#socket.write(octets)
    })
  }

  /** Ends at once; requests without an answer are told `link-lost`. */
  end(why: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopWatching()
    this.#socket.destroy()
    for (const sequence of this.#waiting.keys()) this.#settle(sequence, "link-lost")
    this.#needs.ended(why)
  }

  #nextSequence(): number {
    // §3.2: sequence numbers go from 1 to 0x7FFFFFFF.
    do {
      this.#sequence = ((this.#sequence & mask) % mask) + 1
    } while (this.#waiting.has(this.#sequence) || this.#late.has(this.#sequence))
    return this.#sequence
  }

  #expectLate(sequence: number, late: (answer: Pdu) => void): void {
    this.#late.set(sequence, late)
    const oldest = this.#late.keys().next().value
    if (this.#late.size > mostLate && oldest !== undefined) this.#late.delete(oldest)
  }

  #settle(sequence: number, answer: Answer): void {
    const waiting = this.#waiting.get(sequence)
    if (waiting === undefined) return
    this.#waiting.delete(sequence)
    waiting.callOffTimeout()
    waiting.settle(answer)
  }

  /** Asks a silent peer whether it lives; one that does not answer is given up. */
  #watch(): () => void {
    const { deadlines, enquireLinkMs } = this.#needs
    const guard = {
      dueAt: deadlines.now + enquireLinkMs,
      expire: (): void => {
        const silentMs = deadlines.now - this.#lastHeardAt
        guard.dueAt = deadlines.now + Math.max(1, enquireLinkMs - silentMs)
        if (silentMs < enquireLinkMs) return
        guard.dueAt = deadlines.now + enquireLinkMs
        void this.request("enquireLink", {}).then((answer) => {
          if (answer === "no-answer") this.end("the centre does not answer enquire_link")
        })
      },
    }
    deadlines.add(guard)
    return () => deadlines.delete(guard)
  }

  #take(packet: Uint8Array): void {
    this.#lastHeardAt = this.#needs.deadlines.now
    try {
      for (const octets of this.#cutter.push(packet)) if (!this.#isOver) this.#takePdu(octets)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#needs.malformed(error)
      this.end(error.message)
    }
  }

  #takePdu(octets: Uint8Array): void {
    const { id, sequence } = readHeader(octets)
    const command = commandOfId(id)
    try {
      const pdu = decodePdu(octets)
      if (pdu === null) this.#respond("genericNack", { sequence, status: statusCode.invalidCommand, fields: {} })
      else this.#act(pdu)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#needs.malformed(error)
      if (command === "deliverSm" || command === "dataSm") {
        return void this.#takeIn(`${command}Response`, sequence, () => this.#needs.unreadable(hex(octets), error))
      }
      this.#respond("genericNack", { sequence, status: statusCode.invalidLength, fields: {} })
    }
  }

  #act(pdu: Pdu): void {
    const { sequence } = pdu
    if (responseTo(pdu.command) === null) return this.#answered(pdu)
    const { deliver } = this.#needs
    if (pdu.command === "deliverSm") return void this.#takeIn("deliverSmResponse", sequence, () => deliver(pdu))
    if (pdu.command === "dataSm") return void this.#takeIn("dataSmResponse", sequence, () => deliver(deliveryOf(pdu)))
    if (pdu.command === "enquireLink") {
      return this.#respond("enquireLinkResponse", { sequence, status: statusCode.ok, fields: {} })
    }
    if (pdu.command === "unbind") {
      this.#respond("unbindResponse", { sequence, status: statusCode.ok, fields: {} })
      // What was just written still goes: end() of the socket would wait for the peer, destroy would drop it.
      this.#socket.end(() => this.end("the centre ended the session"))
      return
    }
    this.#respond("genericNack", { sequence, status: statusCode.invalidCommand, fields: {} })
  }

  #answered(pdu: Pdu): void {
    const late = this.#late.get(pdu.sequence)
    this.#late.delete(pdu.sequence)
    if (late === undefined) this.#settle(pdu.sequence, pdu)
    else late(pdu)
  }

  async #takeIn(
    response: "deliverSmResponse" | "dataSmResponse",
    sequence: number,
    take: () => Promise<number>,
  ): Promise<void> {
    let status: number = statusCode.throttled
    if (this.#incoming < this.#needs.maxIncoming) {
      this.#incoming++
      status = await take()
      this.#incoming--
    }
    this.#respond(response, { sequence, status, fields: { messageId: "" } })
  }

  #respond<Name extends Command>(command: Name, pdu: Omit<PduOf<Name>, "command" | "tlvs">): void {
    if (!this.#isOver) this.#socket.write(encodePdu<Name>({ command, tlvs: {}, ...pdu }))
  }
}
