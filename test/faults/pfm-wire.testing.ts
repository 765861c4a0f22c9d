import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { octetsOfSms, PfmCutter, frameOf } from "../../src/core/families/telit/codec/pfm-carriers.ts"
import { waftCodec } from "../../src/core/families/telit/codec/pfm-codec.ts"
import { type PfmName, pfmTable } from "../../src/core/families/telit/codec/pfm-table.ts"
import { decodePdu, readHeader } from "../../src/core/protocols/smpp/pdu.ts"
import { PduCutter } from "../../src/core/protocols/smpp/pdu-cutter.ts"

/** A message that must not come through, once: it is lost, or it arrives and its sender never learns that. */
export interface Stop {
  readonly imei: string
  readonly name: PfmName
  readonly what: "lost" | "unanswered"
}

/** An own end of a connection, with what it was joined to. */
interface Joined {
  readonly near: Socket
  readonly far: Socket
}

interface Address {
  readonly host: string
  readonly port: number
}

const receiptBit = 0x04

/**
 * What stands between a server and the world: its connections to the SMS centre, and those of the modules to it. It knows
 * each message of the modules' protocol that passes, and stops those that it is told to stop.
 */
export class PfmWire {
  readonly #stops: Stop[]
  readonly #servers: Server[] = []
  readonly #joined = new Set<Joined>()
  readonly #callers = new Set<Socket>()
  /** Those who hear nothing more until everything breaks. */
  readonly #deaf = new Set<Socket>()

  constructor(stops: readonly Stop[]) {
    this.#stops = [...stops]
  }

  /** Those that have not been met yet. */
  get left(): readonly Stop[] {
    return this.#stops
  }

  /** While it is shut, whoever calls waits. */
  isShut = false

  /** Stands before an SMS centre; gives the port at which a server finds it. */
  beforeCentre(centre: Address): Promise<number> {
    return this.#listen((near) => {
      near.on("error", () => near.destroy())
      void this.#call(centre, near).then((far) => {
        if (far === null) return
        const unanswered = { up: new Set<number>(), down: new Set<number>() }
        carry(near, new PduCutter(), (pdu) => this.#passPdu(pdu, "down", unanswered) && far.write(pdu))
        carry(far, new PduCutter(), (pdu) => this.#passPdu(pdu, "up", unanswered) && near.write(pdu))
        endTogether(this.#join(near, far))
      })
    })
  }

  /** Stands before a server's listener for messages; who calls while nobody listens there waits. */
  beforeServer(server: Address): Promise<number> {
    return this.#listen((near) => {
      const early: Uint8Array[] = []
      let write = (frame: Uint8Array): void => void early.push(frame)
      carry(near, new PfmCutter(), (octets) => {
        const verdict = this.#judge(octets)
        if (verdict !== null) this.#deaf.add(near)
        if (verdict !== "lost") write(frameOf(octets))
      })
      near.on("error", () => near.destroy())
      void this.#call(server, near).then((far) => {
        if (far === null) return
        write = (frame) => void far.write(frame)
        for (const frame of early.splice(0)) far.write(frame)
        this.#relay(near, far)
      })
    })
  }

  /** A connection to whoever it is once he listens; null when the caller has gone meanwhile. */
  async #call(server: Address, near: Socket): Promise<Socket | null> {
    while (!near.destroyed) {
      if (this.isShut) {
        await pause()
        continue
      }
      const far = connect({ ...server, noDelay: true, allowHalfOpen: true })
      const isUp = await new Promise<boolean>((resolve) => {
        far.once("connect", () => resolve(true))
        far.once("error", () => resolve(false))
      })
      if (isUp) return far
      await pause()
    }
    return null
  }

  #relay(near: Socket, far: Socket): void {
    const joined = this.#join(near, far)
    const mayHear = (): boolean => !this.#deaf.has(near)
    far.on("data", (bytes) => mayHear() && near.write(bytes))
    far.once("end", () => mayHear() && near.end())
    far.on("error", () => far.destroy())
    far.once("close", (isBroken) => {
      this.#joined.delete(joined)
      if (isBroken && mayHear()) near.resetAndDestroy()
    })
    if (near.readableEnded) far.end()
    near.once("end", () => far.end())
    near.once("close", () => far.destroy())
  }

  /** Every connection breaks, as it does when a machine's process dies. */
  breakAll(): void {
    for (const { near, far } of this.#joined) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    for (const near of this.#deaf) near.resetAndDestroy()
    this.#joined.clear()
    this.#deaf.clear()
  }

  async close(): Promise<void> {
    this.breakAll()
    for (const caller of this.#callers) caller.destroy()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #listen(serve: (near: Socket) => void): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      this.#callers.add(near)
      near.once("close", () => this.#callers.delete(near))
      serve(near)
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return (server.address() as AddressInfo).port
  }

  #join(near: Socket, far: Socket): Joined {
    const joined = { near, far }
    this.#joined.add(joined)
    near.once("close", () => this.#joined.delete(joined))
    return joined
  }

  /** Whether a PDU goes on. `down` is from the server to the centre. */
  #passPdu(bytes: Uint8Array, way: "up" | "down", unanswered: Readonly<Record<"up" | "down", Set<number>>>): boolean {
    const { sequence } = readHeader(bytes)
    const pdu = decodePdu(bytes)
    if (pdu === null) return true
    const back = way === "up" ? "down" : "up"
    if (pdu.command === "submitSmResponse" || pdu.command === "deliverSmResponse") {
      return !unanswered[back].delete(sequence)
    }
    if (pdu.command !== "submitSm" && pdu.command !== "deliverSm") return true
    const octets = (pdu.fields.esmClass & receiptBit) === 0 ? octetsOfSms(pdu.fields.shortMessage) : null
    const verdict = octets === null ? null : this.#judge(octets)
    if (verdict === "unanswered") unanswered[way].add(sequence)
    return verdict !== "lost"
  }

  #judge(octets: Uint8Array): Stop["what"] | null {
    const imei = waftCodec.imeiOf(octets)
    const number = octets[2]
    const at = this.#stops.findIndex((stop) => stop.imei === imei && pfmTable[stop.name].number === number)
    return at < 0 ? null : (this.#stops.splice(at, 1)[0]?.what ?? null)
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))

function carry(
  from: Socket,
  cutter: { readonly push: (packet: Uint8Array) => readonly Uint8Array[] },
  each: (bytes: Uint8Array) => unknown,
): void {
  from.on("data", (packet) => {
    for (const bytes of cutter.push(packet)) each(bytes)
  })
}

function endTogether({ near, far }: Joined): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on("error", () => one.destroy())
    one.once("end", () => other.end())
    one.once("close", () => other.destroy())
  }
}
