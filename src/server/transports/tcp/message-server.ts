import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { type LimitName, limits } from "../../../core/kit/limits.ts"
import { Deadlines, type Guard, type SteadyClock } from "../deadlines.ts"
import { Lobby, type Visitor } from "../lobby.ts"
import { peerAddress } from "../peer-address.ts"

/** Who takes in messages that devices send on TCP connections of their own. */
export interface MessageHost {
  /** Bytes of the message that these first bytes begin; null = too few to tell. Throws for what is no message. */
  readonly frameBytes: (head: Uint8Array) => number | null
  /** Takes one message in; the answers go back on the same connection once it resolves. */
  readonly received: (message: Uint8Array, peer: string) => Promise<readonly MessageAnswer[]>
}

export interface MessageAnswer {
  readonly bytes: Uint8Array
  /** The connection is closed after it. */
  readonly isLast: boolean
}

export interface MessageLimits {
  readonly maxConnections: number
  /** Connections from one address; many devices share one behind a carrier's NAT. */
  readonly maxConnectionsPerPeer: number
  /** Of them without one whole message. Beyond it the oldest is closed: nobody is refused. */
  readonly maxStrangersPerPeer: number
  /** Longest message, bytes. */
  readonly maxMessageBytes: number
  /** Time for the first message, and for the rest of one that was begun, ms. */
  readonly messageTimeoutMs: number
  /** Time without a message on a connection that has had one, ms: a device may ask its user in between. */
  readonly idleTimeoutMs: number
}

export const defaultMessageLimits: MessageLimits = {
  maxConnections: limits["tcp.connections"].most,
  maxConnectionsPerPeer: limits["tcp.connections-per-address"].most,
  maxStrangersPerPeer: limits["tcp.strangers-per-address"].most,
  maxMessageBytes: 1024,
  messageTimeoutMs: 30_000,
  idleTimeoutMs: 300_000,
}

export interface MessageServerOptions {
  /** Port 0 = a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly host: MessageHost
  readonly limits?: Partial<MessageLimits>
  readonly clock: SteadyClock
  readonly log?: (entry: MessageLogEntry) => void
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

export interface MessageLogEntry {
  readonly event: "turned-away" | "malformed" | "failed"
  readonly peer: string
  readonly error?: unknown
}

export interface MessageServer {
  readonly address: { readonly host: string; readonly port: number }
  readonly connections: () => number
  /** Cuts every connection; resolves when what was taken in has been dealt with. */
  readonly close: () => Promise<void>
}

interface Settings {
  readonly host: MessageHost
  readonly limits: MessageLimits
  readonly deadlines: Deadlines
  readonly log: (entry: MessageLogEntry) => void
}

/** Starts a server for messages over TCP; rejects when it cannot listen. */
export async function startMessageServer(options: MessageServerOptions): Promise<MessageServer> {
  const deadlines = new Deadlines(options.clock)
  const bounds = { ...defaultMessageLimits, ...options.limits }
  const settings: Settings = { host: options.host, limits: bounds, deadlines, log: options.log ?? (() => undefined) }
  const connections = new Set<MessageConnection>()
  const lobby = new Lobby(bounds, deadlines, (what) => options.hit?.(`tcp.${what}`))
  const server = createServer({ noDelay: true }, (socket) => accept(settings, socket, { connections, lobby }))
  await listen(server, options.listen).catch((error: unknown) => {
    deadlines.stop()
    throw error
  })
  server.on("error", (error) => settings.log({ event: "failed", peer: "", error }))
  const { address, port } = server.address() as AddressInfo
  return {
    address: { host: address, port },
    connections: () => connections.size,
    close: async () => {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all([...connections].map((connection) => connection.cut()))
      deadlines.stop()
      await stopped
    },
  }
}

function listen(server: Server, { host, port }: MessageServerOptions["listen"]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.removeListener("error", reject)
      resolve()
    })
  })
}

interface Open {
  readonly connections: Set<MessageConnection>
  readonly lobby: Lobby
}

function accept(settings: Settings, socket: Socket, { connections, lobby }: Open): void {
  const peer = peerAddress(socket)
  if (peer === null || !lobby.hasRoom(peer)) {
    settings.log({ event: "turned-away", peer: peer ?? "" })
    socket.resetAndDestroy()
    return
  }
  const visitor: Visitor = {
    peer,
    lastActiveAt: settings.deadlines.now,
    giveWay: () => socket.resetAndDestroy(),
  }
  lobby.enter(visitor)
  const connection = new MessageConnection(settings, socket, { peer, heard: () => lobby.isKnown(visitor) })
  connections.add(connection)
  socket.once("close", () => {
    connections.delete(connection)
    lobby.leave(visitor)
  })
}

/** One device's connection: messages one after another, each answered before the next is looked at. */
class MessageConnection {
  readonly #settings: Settings
  readonly #socket: Socket
  readonly #peer: string
  /** A whole message has come. */
  readonly #heard: () => void
  readonly #guard: Guard
  #unread: Buffer = Buffer.alloc(0)
  #working: Promise<void> | null = null

  constructor(
    settings: Settings,
    socket: Socket,
    { peer, heard }: { readonly peer: string; readonly heard: () => void },
  ) {
    this.#settings = settings
    this.#socket = socket
    this.#peer = peer
    this.#heard = heard
    const { deadlines, limits } = settings
    this.#guard = { dueAt: deadlines.now + limits.messageTimeoutMs, expire: () => socket.destroy() }
    deadlines.add(this.#guard)
    socket.on("data", (bytes) => this.#take(bytes))
    socket.on("error", () => socket.destroy())
    socket.once("close", () => deadlines.delete(this.#guard))
  }

  /** Cuts the connection; resolves when the message that is being taken in has been dealt with. */
  async cut(): Promise<void> {
    this.#socket.destroy()
    await this.#working
  }

  #take(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    this.#working ??= this.#work()
      .catch((error: unknown) => this.#fail("failed", error))
      .finally(() => {
        this.#working = null
      })
  }

  async #work(): Promise<void> {
    this.#socket.pause()
    for (let message = this.#next(); message !== null && !this.#socket.destroyed; message = this.#next()) {
      this.#guard.dueAt = Number.POSITIVE_INFINITY
      const answers = await this.#settings.host.received(message, this.#peer)
      if (this.#socket.destroyed) return
      for (const { bytes } of answers) this.#socket.write(bytes)
      if (answers.some(({ isLast }) => isLast)) {
        this.#guard.dueAt = this.#settings.deadlines.now + this.#settings.limits.messageTimeoutMs
        this.#socket.end()
        this.#socket.resume()
        this.#unread = Buffer.alloc(0)
        return
      }
      this.#guard.dueAt = this.#settings.deadlines.now + this.#settings.limits.idleTimeoutMs
    }
    if (this.#unread.length > 0)
      this.#guard.dueAt = this.#settings.deadlines.now + this.#settings.limits.messageTimeoutMs
    this.#socket.resume()
  }

  /** The next whole message, or null. */
  #next(): Uint8Array | null {
    if (this.#unread.length === 0) return null
    const { host, limits } = this.#settings
    let length: number | null
    try {
      length = host.frameBytes(this.#unread)
    } catch (error) {
      this.#fail("malformed", error)
      return null
    }
    if ((length ?? this.#unread.length) > limits.maxMessageBytes) {
      this.#fail("malformed", new RangeError(`a message of more than ${limits.maxMessageBytes} bytes`))
      return null
    }
    if (length === null || length > this.#unread.length) return null
    this.#heard()
    const message = Uint8Array.from(this.#unread.subarray(0, length))
    this.#unread = this.#unread.subarray(length)
    return message
  }

  #fail(event: "malformed" | "failed", error: unknown): void {
    this.#settings.log({ event, peer: this.#peer, error })
    this.#socket.resetAndDestroy()
    this.#unread = Buffer.alloc(0)
  }
}
