import { concat } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import type { FtpReply } from "./reply.ts"
import { decodeText } from "./text.ts"

export interface ReplyLimits {
  /** Longest line, its end not counted. */
  readonly maxLineBytes: number
  /** Most bytes of one reply, all lines together. */
  readonly maxReplyBytes: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Cuts what a server sends on the control connection into whole replies, however the packets were cut: the client's
 * side. A multi-line reply ends at the line that begins with its own code and a blank (RFC 959 §4.2); other codes in
 * between are text.
 */
export class ReplyCutter {
  readonly #limits: ReplyLimits
  #pending: Uint8Array = new Uint8Array(0)
  #replyBytes = 0
  #open: { readonly code: number; readonly lines: string[] } | null = null

  constructor(limits: ReplyLimits = { maxLineBytes: 2048, maxReplyBytes: 65_536 }) {
    this.#limits = limits
  }

  /** Whether bytes of an unfinished reply are held. */
  get isMidReply(): boolean {
    return this.#pending.length > 0 || this.#open !== null
  }

  /** Takes in one packet; gives the replies that it completed. Throws `MalformedMessage`: the server speaks no FTP. */
  push(packet: Uint8Array): readonly FtpReply[] {
    const replies: FtpReply[] = []
    let from = 0
    for (let end = packet.indexOf(lineFeed); end >= 0; end = packet.indexOf(lineFeed, from)) {
      this.#keep(packet.subarray(from, end))
      from = end + 1
      const reply = this.#takeLine(this.#finishLine())
      if (reply !== null) replies.push(reply)
    }
    this.#keep(packet.subarray(from))
    return replies
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#replyBytes += bytes.length
    if (this.#pending.length + bytes.length > this.#limits.maxLineBytes + 1) {
      throw new MalformedMessage("FTP reply line too long")
    }
    if (this.#replyBytes > this.#limits.maxReplyBytes) throw new MalformedMessage("FTP reply too long")
    this.#pending = concat([this.#pending, bytes])
  }

  #finishLine(): string {
    const line = this.#pending
    this.#pending = new Uint8Array(0)
    return decodeText(line.at(-1) === carriageReturn ? line.subarray(0, -1) : line)
  }

  #takeLine(line: string): FtpReply | null {
    const match = /^([1-5]\d\d)(?:([ -])(.*))?$/s.exec(line)
    const code = match === null ? null : Number(match[1])
    const text = match?.[3] ?? ""
    if (this.#open === null) {
      if (code === null) throw new MalformedMessage("an FTP reply begins with a code from 100 to 599")
      if (match?.[2] === "-") {
        this.#open = { code, lines: [text] }
        return null
      }
      this.#replyBytes = 0
      return { code, lines: [text] }
    }
    if (code === this.#open.code && match?.[2] !== "-") {
      const reply = { code, lines: [...this.#open.lines, text] }
      this.#open = null
      this.#replyBytes = 0
      return reply
    }
    this.#open.lines.push(line)
    return null
  }
}
