import { clearTimeout, setTimeout } from "node:timers"
import { concat } from "../../kit/bytes.ts"
import { type BodyNet, type ByteStream, LinkError, type Listening } from "../body.ts"

/** Loopback without sockets, for fast tests: connections are pairs of byte queues in memory. */
export class MemoryNet implements BodyNet {
  readonly #listeners = new Map<number, (stream: ByteStream) => void>()
  readonly #streams = new Set<ByteStream>()
  #nextPort = 40_000

  /** Takes connections to a port; `serve` gets the server's end of each. */
  listen(serve: (stream: ByteStream) => void, port = this.#nextPort++): number {
    this.#listeners.set(port, serve)
    return port
  }

  close(port: number): void {
    this.#listeners.delete(port)
  }

  /** Every connection breaks. */
  breakAll(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  connect(target: { readonly host: string; readonly port: number }): Promise<ByteStream> {
    const serve = this.#listeners.get(target.port)
    if (serve === undefined) return Promise.reject(new LinkError("refused", `nobody listens on port ${target.port}`))
    const [near, far] = pair()
    this.#streams.add(near)
    serve(far)
    return Promise.resolve(near)
  }

  listenOnce(): Promise<Listening> {
    let take: (stream: ByteStream) => void = () => undefined
    const accepted = new Promise<ByteStream>((resolve) => {
      take = resolve
    })
    const port = this.listen((stream) => take(stream))
    return Promise.resolve({
      host: "127.0.0.1",
      port,
      accept: (timeoutMs) => withTimeout(accepted, timeoutMs),
      close: () => this.close(port),
    })
  }
}

/** Two ends of one connection. */
function pair(): [ByteStream, ByteStream] {
  const there = new Queue()
  const back = new Queue()
  return [end(back, there), end(there, back)]
}

function end(incoming: Queue, outgoing: Queue): ByteStream {
  return {
    localHost: "127.0.0.1",
    read: (maxBytes, timeoutMs) => incoming.take(maxBytes, timeoutMs),
    write: async (bytes) => outgoing.put(bytes),
    end: () => outgoing.end(),
    destroy: () => {
      outgoing.break()
      incoming.break()
    },
  }
}

class Queue {
  #bytes: Uint8Array = new Uint8Array(0)
  #state: "open" | "ended" | "broken" = "open"
  #wake: () => void = () => undefined

  put(bytes: Uint8Array): void {
    if (this.#state !== "open") throw new LinkError("reset", "the connection is closed")
    this.#bytes = concat([this.#bytes, bytes])
    this.#wake()
  }

  end(): void {
    if (this.#state === "open") this.#state = "ended"
    this.#wake()
  }

  break(): void {
    this.#state = "broken"
    this.#wake()
  }

  async take(maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
    while (this.#bytes.length === 0) {
      if (this.#state === "ended") return new Uint8Array(0)
      if (this.#state === "broken") throw new LinkError("reset", "the connection broke")
      await withTimeout(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        timeoutMs,
      )
    }
    const taken = this.#bytes.slice(0, maxBytes)
    this.#bytes = this.#bytes.slice(maxBytes)
    return taken
  }
}

function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LinkError("timeout", `nothing within ${timeoutMs} ms`)), timeoutMs)
    promise.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}
