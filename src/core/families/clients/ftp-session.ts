import { MalformedMessage } from "../../kit/malformed-message.ts"
import { fromLatin1 } from "../../kit/bytes.ts"
import { encodeCommand } from "../../protocols/ftp/command.ts"
import { formatPort, parsePassiveReply } from "../../protocols/ftp/data-address.ts"
import { ReplyCutter } from "../../protocols/ftp/reply-cutter.ts"
import type { FtpReply } from "../../protocols/ftp/reply.ts"
import { type Body, type ByteStream, LinkError, type Listening } from "../body.ts"

/** Where and as whom a device asks. */
export interface FtpServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

/** The server answered, but not as a download needs it. */
export class FtpRefusal extends LinkError {
  /** Of the reply; 0 when the reply had the right code and no sense. */
  readonly replyCode: number

  constructor(replyCode: number, message: string) {
    super("refused", message)
    this.replyCode = replyCode
  }
}

/** A LIST reply longer than this is nobody's single file. */
const longestListing = 8192

/** The FTP client inside a modem: one control connection and one transfer at a time. Every failure is a `LinkError`. */
export class FtpSession {
  readonly #body: Body
  readonly #control: ByteStream
  readonly #cutter = new ReplyCutter()
  readonly #replies: FtpReply[] = []
  #data: ByteStream | null = null
  #hasQuit = false

  private constructor(body: Body, control: ByteStream) {
    this.#body = body
    this.#control = control
  }

  /** Connects and logs in; the whole of it within `timeoutMs` for each answer. */
  static async open(body: Body, server: FtpServer, timeoutMs: number): Promise<FtpSession> {
    const { host, port, user, password } = server
    const session = new FtpSession(body, await body.net.connect({ host, port, timeoutMs }))
    try {
      session.#expect(await session.#reply(timeoutMs), 220)
      const asked = await session.command("USER", user, timeoutMs)
      if (asked.code === 331) session.#expect(await session.command("PASS", password, timeoutMs), 230)
      else session.#expect(asked, 230)
      return session
    } catch (error) {
      session.destroy()
      throw error
    }
  }

  /** One command and its reply. */
  async command(verb: string, argument: string, timeoutMs: number): Promise<FtpReply> {
    try {
      await this.#control.write(encodeCommand(verb, argument))
    } catch (error) {
      throw asLinkError(error)
    }
    return this.#reply(timeoutMs)
  }

  /** One command that must be answered with 2xx or 3xx. */
  async must(verb: string, argument: string, timeoutMs: number): Promise<FtpReply> {
    const reply = await this.command(verb, argument, timeoutMs)
    if (reply.code >= 400) throw new FtpRefusal(reply.code, `${verb}: ${reply.code} ${reply.lines.join(" ")}`)
    return reply
  }

  /** SIZE in bytes; null when the server does not tell. */
  async size(path: string, timeoutMs: number): Promise<number | null> {
    const reply = await this.command("SIZE", path, timeoutMs)
    const text = reply.lines[0]?.trim() ?? ""
    return reply.code === 213 && /^\d{1,15}$/.test(text) ? Number(text) : null
  }

  /** Begins a transfer. `mode` is who opens the data connection: the modem (passive) or the server (active). */
  async begin(
    verb: "RETR" | "LIST",
    path: string,
    options: { readonly mode: "passive" | "active"; readonly timeoutMs: number },
  ): Promise<void> {
    const { mode, timeoutMs } = options
    if (mode === "passive") {
      const reply = await this.must("PASV", "", timeoutMs)
      const address = parsePassiveReply(reply.lines.join(" "))
      if (address === null) throw new FtpRefusal(0, "PASV: no address in the reply")
      this.#data = await this.#body.net.connect({ ...address, timeoutMs })
      this.#expect(await this.command(verb, path, timeoutMs), 125, 150)
      return
    }
    const listening = await this.#body.net.listenOnce(this.#control)
    try {
      await this.#beginActive(listening, verb, path, timeoutMs)
    } finally {
      listening.close()
    }
  }

  async #beginActive(listening: Listening, verb: string, path: string, timeoutMs: number): Promise<void> {
    await this.must("PORT", formatPort(listening), timeoutMs)
    // The server may connect before or after it sends 150: be ready for both.
    const accepted = listening.accept(timeoutMs)
    accepted.catch(() => undefined)
    this.#expect(await this.command(verb, path, timeoutMs), 125, 150)
    this.#data = await accepted
  }

  /** The next bytes of the transfer, at most `maxBytes`; empty at its end. */
  async read(maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
    if (this.#data === null) return new Uint8Array(0)
    return this.#data.read(maxBytes, timeoutMs)
  }

  /** Ends the transfer: waits for the server's end of data and its last word. True when that was 2xx. */
  async finish(timeoutMs: number): Promise<boolean> {
    const data = this.#data
    if (data === null) return false
    const rest = await data.read(1, timeoutMs)
    if (rest.length === 0) data.end()
    else data.destroy()
    this.#data = null
    const reply = await this.#reply(timeoutMs)
    return rest.length === 0 && reply.code < 300
  }

  /** The text of a LIST. */
  async list(path: string, timeoutMs: number): Promise<string> {
    await this.begin("LIST", path, { mode: "passive", timeoutMs })
    let text = ""
    for (;;) {
      const bytes = await this.read(1024, timeoutMs)
      if (bytes.length === 0 || text.length > longestListing) break
      text += fromLatin1(bytes)
    }
    await this.finish(timeoutMs)
    return text
  }

  /** Says goodbye and hangs up. */
  async quit(timeoutMs: number): Promise<void> {
    try {
      await this.command("QUIT", "", timeoutMs)
    } finally {
      this.#hasQuit = true
      this.#data?.destroy()
      this.#control.end()
    }
  }

  /** Hangs up without a word. */
  destroy(): void {
    if (this.#hasQuit) return
    this.#data?.destroy()
    this.#control.destroy()
  }

  async #reply(timeoutMs: number): Promise<FtpReply> {
    const deadline = this.#body.clock.now() + timeoutMs
    for (;;) {
      const reply = this.#replies.shift()
      if (reply !== undefined) return reply
      const left = deadline - this.#body.clock.now()
      if (left <= 0) throw new LinkError("timeout", "no whole reply in time")
      const packet = await this.#control.read(4096, left)
      if (packet.length === 0) throw new LinkError("reset", "the server closed the connection")
      this.#take(packet)
    }
  }

  #take(packet: Uint8Array): void {
    try {
      this.#replies.push(...this.#cutter.push(packet))
    } catch (error) {
      throw asLinkError(error)
    }
  }

  #expect(reply: FtpReply, ...codes: readonly number[]): void {
    if (codes.includes(reply.code)) return
    throw new FtpRefusal(reply.code, `${reply.code} ${reply.lines.join(" ")}`)
  }
}

/** What a modem cannot read or send is to it a broken link. */
function asLinkError(error: unknown): unknown {
  return error instanceof MalformedMessage ? new LinkError("reset", error.message) : error
}
