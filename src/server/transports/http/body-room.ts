import type { IncomingMessage } from "node:http"
import { breakOff } from "./file-transfer.ts"

interface Reading {
  readonly request: IncomingMessage
  bytes: number
}

/**
 * Memory of the bodies that are being read. Honest ones come in a moment; beyond the bound the one that was begun longest ago gives way, so
 * that bodies which never end keep nobody out.
 */
export class BodyRoom {
  readonly #mostBytes: number
  readonly #met: () => void
  /** Oldest first. */
  readonly #reading = new Set<Reading>()
  #bytes = 0

  constructor(mostBytes: number, met: () => void) {
    this.#mostBytes = mostBytes
    this.#met = met
  }

  /** The body whole, or null when it is longer than allowed. Rejects when the caller goes away first, or has to. */
  async read(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | null> {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return null
    const pieces: Buffer[] = []
    const reading: Reading = { request, bytes: 0 }
    this.#reading.add(reading)
    try {
      for await (const piece of request as AsyncIterable<Buffer>) {
        if (reading.bytes + piece.length > maxBytes) return null
        this.#take(reading, piece.length)
        pieces.push(piece)
      }
    } finally {
      this.#leave(reading)
    }
    return Buffer.concat(pieces)
  }

  #take(reading: Reading, bytes: number): void {
    reading.bytes += bytes
    this.#bytes += bytes
    for (const oldest of this.#reading) {
      if (this.#bytes <= this.#mostBytes) return
      this.#met()
      this.#leave(oldest)
      breakOff(oldest.request.socket)
    }
  }

  #leave(reading: Reading): void {
    if (this.#reading.delete(reading)) this.#bytes -= reading.bytes
  }
}
