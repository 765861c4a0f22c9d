import { MalformedMessage } from "../../kit/malformed-message.ts"
import { encodeText } from "./text.ts"

/** One command line in parts (RFC 959 §5.3). */
export interface FtpCommand {
  /** Upper case. */
  readonly verb: string
  /** What follows the first blank after the verb, as it came, with any further blanks; empty when there is none. */
  readonly argument: string
}

/**
 * The argument without blanks around it: what a client that types a blank too many means. Only where it cannot be a path
 * with such a name (RFC 959 §5.3.1 has exactly one blank before an argument and none behind it).
 */
export function withoutBlanks(argument: string): string {
  return argument.replace(/^[ \t]+|[ \t]+$/g, "")
}

/** Parses a line that a `CommandCutter` gave. `null`: no command has this form (reply 500). */
export function parseCommand(line: string): FtpCommand | null {
  const match = /^([A-Za-z]{1,8})(?:[ \t](.*))?$/s.exec(line)
  if (match?.[1] === undefined) return null
  return { verb: match[1].toUpperCase(), argument: match[2] ?? "" }
}

/** One command with its line end. Throws `MalformedMessage` where the argument would break out of its line. */
export function encodeCommand(verb: string, argument = ""): Uint8Array {
  if (/[\r\n\0]/.test(argument)) throw new MalformedMessage("an FTP argument holds no CR, LF or NUL")
  return encodeText(argument === "" ? `${verb}\r\n` : `${verb} ${argument}\r\n`)
}
