import { connect, type Socket } from "node:net"
import { parseExtendedPassiveReply } from "../../../core/protocols/ftp/data-address.ts"
import type { FtpReply } from "../../../core/protocols/ftp/reply.ts"
import { ReplyCutter } from "../../../core/protocols/ftp/reply-cutter.ts"
import { passwordOf } from "./memory-host.testing.ts"

/** An FTP client that does exactly what a test says, byte by byte. */
export class RawClient {
  readonly socket: Socket
  readonly #cutter = new ReplyCutter()
  readonly #replies: FtpReply[] = []
  #waiting: (() => void)[] = []
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (bytes) => {
      this.#replies.push(...this.#cutter.push(bytes))
      this.#wake()
    })
    socket.on("close", () => {
      this.isClosed = true
      this.#wake()
    })
    socket.on("error", () => this.#wake())
  }

  /** Connects, from another loopback address if asked, and reads the greeting. */
  static async connect(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
    const client = new RawClient(connect({ host: "127.0.0.1", port, localAddress, noDelay: true }))
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

  /** Logs in nowhere, asks nothing: fetches a file over a passive connection and gives its bytes and the last reply's code. */
  async fetch(name: string): Promise<{ readonly bytes: Buffer; readonly code: number }> {
    const data = openData(await this.passivePort())
    const { code } = await this.ask(`RETR ${name}`)
    if (code !== 150) {
      data.socket.destroy()
      return { bytes: Buffer.alloc(0), code }
    }
    return { bytes: await data.bytes, code: (await this.reply()).code }
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

/** A data connection and all that comes over it; what came before a reset is given too. */
export function openData(
  port: number,
  localAddress = "127.0.0.1",
): { readonly socket: Socket; readonly bytes: Promise<Buffer> } {
  const socket = connect({ host: "127.0.0.1", port, localAddress })
  const chunks: Buffer[] = []
  const bytes = new Promise<Buffer>((resolve) => {
    socket.on("data", (chunk) => void chunks.push(chunk))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => resolve(Buffer.concat(chunks)))
  })
  return { socket, bytes }
}
