import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type { Deadlines, Guard } from "../deadlines.ts"
import type { TransferCause, TransferContent, TransferEnd } from "../content.ts"
import { type TcpRow, type TcpWatcher, tcpKey, tcpState, type UnacknowledgedBytes } from "../unacknowledged.ts"
import { waitingBytes } from "../waiting-bytes.ts"
import type { ByteRange } from "./byte-range.ts"
import type { HttpLimits } from "./http-limits.ts"

export interface FileTransferNeeds {
  readonly deadlines: Deadlines
  readonly unacknowledged: UnacknowledgedBytes
  readonly limits: HttpLimits
  /** Told of every byte handed to the network. */
  readonly countSent: (bytes: number) => void
}

/** Bytes asked of the content at once. Shared memory costs nothing here, so it may be large. */
const chunkBytes = 1024 * 1024
/** The same for a transfer that has turned out slow: what the kernel holds of it is then known more finely. */
const slowChunkBytes = 32 * 1024
const slowAfterMs = 2000
/** While a look at the kernel's table is cheap it begins earlier: a transfer that breaks off soon is then known further. */
const followedAfterMs = 250

/**
 * The body of one answer with a file, after its headers; the answer says `Connection: close`, so our FIN follows the last
 * byte.
 *
 * When is it whole? Node shows what the kernel has accepted, never what the peer has acknowledged, and the kernel accepts
 * megabytes at once. So after the last byte and our FIN the kernel's table is read: `TIME-WAIT` = the peer has acknowledged
 * everything and closed; `FIN-WAIT-2` for `lateCloseGraceMs` = it has acknowledged everything and leaves its side open; gone
 * from the table = reset, unless the peer had closed politely after our last byte was handed over. A reset before that is a
 * cut. Where there is no such table (not Linux) or the connection is TLS with a peer that left, a polite close is believed.
 */
export class FileTransfer implements Guard, TcpWatcher {
  dueAt: number
  key: string
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #content: TransferContent
  readonly #range: ByteRange
  readonly #needs: FileTransferNeeds
  #offset: number
  #handed: number
  #handedBeforeLook: number
  #taken: number
  #lastUnacknowledged = -1
  readonly #slowAt: number
  #isSlow = false
  #isWatching = false
  #isFinished = false
  #finishedAt = 0
  #peerEnded = false
  #isOver = false
  #resolve: (end: TransferEnd) => void = ignoreEnd

  constructor(
    response: ServerResponse,
    socket: Socket,
    {
      content,
      range,
      needs,
    }: { readonly content: TransferContent; readonly range: ByteRange; readonly needs: FileTransferNeeds },
  ) {
    this.#response = response
    this.#socket = socket
    this.#content = content
    this.#range = range
    this.#needs = needs
    this.#offset = range.from
    this.#handed = range.from
    this.#handedBeforeLook = range.from
    this.#taken = range.from
    this.#slowAt = needs.deadlines.now + slowAfterMs
    this.dueAt = needs.deadlines.now + followedAfterMs
    // Asked now, since a closed socket has no ports any more.
    this.key = tcpKey(socket) ?? ""
  }

  /** Sends the range and resolves when it is decided how that ended. Never rejects. */
  run(): Promise<TransferEnd> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      if (this.#socket.destroyed) {
        this.#end("reset")
        return
      }
      this.#needs.deadlines.add(this)
      if (this.#needs.unacknowledged.isSupported && !(this.#socket instanceof TLSSocket)) this.#keepHalfOpen()
      this.#socket.on("error", this.#onBroken)
      this.#socket.on("end", this.#onPeerEnd)
      this.#socket.on("close", this.#onClose)
      this.#response.on("finish", this.#onFinish)
      if (this.#range.from === this.#range.to) this.#response.end()
      else this.#next()
    })
  }

  /**
   * After the last byte Node would destroy the socket at once, and never read the peer's end: that end alone tells a peer
   * that took everything and closed first from one that broke off.
   */
  #keepHalfOpen(): void {
    const socket = this.#socket
    socket.destroySoon = () => socket.end()
  }

  /** Ends it from our side. */
  cancel(cause: TransferCause): void {
    this.#end(cause)
  }

  #next(): void {
    if (this.#isOver) return
    try {
      const most = Math.min(this.#range.to - this.#offset, this.#isSlow ? slowChunkBytes : chunkBytes)
      const chunk = this.#content.read(this.#offset, most)
      if (chunk instanceof Promise) chunk.then(this.#send, () => this.#end("unread"))
      else this.#send(chunk)
    } catch {
      this.#end("unread")
    }
  }

  readonly #send = (chunk: Uint8Array): void => {
    if (this.#isOver) return
    const left = this.#range.to - this.#offset
    if (chunk.length === 0 || chunk.length > left) {
      this.#end("unread")
      return
    }
    this.#offset += chunk.length
    this.#needs.countSent(chunk.length)
    if (chunk.length === left) this.#response.end(chunk)
    else this.#response.write(chunk, this.#onWritten)
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error || this.#isOver) return
    this.#handed = this.#offset
    this.#progressed()
    this.#next()
  }

  readonly #onFinish = (): void => {
    if (this.#isOver) return
    this.#handed = this.#offset
    this.#isFinished = true
    this.#finishedAt = this.#needs.deadlines.now
    this.#follow()
  }

  readonly #onPeerEnd = (): void => {
    this.#peerEnded = true
  }

  readonly #onBroken = (): void => this.#end("reset")

  readonly #onClose = (hadError: boolean): void => {
    if (this.#isOver) return
    if (hadError || !this.#isFinished) this.#end("reset")
    else if (!this.#isWatching) this.#end(null)
    else this.#needs.unacknowledged.lookSoon()
  }

  /** The guard's moment: the transfer has turned out slow, or has stood still for too long. */
  expire(): void {
    const { deadlines, unacknowledged } = this.#needs
    if (this.#isSlow) this.#end("timeout")
    else if (deadlines.now < this.#slowAt && !unacknowledged.isCheap) this.dueAt = this.#slowAt
    else this.#follow()
  }

  #progressed(): void {
    if (this.#isSlow) this.dueAt = this.#needs.deadlines.now + this.#needs.limits.progressTimeoutMs
  }

  /** Watches the kernel's table from now on. */
  #follow(): void {
    this.#isSlow = true
    this.#progressed()
    const { unacknowledged } = this.#needs
    if (!this.#isWatching && unacknowledged.isSupported && this.key !== "") {
      this.#isWatching = true
      unacknowledged.watch(this)
    }
    unacknowledged.lookSoon()
  }

  beforeLook(): void {
    this.#handedBeforeLook = this.#handedNow
  }

  /** Accepted by the kernel at this moment, a part of the last chunk included. */
  get #handedNow(): number {
    const waiting = waitingBytes(this.#socket)
    return waiting === null ? this.#handed : Math.max(this.#handed, this.#offset - waiting)
  }

  onLook(row: TcpRow | null): void {
    if (this.#isOver) return
    if (row === null) {
      if (this.#isFinished && this.#socket.destroyed) this.#end(this.#peerEnded ? null : "reset")
      return
    }
    this.#note(row)
    if (!this.#isFinished) return
    const { deadlines, limits, unacknowledged } = this.#needs
    if (row.state === tcpState.timeWait) this.#end(null)
    else if (row.state === tcpState.finWait2 && deadlines.now >= this.#finishedAt + limits.lateCloseGraceMs) {
      this.#end(null)
    } else deadlines.after(250, () => unacknowledged.lookSoon())
  }

  #note(row: TcpRow): void {
    if (row.unacknowledged !== this.#lastUnacknowledged) this.#progressed()
    this.#lastUnacknowledged = row.unacknowledged
    const taken = Math.min(this.#handedBeforeLook - row.unacknowledged, this.#range.to)
    if (taken <= this.#taken) return
    this.#taken = taken
    this.#content.progress?.(taken)
  }

  #end(cause: TransferCause | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#needs.deadlines.delete(this)
    if (this.#isWatching) this.#needs.unacknowledged.unwatch(this)
    const { from, to } = this.#range
    if (cause === null) {
      const whole = to === this.#content.sizeBytes
      this.#socket.destroy()
      this.#resolve({ from, to, sent: to, whole })
    } else {
      breakOff(this.#socket)
      this.#resolve({ from, to: this.#taken, sent: this.#offset, whole: false, cause })
    }
  }
}

/** Closes with a reset, which a device notices; a plain end it would not (pic32mzw1.md 2.4). */
export function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

function ignoreEnd(): void {
  return
}
