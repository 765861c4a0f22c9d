import { createServer, type Server, type Socket } from "node:net"
import { encodePdu, decodePdu } from "../../../core/protocols/smpp/pdu.ts"
import { PduCutter } from "../../../core/protocols/smpp/pdu-cutter.ts"
import { type Command, type Pdu, type PduOf, responseTo } from "../../../core/protocols/smpp/pdu-table.ts"
import type { SteadyClock } from "../deadlines.ts"

/** How the peer answers a request: a status, or `null` for silence. */
export type AnswerPlan = (pdu: Pdu) => number | null

/** The far end of an SMPP connection, for tests: it answers as it is told, and says what came. */
export class SmppPeer {
  readonly #server: Server
  readonly #came: Pdu[] = []
  #wake: () => void = () => undefined
  #socket: Socket | null = null
  #messages = 0
  connections = 0
  answer: AnswerPlan = () => 0

  private constructor(server: Server) {
    this.#server = server
    server.on("connection", (socket) => this.#serve(socket))
  }

  static async start(): Promise<SmppPeer> {
    const server = createServer()
    const peer = new SmppPeer(server)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return peer
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the peer does not listen")
    return address.port
  }

  /** The next PDU of that command, others before it passed over. */
  async next<Name extends Command>(command: Name): Promise<PduOf<Name>> {
    for (;;) {
      const pdu = this.#came.shift()
      if (pdu?.command === command) return pdu as unknown as PduOf<Name>
      if (pdu !== undefined) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  send<Name extends Command>(command: Name, pdu: Omit<PduOf<Name>, "command">): void {
    this.sendRaw(encodePdu<Name>({ command, ...pdu }))
  }

  sendRaw(octets: Uint8Array): void {
    this.#socket?.write(octets)
  }

  /** Breaks the connection. */
  hangUp(): void {
    this.#socket?.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.#socket?.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #serve(socket: Socket): void {
    this.connections++
    this.#socket = socket
    const cutter = new PduCutter()
    socket.on("error", () => socket.destroy())
    socket.on("data", (packet: Uint8Array) => {
      for (const octets of cutter.push(packet)) {
        const pdu = decodePdu(octets)
        if (pdu !== null) this.#take(pdu)
      }
    })
  }

  #take(pdu: Pdu): void {
    const response = responseTo(pdu.command)
    const status = response === null ? null : this.answer(pdu)
    if (response !== null && status !== null) {
      const messageId = status === 0 && pdu.command === "submitSm" ? `m${++this.#messages}` : ""
      const fields = { systemId: "peer", messageId }
      this.sendRaw(encodePdu({ command: response, status, sequence: pdu.sequence, fields, tlvs: {} }))
    }
    this.#came.push(pdu)
    this.#wake()
  }
}

/** A clock that a test moves by hand. */
export class HandClock implements SteadyClock {
  #now = 1_000_000
  readonly #ticks = new Set<() => void>()
  readonly now = (): number => this.#now
  readonly every = (_ms: number, tick: () => void): (() => void) => {
    this.#ticks.add(tick)
    return () => this.#ticks.delete(tick)
  }

  pass(ms: number): void {
    this.#now += ms
    for (const tick of this.#ticks) tick()
  }
}
