import { type Board, event } from "./board.ts"
import { brokenBody } from "./broken-link.ts"
import { parseDeviceUrl, storedName } from "../codec/device-url.ts"
import type { FlashFileWriter } from "./flash-files.ts"
import { clientErrors, deviceGet, type FetchEnd } from "./http-client.ts"
import { longestUrl } from "../codec/manifest.ts"
import { sectorBytes } from "../models.ts"
import { reset } from "./restart.ts"
import type { ResultCode } from "../result-codes.ts"

/** The timeout of OTA_DOWNLOADER_TIMEOUT. */
const downloadTimeoutMs = 1_000_000

/**
 * Fetches an image or a patch into a file of the external flash, named after the URL's last segment. The code says why
 * there is none.
 */
export async function downloadFile(
  board: Board,
  offeredUrl: string,
  extension: "bin" | "patch",
): Promise<{ readonly name: string } | { readonly code: ResultCode; readonly isOver?: true }> {
  const url = board.fault?.board === "long-url" ? offeredUrl.padEnd(longestUrl + 30, "x") : offeredUrl
  if (url.length > longestUrl) {
    board.body.log(`general exception: URL of ${url.length} characters in a buffer of ${longestUrl + 1}`)
    await reset(board)
    return { code: "URL_OVERFLOW", isOver: true }
  }
  const name = storedName(url, extension)
  if (name === null || parseDeviceUrl(url) === null) {
    event(board, "TRIGGER_OTA_FAILED", url)
    return { code: "TRIGGER_OTA_FAILED" }
  }
  event(board, "DOWNLOAD_START", url)
  const failed = await download(board, url, name)
  if (failed !== null) return { code: failed }
  event(board, "DOWNLOAD_SUCCESS", name)
  return { name }
}

/** Writes the image sector by sector; null = it is there whole. */
async function download(board: Board, url: string, name: string): Promise<ResultCode | null> {
  const { files, slot } = board.hardware
  let writer: FlashFileWriter | null = null
  let wanted = 0
  let full = false
  const end = await get(board, "image", url, {
    timeoutMs: downloadTimeoutMs,
    begin: async (contentLength) => {
      wanted = contentLength
      full = board.fault?.board === "flash-full" || contentLength > slot.sizeBytes
      if (!full) writer = await files.create(name, contentLength)
      return writer !== null
    },
    take: async (bytes) => {
      await writer?.append(bytes)
      wanted -= bytes.length
      return wanted
    },
  })
  if (end.kind !== "done") {
    if (end.kind === "error" && end.code === clientErrors.cancelled && writer === null && wanted > 0) {
      event(board, "IMAGE_DATABASE_FULL")
      return "IMAGE_DATABASE_FULL"
    }
    const { clientError, why } = failure(end)
    event(board, "DOWNLOAD_FAILED", `client error ${clientError}, ${why}`)
    return `DOWNLOAD_FAILED:${clientError}` as ResultCode
  }
  await (writer as FlashFileWriter | null)?.close()
  // Nothing is decided before the first 4096 bytes are in; an image without a byte behind them is never taken (2.5).
  if ((files.size(name) ?? 0) > sectorBytes) return null
  event(board, "DOWNLOAD_FAILED", `${name} is not larger than ${sectorBytes} bytes`)
  return "DOWNLOAD_FAILED:0"
}

/** A fetch that did not end well, as the service's events tell it. */
export function failure(end: Exclude<FetchEnd, { kind: "done" }>): {
  readonly clientError: number
  readonly why: string
} {
  if (end.kind === "error") return { clientError: end.code, why: end.why }
  return { clientError: 0, why: end.kind === "nothing" ? "no Content-Length was seen" : "the body never became whole" }
}

/** One GET with whatever the board's fault does to the connection. */
export async function get(
  board: Board,
  purpose: "manifest" | "image",
  url: string,
  sink: Pick<Parameters<typeof deviceGet>[1], "timeoutMs" | "begin" | "take">,
): Promise<FetchEnd> {
  const broken = board.fault?.connect?.on === purpose ? board.fault.connect.kind : null
  if (broken === "memory") return { kind: "error", code: clientErrors.memory, why: "no memory" }
  const link = board.fault?.link?.on === purpose ? board.fault.link.break : undefined
  return deviceGet(broken === null ? board.body : brokenBody(board.body, broken), {
    url,
    limit: board.limit,
    meddle: link,
    ...sink,
  })
}
