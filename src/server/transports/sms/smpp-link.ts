import type { Socket } from "node:net"
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
import { statusCode } from "../../../core/protocols/smpp/status.ts"
import type { Deadlines } from "../deadlines.ts"

export interface SmppLinkNeeds {
  readonly deadlines: Deadlines
  readonly responseTimeoutMs: number
  /** A link that has heard nothing for so long is asked whether it lives. */
  readonly enquireLinkMs: number
  /** Incoming messages being taken at the same time; beyond it the centre is told ESME_RTHROTTLED. */
  readonly maxIncoming: number
  /** Takes a message in; gives the `command_status` of its response. Must not reject. */
  readonly deliver: (pdu: PduOf<"deliverSm">) => Promise<number>
  /** Called for each PDU that breaks its layout. The link goes on. */
  readonly malformed: (error: MalformedMessage) => void
  /** Called once, when the link is over. */
  readonly ended: (why: string) => void
}

/** What came of a request: a response, or none. */
export type Answer = Pdu | "no-answer" | "link-lost" | "malformed"

interface Waiting {
  readonly settle: (answer: Answer) => void
  readonly callOffTimeout: () => void
}

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

  /** Sends a request and waits for its response. */
  request<Name extends RequestCommand>(command: Name, fields: PduOf<Name>["fields"]): Promise<Answer> {
    if (this.#isOver) return Promise.resolve("link-lost")
    const sequence = this.#nextSequence()
    const octets = encodePdu<Name>({ command, status: 0, sequence, fields, tlvs: {} })
    return new Promise((resolve) => {
      const callOffTimeout = this.#needs.deadlines.after(this.#needs.responseTimeoutMs, () =>
        this.#settle(sequence, "no-answer"),
      )
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
    } while (this.#waiting.has(this.#sequence))
    return this.#sequence
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
      this.#refuse(command, sequence)
    }
  }

  /** A request that cannot be read will not be readable later either: the centre need not send it again. */
  #refuse(command: Command | null, sequence: number): void {
    if (command === "deliverSm") {
      const fields = { messageId: "" }
      this.#respond("deliverSmResponse", { sequence, status: statusCode.permanentAtReceiver, fields })
    } else if (command !== null && responseTo(command) === null) {
      this.#settle(sequence, "malformed")
    } else {
      this.#respond("genericNack", { sequence, status: statusCode.invalidLength, fields: {} })
    }
  }

  #act(pdu: Pdu): void {
    if (responseTo(pdu.command) === null) return this.#settle(pdu.sequence, pdu)
    const { sequence } = pdu
    if (pdu.command === "deliverSm") return void this.#deliver(pdu)
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

  async #deliver(pdu: PduOf<"deliverSm">): Promise<void> {
    const { maxIncoming, deliver } = this.#needs
    let status: number = statusCode.throttled
    if (this.#incoming < maxIncoming) {
      this.#incoming++
      status = await deliver(pdu)
      this.#incoming--
    }
    this.#respond("deliverSmResponse", { sequence: pdu.sequence, status, fields: { messageId: "" } })
  }

  #respond<Name extends Command>(command: Name, pdu: Omit<PduOf<Name>, "command" | "tlvs">): void {
    if (!this.#isOver) this.#socket.write(encodePdu<Name>({ command, tlvs: {}, ...pdu }))
  }
}
