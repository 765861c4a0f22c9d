import type { TransferContent } from "../content.ts"
import type { DeviceCalls } from "./device-call.ts"
import type { Origin } from "./origin.ts"

/** What the device HTTP server needs from whoever answers it. The server knows sockets and HTTP; the host knows who may see what. */
export interface DeviceHttpHost {
  /**
   * Finds what stands behind a path: absolute, literal (nothing is decoded), without query. Called for every request, so
   * it answers from memory. Null = 404.
   */
  readonly find: (path: string, origin: Origin) => HttpNode | null
  /** Requests that are more than a GET of a file; absent = none. */
  readonly calls?: DeviceCalls
}

export type HttpNode = HttpNotice | HttpFile

/** A small text that is answered from memory, headers and body in one write. */
export interface HttpNotice {
  readonly kind: "notice"
  readonly contentType: string
  /** Latin-1: one character, one byte. */
  readonly content: string
  /** The answer to a GET was handed over whole; absent when nobody wants to know. Must not throw. */
  readonly read?: () => void
}

export interface HttpFile {
  readonly kind: "file"
  readonly contentType: string
  readonly sizeBytes: number
  /** Names the content, without quotes: for `ETag` and `If-Range`. */
  readonly entityTag: string
  /**
   * Called for each GET before its first byte, with the offset of a Range. May take its time: it is where evidence is
   * made durable. Rejects when the content cannot be had (the client reads 503).
   */
  readonly open: (offset: number) => Promise<TransferContent> | TransferContent
}
