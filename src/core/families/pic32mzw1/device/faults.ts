import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { VirtualFault } from "../../family.ts"
import { type ByteStream, LinkError } from "../../body.ts"
import { type ResultCode, resultWords } from "../result-codes.ts"

/** What a named fault does to a virtual board. */
export interface BoardFault {
  readonly name: string
  /** The code a run ends in when the server offers an update. */
  readonly code: ResultCode
  /** Breaks a connection; each stream carries one answer. */
  readonly link?: { readonly on: "manifest" | "image"; readonly break: (stream: ByteStream) => ByteStream }
  /** The connection cannot be had. */
  readonly connect?: { readonly on: "manifest" | "image"; readonly kind: "dns" | "refused" | "memory" | "send" }
  /** A switch in the board itself. */
  readonly board?:
    | "no-network"
    | "auto-update-off"
    | "flash-full"
    | "write-error"
    | "stale-version"
    | "hang"
    | "long-url"
}

/** Middleboxes, as functions on what the wire brings. Each keeps the state of one connection. */
const answerNotOk = rewriteHead((head) => head.replace(/^(HTTP\/\d\.\d) 200 [^\r]*/, "$1 503 Service Unavailable"))
const lowerCase = rewriteHead((head) => head.replace(/\r\n[^:\r\n]+:/g, (name) => name.toLowerCase()))
const noReason = rewriteHead((head) => head.replace(/^(HTTP\/\d\.\d \d{3}) [^\r]*/, "$1"))

export const boardFaults: readonly BoardFault[] = [
  { name: "none", code: "DB_ENTRY_SUCCESS" },
  { name: "no-network", code: "WAITING_FOR_NETWORK_CONNECTION", board: "no-network" },
  { name: "dns-failed", code: "UPDATE_CHECK_FAILED:2", connect: { on: "manifest", kind: "dns" } },
  { name: "connect-failed", code: "UPDATE_CHECK_FAILED:3", connect: { on: "manifest", kind: "refused" } },
  { name: "out-of-memory", code: "UPDATE_CHECK_FAILED:4", connect: { on: "manifest", kind: "memory" } },
  { name: "send-failed", code: "UPDATE_CHECK_FAILED:7", connect: { on: "manifest", kind: "send" } },
  { name: "manifest-not-200", code: "UPDATE_CHECK_FAILED:1", link: { on: "manifest", break: answerNotOk } },
  { name: "manifest-bad-status-line", code: "UPDATE_CHECK_FAILED:5", link: { on: "manifest", break: noReason } },
  { name: "manifest-lower-case-header", code: "UPDATE_CHECK_FAILED:0", link: { on: "manifest", break: lowerCase } },
  { name: "manifest-split-header", code: "UPDATE_CHECK_FAILED:0", link: { on: "manifest", break: splitEnd } },
  { name: "manifest-truncated", code: "UPDATE_CHECK_FAILED:0", link: { on: "manifest", break: endEarly(0, 40) } },
  { name: "manifest-reset", code: "UPDATE_CHECK_FAILED:6", link: { on: "manifest", break: resetEarly(40) } },
  { name: "auto-update-off", code: "UPDATE_AVAILABLE", board: "auto-update-off" },
  { name: "long-url", code: "URL_OVERFLOW", board: "long-url" },
  { name: "image-dns-failed", code: "DOWNLOAD_FAILED:2", connect: { on: "image", kind: "dns" } },
  { name: "image-connect-failed", code: "DOWNLOAD_FAILED:3", connect: { on: "image", kind: "refused" } },
  { name: "image-out-of-memory", code: "DOWNLOAD_FAILED:4", connect: { on: "image", kind: "memory" } },
  { name: "image-send-failed", code: "DOWNLOAD_FAILED:7", connect: { on: "image", kind: "send" } },
  { name: "image-not-200", code: "DOWNLOAD_FAILED:1", link: { on: "image", break: answerNotOk } },
  { name: "image-bad-status-line", code: "DOWNLOAD_FAILED:5", link: { on: "image", break: noReason } },
  { name: "image-truncated", code: "DOWNLOAD_FAILED:0", link: { on: "image", break: endEarly(4200, 0) } },
  { name: "image-reset", code: "DOWNLOAD_FAILED:6", link: { on: "image", break: resetEarly(4200) } },
  { name: "image-corrupt", code: "IMAGE_DIGEST_VERIFY_FAILED", link: { on: "image", break: flipOneBit } },
  { name: "flash-full", code: "IMAGE_DATABASE_FULL", board: "flash-full" },
  { name: "program-write-error", code: "PROGRAM_FAILED", board: "write-error" },
  { name: "stale-version-constant", code: "DB_ENTRY_SUCCESS", board: "stale-version" },
  { name: "hang-after-update", code: "APP_HUNG", board: "hang" },
]

/** The same, as the family's table of faults: every model has them all. */
export const virtualFaults: readonly VirtualFault[] = boardFaults.map((fault) => ({
  model: "any",
  fault: fault.name,
  code: fault.code,
  words: resultWords[fault.code],
}))

/** The fault of that name; null for none. Unknown names are a caller's bug. */
export function boardFault(name: string | null): BoardFault | null {
  if (name === null || name === "none") return null
  const fault = boardFaults.find((candidate) => candidate.name === name)
  if (fault === undefined) throw new RangeError(`pic32mzw1 has no fault ${name}`)
  return fault
}

type Reads = (read: ByteStream["read"]) => ByteStream["read"]

function onReads(stream: ByteStream, reads: Reads): ByteStream {
  return {
    localHost: stream.localHost,
    read: reads((most, timeoutMs) => stream.read(most, timeoutMs)),
    write: (bytes) => stream.write(bytes),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  }
}

/** Rewrites the header block of an answer, which is expected in the first read. */
function rewriteHead(change: (head: string) => string): (stream: ByteStream) => ByteStream {
  return (stream) => {
    let first = true
    return onReads(stream, (read) => async (most, timeoutMs) => {
      const bytes = await read(most, timeoutMs)
      if (!first || bytes.length === 0) return bytes
      first = false
      const text = fromLatin1(bytes)
      const end = text.indexOf("\r\n\r\n")
      return end < 0 ? bytes : concat([latin1(change(text.slice(0, end + 2))), bytes.subarray(end + 2)])
    })
  }
}

/** Cuts the first read inside CRLFCRLF, as two segments on the wire would. */
function splitEnd(stream: ByteStream): ByteStream {
  let kept: Uint8Array | null = null
  let first = true
  return onReads(stream, (read) => async (most, timeoutMs) => {
    if (kept !== null) {
      const rest = kept
      kept = null
      return rest
    }
    const bytes = await read(most, timeoutMs)
    const end = first ? fromLatin1(bytes).indexOf("\r\n\r\n") : -1
    first = false
    if (end < 0) return bytes
    kept = bytes.slice(end + 2)
    return bytes.subarray(0, end + 2)
  })
}

/** The sender ends politely after `afterBytes`, or `beforeEnd` bytes before the end of the first read, whichever is more. */
function endEarly(afterBytes: number, beforeEnd: number): (stream: ByteStream) => ByteStream {
  return (stream) => {
    let left = -1
    return onReads(stream, (read) => async (most, timeoutMs) => {
      if (left === 0) return new Uint8Array(0)
      const bytes = await read(most, timeoutMs)
      if (left < 0) left = afterBytes > 0 ? afterBytes : Math.max(1, bytes.length - beforeEnd)
      const passed = bytes.subarray(0, left)
      left -= passed.length
      return passed
    })
  }
}

function resetEarly(afterBytes: number): (stream: ByteStream) => ByteStream {
  return (stream) => {
    let left = afterBytes
    return onReads(stream, (read) => async (most, timeoutMs) => {
      if (left === 0) throw new LinkError("reset", "the connection was reset")
      const bytes = (await read(most, timeoutMs)).subarray(0, left)
      left -= bytes.length
      return bytes
    })
  }
}

/** One bit of the body arrives wrong. */
function flipOneBit(stream: ByteStream): ByteStream {
  let passed = 0
  return onReads(stream, (read) => async (most, timeoutMs) => {
    const bytes = (await read(most, timeoutMs)).slice()
    const target = 2000 - passed
    passed += bytes.length
    if (target >= 0 && target < bytes.length) bytes[target] = (bytes[target] ?? 0) ^ 0x10
    return bytes
  })
}
