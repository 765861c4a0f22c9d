import type { TransferContent } from "../content.ts"
import type { DeviceCalls } from "./device-call.ts"
import type { RequestHead } from "./request-head.ts"

/** What the device HTTP server needs from whoever answers it. The server knows sockets and HTTP; the host knows who may see what. */
export interface DeviceHttpHost {
  /** Finds what stands behind a request. Called for every one, so it answers from memory. Null = 404, or 405 where it is no GET. */
  readonly find: (head: RequestHead) => HttpNode | null
  /** Requests that are more than a GET of a file; absent = none. */
  readonly calls?: DeviceCalls
}

/** An answer, or what it takes to have one. */
export type HttpNode = HttpNotice | HttpFile | HttpExchange

/** A small text that is answered from memory, headers and body in one write. */
export interface HttpNotice {
  readonly kind: "notice"
  /** 200 unless told. */
  readonly status?: number
  /** Null = no body. */
  readonly contentType: string | null
  /** Names and values in turn, beside type and length. */
  readonly headers?: readonly string[]
  /** Latin-1: one character, one byte. */
  readonly content: string
  /** Whoever asked has shown nothing that it is known by. */
  readonly isForStranger?: boolean
  /** The answer to a GET was handed over whole; absent when nobody wants to know. Must not throw. */
  readonly read?: () => void
}

export interface HttpFile {
  readonly kind: "file"
  readonly contentType: string
  /** Names and values in turn. */
  readonly headers?: readonly string[]
  readonly sizeBytes: number
  /** Names the content, without quotes: for `ETag`, `If-Match` and `If-Range`. */
  readonly entityTag: string
  /** Whose it is, and how many transfers they may have at once; absent = nobody counts. */
  readonly share?: { readonly owner: object; readonly most: number }
  /**
   * Called for each GET before its first byte, with the offset of a Range. May take its time: it is where evidence is
   * made durable. Rejects when the content cannot be had (the client reads 503).
   */
  readonly open: (offset: number) => Promise<TransferContent> | TransferContent
}

/** A request that is answered when its body has come, or something has been made durable. */
export interface HttpExchange {
  readonly kind: "exchange"
  /** Longest body that is taken, bytes; 0 = none. */
  readonly maxBodyBytes: number
  /** Must not reject for what a caller may do wrong. */
  readonly answer: (body: Uint8Array) => Promise<HttpNotice | HttpFile>
}
