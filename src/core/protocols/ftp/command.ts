import { MalformedMessage } from "../../kit/malformed-message.ts"
import { encodeText } from "./text.ts"

/** One command line in parts (RFC 959 §5.3). */
export interface FtpCommand {
  /** Upper case. */
  readonly verb: string
  /** What follows the one blank after the verb, as it came; empty when there is none. */
  readonly argument: string
}

/** Parses a line that a `CommandCutter` gave. `null`: no command has this form (reply 500). */
export function parseCommand(line: string): FtpCommand | null {
  const match = /^([A-Za-z]{1,8})(?: (.*))?$/s.exec(line)
  if (match?.[1] === undefined) return null
  return { verb: match[1].toUpperCase(), argument: match[2] ?? "" }
}

/** One command with its line end. Throws `MalformedMessage` where the argument would break out of its line. */
export function encodeCommand(verb: string, argument = ""): Uint8Array {
  if (/[\r\n\0]/.test(argument)) throw new MalformedMessage("an FTP argument holds no CR, LF or NUL")
  return encodeText(argument === "" ? `${verb}\r\n` : `${verb} ${argument}\r\n`)
}
