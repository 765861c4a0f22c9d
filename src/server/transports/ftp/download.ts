import type { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import type { Deadlines, Guard } from "../deadlines.ts"
import type { TransferCause, TransferContent, TransferEnd } from "../content.ts"
import type { FtpLimits } from "./ftp-limits.ts"
import { type TcpRow, type TcpWatcher, tcpKey, tcpState, type UnacknowledgedBytes } from "../unacknowledged.ts"
import { waitingBytes } from "../waiting-bytes.ts"

export interface DownloadNeeds {
  readonly deadlines: Deadlines
  readonly unacknowledged: UnacknowledgedBytes
  readonly limits: FtpLimits
  /** Told of every byte handed to the network. */
  readonly countSent: (bytes: number) => void
}

/**
 * Bytes asked of the content at once. They grow while the kernel takes each chunk at once, since shared memory costs nothing
 * here and larger writes are cheaper, and shrink when it does not: of a chunk that waits nobody knows how much is sent.
 */
const smallestChunkBytes = 32 * 1024
const largestChunkBytes = 4 * 1024 * 1024
/** A transfer that lasts longer is followed in the kernel's table. */
const slowAfterMs = 2000
/** The same while a look at the table is cheap: a transfer that breaks off soon is then known further than to its first byte. */
const followedAfterMs = 250
/** How long a peer usually needs to close its side at most, beside the round trip. */
const politeCloseMs = 500
/** What leaves in one flight (ten segments, RFC 6928): a peer that closes politely after it has had it. */
const oneFlightBytes = 14_600

/**
 * One file on its way through one data connection; the content's backpressure is the socket's.
 *
 * When is a transfer whole? Our FIN is sent, and the peer has closed its side without a reset, and:
 * - up to `oneFlightBytes` long: nothing more;
 * - longer: the kernel's table shows that the peer has acknowledged everything. A device that closes politely in the middle
 *   looks the same to Node as one that has read to the end, because the kernel has accepted the rest long ago.
 *   On a machine with tens of thousands of connections a look at the table is dear; a polite close of a transfer that took
 *   less than `slowAfterMs` is then believed.
 * - A peer that leaves its side open is whole once everything is acknowledged and `lateCloseGraceMs` has passed.
 * - Without such a table (not Linux) a polite close is believed, and a late one after `blindCloseGraceMs`.
 */
export class Download implements Guard, TcpWatcher {
  dueAt: number
  key = ""
  readonly #socket: Socket
  readonly #content: TransferContent
  readonly #needs: DownloadNeeds
  readonly #from: number
  /** Handed to the socket. */
  #offset: number
  /** Accepted by the kernel. */
  #handed: number
  #handedBeforeLook: number
  /** Acknowledged by the peer, as far as we know. */
  #taken: number
  #lastUnacknowledged = -1
  #progressAt: number
  readonly #slowAt: number
  #finishedAt = Number.POSITIVE_INFINITY
  #chunkBytes = 2 * smallestChunkBytes
  #isSlow = false
  #peerEnded = false
  #isWatching = false
  #closedUnfinished = false
  #isOver = false
  #resolve: (end: TransferEnd) => void = ignoreEnd

  constructor(socket: Socket, content: TransferContent, from: number, needs: DownloadNeeds) {
    this.#socket = socket
    this.#content = content
    this.#needs = needs
    this.#from = from
    this.#offset = from
    this.#handed = from
    this.#handedBeforeLook = from
    this.#taken = from
    this.#progressAt = needs.deadlines.now
    this.#slowAt = needs.deadlines.now + slowAfterMs
    this.dueAt = needs.deadlines.now + followedAfterMs
  }

  /** Sends everything and resolves when it is decided how that ended; the socket is closed by then. Never rejects. */
  run(): Promise<TransferEnd> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      if (this.#socket.destroyed) {
        this.#end("reset")
        return
      }
      this.#needs.deadlines.add(this)
      // Asked now, since a closed socket has no local port any more.
      if (this.#content.sizeBytes - this.#from > oneFlightBytes) this.key = tcpKey(this.#socket) ?? ""
      this.#socket.on("error", this.#onBroken)
      this.#socket.on("close", this.#onClose)
      this.#socket.on("finish", this.#onFinish)
      this.#socket.on("end", this.#onPeerEnd)
      // Nobody reads what a client sends here, but its end must be seen.
      this.#socket.resume()
      this.#next()
    })
  }

  /** Ends it from our side. */
  cancel(cause: TransferCause): void {
    this.#end(cause)
  }

  readonly #next = (): void => {
    if (this.#isOver) return
    if (this.#offset >= this.#content.sizeBytes) {
      if (this.#peerEnded) this.#follow()
      else this.#socket.end()
      return
    }
    try {
      const left = this.#content.sizeBytes - this.#offset
      const chunk = this.#content.read(this.#offset, Math.min(left, this.#chunkBytes))
      if (chunk instanceof Promise) chunk.then(this.#send, this.#onUnread)
      else this.#send(chunk)
    } catch {
      this.#onUnread()
    }
  }

  readonly #send = (chunk: Uint8Array): void => {
    if (this.#isOver) return
    const left = this.#content.sizeBytes - this.#offset
    if (chunk.length === 0 || chunk.length > left) {
      this.#onUnread()
      return
    }
    this.#offset += chunk.length
    this.#needs.countSent(chunk.length)
    // The last chunk and our FIN go together, unless the peer has closed its side already: then a reset must show first.
    if (chunk.length === left && !this.#peerEnded) this.#socket.end(chunk)
    else this.#socket.write(chunk, this.#onWritten)
    const isTaken = this.#socket.writableLength === 0
    if (!isTaken) this.#chunkBytes = Math.max(smallestChunkBytes, this.#chunkBytes / 4)
    else if (this.#chunkBytes < largestChunkBytes) this.#chunkBytes *= 2
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error || this.#isOver) return
    this.#handed = this.#offset
    this.#progressed()
    // One chunk a turn: a fast client would otherwise fill its whole socket buffer while the others wait.
    setImmediate(this.#next)
  }

  readonly #onFinish = (): void => {
    this.#handed = this.#offset
    this.#finishedAt = this.#needs.deadlines.now
    this.#progressed()
    // A peer that does not close in the next moment is looked for in the kernel's table.
    if (!this.#isWatching) this.dueAt = this.#finishedAt + politeCloseMs
  }

  readonly #onPeerEnd = (): void => {
    this.#peerEnded = true
  }

  readonly #onBroken = (): void => this.#end("reset")

  /** Both sides are closed, or the connection broke. */
  readonly #onClose = (hadError: boolean): void => {
    if (this.#isOver) return
    const isPolite = !hadError && this.#peerEnded && this.#finishedAt !== Number.POSITIVE_INFINITY
    const { unacknowledged } = this.#needs
    const isDoubtful = this.#isSlow || (this.#content.sizeBytes - this.#from > oneFlightBytes && unacknowledged.isCheap)
    if (!isPolite) this.#end("reset")
    else if (!isDoubtful || !unacknowledged.isSupported) this.#end(null)
    else this.#follow()
  }

  readonly #onUnread = (): void => this.#end("unread")

  /** The guard's moment: the transfer has turned out slow, or has stood still for too long. */
  expire(): void {
    const { deadlines, limits, unacknowledged } = this.#needs
    if (!this.#isSlow) {
      if (this.#finishedAt === Number.POSITIVE_INFINITY && deadlines.now < this.#slowAt && !unacknowledged.isCheap) {
        this.dueAt = this.#slowAt
        return
      }
      this.#isSlow = true
      this.#progressed()
      this.#follow()
      return
    }
    const isFinished = this.#finishedAt !== Number.POSITIVE_INFINITY
    if (isFinished && !unacknowledged.isSupported) {
      if (deadlines.now >= this.#finishedAt + limits.blindCloseGraceMs) this.#end(null)
      else this.dueAt = this.#finishedAt + limits.blindCloseGraceMs
      return
    }
    this.#end("timeout")
  }

  #progressed(): void {
    this.#progressAt = this.#needs.deadlines.now
    if (this.#isSlow) this.dueAt = this.#progressAt + this.#needs.limits.progressTimeoutMs
  }

  /** Watches the kernel's table from now on, and has a look as soon as possible. */
  #follow(): void {
    this.#isSlow = true
    this.#progressed()
    const { unacknowledged } = this.#needs
    if (!this.#isWatching && unacknowledged.isSupported) {
      if (this.key === "") this.key = tcpKey(this.#socket) ?? ""
      this.#isWatching = this.key !== ""
      if (this.#isWatching) unacknowledged.watch(this)
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
      this.#onGone()
      return
    }
    this.#note(row)
    const { deadlines, limits, unacknowledged } = this.#needs
    const isFinished = this.#finishedAt !== Number.POSITIVE_INFINITY
    if (row.state === tcpState.timeWait) this.#end(null)
    else if (isFinished && row.state === tcpState.finWait2) {
      if (deadlines.now >= this.#finishedAt + limits.lateCloseGraceMs) this.#end(null)
      else deadlines.after(limits.lateCloseGraceMs, () => unacknowledged.lookSoon())
    } else if (!isFinished && row.state === tcpState.closeWait && this.#offset >= this.#content.sizeBytes) {
      // The peer had closed its own direction early, yet acknowledged everything: it was half-closed, not gone.
      if (row.unacknowledged === 0) this.#end(null)
    } else if (this.#socket.destroyed) {
      this.#closedUnfinished = true
      unacknowledged.lookSoon()
    }
  }

  /** The connection is in the kernel's table no more. */
  #onGone(): void {
    if (this.#socket.destroyed) {
      // Closed on both sides and gone without TIME-WAIT: it was reset after Node had closed it. Only a machine whose table
      // overflows with connections drops them without TIME-WAIT too.
      this.#end(this.#closedUnfinished || this.#needs.unacknowledged.isCheap ? "reset" : null)
    } else if (this.#peerEnded) {
      // Node reads nothing after the peer's FIN and writes nothing any more, so it cannot see the reset.
      this.#end("reset")
    }
  }

  #note(row: TcpRow): void {
    const taken = Math.min(this.#handedBeforeLook - row.unacknowledged, this.#content.sizeBytes)
    if (row.unacknowledged !== this.#lastUnacknowledged) this.#progressed()
    this.#lastUnacknowledged = row.unacknowledged
    if (taken <= this.#taken) return
    this.#taken = taken
    this.#content.progress?.(taken)
  }

  #end(cause: TransferCause | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#needs.deadlines.delete(this)
    if (this.#isWatching) this.#needs.unacknowledged.unwatch(this)
    const size = this.#content.sizeBytes
    if (cause === null) this.#socket.destroy()
    else breakOff(this.#socket)
    this.#resolve(
      cause === null
        ? { from: this.#from, to: size, sent: size, whole: true }
        : { from: this.#from, to: this.#taken, sent: this.#offset, whole: false, cause },
    )
  }
}

/** Closes so that the peer cannot take what it has for the whole file, and nothing buffered is sent on. */
function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

function ignoreEnd(): void {
  return
}
