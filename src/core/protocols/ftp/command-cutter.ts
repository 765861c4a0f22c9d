import { concat, equalBytes, latin1 } from "../../kit/bytes.ts"
import { decodeText } from "./text.ts"

/** Telnet's "interpret as command" (RFC 854 p. 14); FTP inherits it (RFC 959 §3.1). */
const iac = 0xff
/** The smallest byte that is a Telnet command after IAC. */
const firstTelnetCommand = 0xf0
/** WILL, WONT, DO and DONT carry one option byte. */
const firstOptionCommand = 0xfb
const carriageReturn = 0x0d
const lineFeed = 0x0a
/** `ABOR` and CR, in capitals as clients send it. */
const abortWithoutLineFeed = latin1("ABOR\r")

type TelnetState = "text" | "after-iac" | "option"

/**
 * Cuts the bytes of a control connection into command lines, however the packets were cut. A line ends at LF; the CRs
 * before it are dropped (clients that write through a text stream send CR CR LF), a bare LF is tolerated. Telnet commands
 * are taken out wherever they stand, IAC IAC is the byte 0xFF.
 *
 * Before ABOR clients send Telnet's Synch, IAC IP IAC DM, a part of it as urgent data (RFC 959 §4.1.3, RFC 854 p. 9). TCP has
 * one urgent byte, and a system that does not leave it in the stream (Linux) takes it out: BSD's clients lose the second IAC
 * in this way, others the DM, Python's ftplib the LF. So an IAC before anything that is no Telnet command is dropped
 * alone, bytes of Telnet commands at the beginning of a line are dropped (no command begins with them), and `ABOR`
 * and CR at the end of a packet are a line.
 */
export class CommandCutter {
  readonly #maxLineBytes: number
  #pending: Uint8Array | null = null
  #overflowed = false
  #telnet: TelnetState = "text"
  #discardedBytes = 0
  #skipsLineFeed = false

  /** `maxLineBytes`: the longest line that is let through, its line end not counted. */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes
  }

  /** Bytes of over-long lines thrown away so far: what a patient server may count against its client. */
  get discardedBytes(): number {
    return this.#discardedBytes
  }

  /** Takes in one packet; gives the lines that it completed, in order. `null` stands for a line over the limit. */
  push(packet: Uint8Array): readonly (string | null)[] {
    const bytes = this.#withoutTelnet(packet)
    const lines: (string | null)[] = []
    let from = this.#skipsLineFeed ? this.#afterLineEnd(bytes) : 0
    for (let end = bytes.indexOf(lineFeed, from); end >= 0; end = bytes.indexOf(lineFeed, from)) {
      lines.push(this.#finish(bytes.subarray(from, end)))
      from = end + 1
    }
    this.#keep(bytes.subarray(from))
    if (this.#pending !== null && equalBytes(withoutSigns(this.#pending), abortWithoutLineFeed)) {
      this.#pending = null
      this.#skipsLineFeed = true
      lines.push("ABOR")
    }
    return lines
  }

  /** Where the next line begins, when the last ended without its LF. */
  #afterLineEnd(bytes: Uint8Array): number {
    const next = bytes.findIndex((byte) => byte !== carriageReturn)
    if (next < 0) return bytes.length
    this.#skipsLineFeed = false
    return bytes[next] === lineFeed ? next + 1 : next
  }

  #finish(tail: Uint8Array): string | null {
    const line = this.#pending === null ? tail : concat([this.#pending, tail])
    const overflowed = this.#overflowed
    this.#pending = null
    this.#overflowed = false
    const text = withoutCarriageReturns(withoutSigns(line))
    if (overflowed || text.length > this.#maxLineBytes) {
      this.#discardedBytes += line.length
      return null
    }
    return decodeText(text)
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const length = bytes.length + (this.#pending?.length ?? 0)
    // One byte more than the limit may be the CR.
    if (this.#overflowed || length > this.#maxLineBytes + 1) {
      this.#discardedBytes += length
      this.#overflowed = true
      this.#pending = null
      return
    }
    // Always a copy: the packet's memory is the socket's, and is larger than what is kept of it.
    this.#pending = concat(this.#pending === null ? [bytes] : [this.#pending, bytes])
  }

  #withoutTelnet(packet: Uint8Array): Uint8Array {
    if (this.#telnet === "text" && !packet.includes(iac)) return packet
    const kept = new Uint8Array(packet.length)
    let length = 0
    for (const byte of packet) {
      if (this.#isText(byte)) kept[length++] = byte
    }
    return kept.subarray(0, length)
  }

  #isText(byte: number): boolean {
    if (this.#telnet === "option") {
      this.#telnet = "text"
      return false
    }
    if (this.#telnet === "after-iac") {
      this.#telnet = byte >= firstOptionCommand && byte !== iac ? "option" : "text"
      return byte === iac || byte < firstTelnetCommand
    }
    if (byte === iac) this.#telnet = "after-iac"
    return byte !== iac
  }
}

/** A line without the Telnet signs before it, whose other half was urgent and is lost. */
function withoutSigns(line: Uint8Array): Uint8Array {
  const start = line.findIndex((byte) => byte < firstTelnetCommand)
  return line.subarray(start < 0 ? line.length : start)
}

function withoutCarriageReturns(line: Uint8Array): Uint8Array {
  let end = line.length
  while (line[end - 1] === carriageReturn) end--
  return line.subarray(0, end)
}
