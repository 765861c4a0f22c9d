import { encodeText } from "./text.ts"

/**
 * The reply codes that Waft speaks, with the words sent when nothing better is to be said (RFC 959 §4.2, RFC 2228 §5,
 * RFC 2428, RFC 3659).
 */
export const replyWords = {
  120: "Service ready in a moment",
  125: "Data connection already open; transfer starting",
  150: "File status okay; about to open data connection",
  200: "Okay",
  202: "Command not implemented, superfluous at this site",
  211: "Status",
  212: "Directory status",
  213: "File status",
  214: "Help",
  215: "UNIX Type: L8",
  220: "Service ready",
  221: "Goodbye",
  225: "Data connection open; no transfer in progress",
  226: "Transfer complete",
  227: "Entering Passive Mode",
  229: "Entering Extended Passive Mode",
  230: "Logged in",
  234: "Starting TLS",
  250: "Requested file action okay",
  257: "Path",
  331: "Password required",
  350: "Ready for the next step",
  421: "Service not available, closing control connection",
  425: "Can't open data connection",
  426: "Connection closed; transfer aborted",
  431: "Need some unavailable resource to process security",
  450: "File busy",
  451: "Local error in processing",
  452: "Insufficient storage",
  500: "Syntax error, command unrecognized",
  501: "Syntax error in parameters or arguments",
  502: "Command not implemented",
  503: "Bad sequence of commands",
  504: "Command not implemented for that parameter",
  521: "Data connection must be protected",
  522: "Network protocol not supported, use (1,2)",
  530: "Not logged in",
  534: "Request denied for policy reasons",
  536: "Requested PROT level not supported",
  550: "File unavailable",
  553: "File name not allowed",
  554: "Restart offset beyond the end of the file",
} as const

export type ReplyCode = keyof typeof replyWords

/** A whole reply as the client sees it. */
export interface FtpReply {
  readonly code: number
  /** The text of each line without code and separator; the last line is the last. */
  readonly lines: readonly string[]
}

/**
 * The text of a reply, line ends included: one line, or RFC 959 §4.2's multi-line form when there are several. Control
 * characters in the words become `?`, so that nothing echoed from a client can make up a second reply.
 */
export function formatReply(code: ReplyCode, ...lines: readonly string[]): string {
  if (lines.length <= 1) return `${code} ${harmless(lines[0] ?? replyWords[code])}\r\n`
  const last = lines.length - 1
  return lines
    .map((line, index) => {
      if (index === last) return `${code} ${harmless(line)}\r\n`
      // A leading blank keeps a middle line from looking like the end (RFC 959 p. 36).
      return index === 0 ? `${code}-${harmless(line)}\r\n` : ` ${harmless(line.replace(/^ /, ""))}\r\n`
    })
    .join("")
}

/** `formatReply` as bytes. */
export function encodeReply(code: ReplyCode, ...lines: readonly string[]): Uint8Array {
  return encodeText(formatReply(code, ...lines))
}

/** Whether a code promises another reply to the same command (RFC 959 §4.2: 1yz). */
export function isPreliminary(reply: FtpReply): boolean {
  return reply.code < 200
}

function harmless(text: string): string {
  return /[\0-\x1f\x7f]/.test(text) ? text.replaceAll(/[\0-\x1f\x7f]/g, "?") : text
}
