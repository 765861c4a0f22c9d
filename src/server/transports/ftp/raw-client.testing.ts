import { connect, createServer, type Socket } from "node:net"
import { parseExtendedPassiveReply } from "../../../core/protocols/ftp/data-address.ts"
import type { FtpReply } from "../../../core/protocols/ftp/reply.ts"
import { ReplyCutter } from "../../../core/protocols/ftp/reply-cutter.ts"
import { passwordOf } from "./memory-host.testing.ts"

/** What a fetch brought: the bytes, the last reply's code, and the codes before it. */
export interface Fetched {
  readonly bytes: Buffer
  readonly code: number
}

/** An FTP client that does exactly what a test says, byte by byte. */
export class RawClient {
  readonly socket: Socket
  readonly #cutter = new ReplyCutter()
  readonly #replies: FtpReply[] = []
  #waiting: (() => void)[] = []
  isClosed = false
  /** What the reply parser found wrong with the server's words. */
  error: unknown = null

  constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (bytes) => {
      try {
        this.#replies.push(...this.#cutter.push(bytes))
      } catch (error) {
        this.error = error
      }
      this.#wake()
    })
    socket.on("close", () => {
      this.isClosed = true
      this.#wake()
    })
    socket.on("error", () => this.#wake())
    socket.on("end", () => socket.end())
  }

  /** Connects, from another loopback address if asked, and reads the greeting. */
  static async connect(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
    const host = localAddress.includes(":") ? localAddress : "127.0.0.1"
    const client = new RawClient(connect({ host, port, localAddress, noDelay: true }))
    await client.reply()
    return client
  }

  static async logIn(port: number, user: string, localAddress?: string): Promise<RawClient> {
    const client = await RawClient.connect(port, localAddress)
    await client.ask(`USER ${user}`)
    const { code } = await client.ask(`PASS ${passwordOf(user)}`)
    if (code !== 230) throw new Error(`login answered ${code}`)
    return client
  }

  get pendingReplies(): number {
    return this.#replies.length
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes)
  }

  /** Sends one command and gives the next reply. */
  ask(line: string): Promise<FtpReply> {
    this.write(`${line}\r\n`)
    return this.reply()
  }

  async code(line: string): Promise<number> {
    return (await this.ask(line)).code
  }

  /** The next reply; code 0 when the connection is closed instead. */
  async reply(): Promise<FtpReply> {
    while (this.#replies.length === 0 && !this.isClosed) await this.#change()
    return this.#replies.shift() ?? { code: 0, lines: [] }
  }

  /** Codes of `count` replies. */
  async codes(count: number): Promise<readonly number[]> {
    const codes: number[] = []
    while (codes.length < count) codes.push((await this.reply()).code)
    return codes
  }

  async passivePort(): Promise<number> {
    return parseExtendedPassiveReply((await this.ask("EPSV")).lines.join(" ")) ?? 0
  }

  async closed(): Promise<void> {
    while (!this.isClosed) await this.#change()
  }

  /** Resolves when the server has certainly read what was written before: another connection's round trip is over. */
  async settled(): Promise<void> {
    const { remotePort } = this.socket
    const other = await RawClient.connect(remotePort ?? 0, "127.0.0.9")
    await other.code("NOOP")
    other.socket.destroy()
  }

  /** Fetches a file over a passive connection. */
  async fetch(name: string): Promise<Fetched> {
    return this.fetchFrom(await this.passivePort(), name)
  }

  /** Fetches a file over a connection to a port that was given before. */
  async fetchFrom(port: number, name: string): Promise<Fetched> {
    const data = openData(port)
    const { code } = await this.ask(`RETR ${name}`)
    if (code !== 150) {
      data.socket.destroy()
      return { bytes: Buffer.alloc(0), code }
    }
    return { bytes: await data.bytes, code: (await this.reply()).code }
  }

  /** The lines of a listing. */
  async list(line: string): Promise<readonly string[]> {
    const data = openData(await this.passivePort())
    const { code } = await this.ask(line)
    if (code !== 150) throw new Error(`${line} answered ${code}`)
    const lines = (await data.bytes).toString().split("\r\n").slice(0, -1)
    await this.reply()
    return lines
  }

  /** Waits for one data connection from the server and gives what comes over it. */
  listenForData(): Promise<{ readonly listener: number; readonly bytes: Promise<Buffer> }> {
    return new Promise((resolve) => {
      const server = createServer()
      const bytes = new Promise<Buffer>((arrived) => {
        server.once("connection", (socket) => {
          server.close()
          void collect(socket).then(arrived)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resolve({ listener: address === null || typeof address === "string" ? 0 : address.port, bytes })
      })
    })
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

export interface OpenedData {
  readonly socket: Socket
  /** All that came, once the connection is closed; what came before a reset too. */
  readonly bytes: Promise<Buffer>
  /** The server has closed its side. */
  readonly ended: Promise<void>
  /** Reads about so many bytes of a paused connection. */
  readonly read: (count: number) => Promise<void>
  /** Reads on and gives all that came. */
  readonly resumed: () => Promise<Buffer>
}

/** Opens a data connection. */
export function openData(
  port: number,
  options: { readonly host?: string; readonly localAddress?: string; readonly allowHalfOpen?: boolean } = {},
): OpenedData {
  const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1", ...options })
  const bytes = collect(socket)
  const read = (count: number): Promise<void> =>
    new Promise((resolve) => {
      let left = count
      const take = (chunk: Buffer): void => {
        left -= chunk.length
        if (left > 0) return
        socket.pause()
        socket.off("data", take)
        resolve()
      }
      socket.on("data", take)
      socket.resume()
    })
  const ended = new Promise<void>((resolve) => socket.once("end", resolve))
  const resumed = (): Promise<Buffer> => {
    socket.resume()
    return bytes
  }
  return { socket, bytes, ended, read, resumed }
}

function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  return new Promise<Buffer>((resolve) => {
    socket.on("data", (chunk) => void chunks.push(chunk))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => resolve(Buffer.concat(chunks)))
  })
}
