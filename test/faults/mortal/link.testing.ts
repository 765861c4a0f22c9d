import { type BodyNet, type ByteStream, LinkError } from "../../../src/core/families/body.ts"
import type { Moments } from "./moments.testing.ts"

/** No packet carries more. */
const packetBytes = 1400

/** All that goes over the air, from the module and from the agent: it may be cut, and comes back. */
export class MortalLink {
  readonly #net: BodyNet
  readonly #moments: Moments
  readonly #streams = new Set<ByteStream>()
  #cut: AbortController | null = new AbortController()

  constructor(net: BodyNet, moments: Moments) {
    this.#net = net
    this.#moments = moments
  }

  /** Aborted when the link is cut; null while there is none. */
  get signal(): AbortSignal | null {
    return this.#cut?.signal ?? null
  }

  cut(): void {
    this.#cut?.abort(new Error("the link is cut"))
    this.#cut = null
    this.reset()
  }

  restore(): void {
    this.#cut ??= new AbortController()
  }

  /** Every connection breaks: also what a server's or a module's death does to them. */
  reset(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  /** The network as the module sees it; `mayConnect` says whether anybody listens there. */
  net(mayConnect: () => boolean): BodyNet {
    return {
      connect: async (target) => {
        this.#moments.pass()
        if (this.#cut === null) throw new LinkError("timeout", "no network")
        if (!mayConnect()) throw new LinkError("refused", "nobody listens")
        return this.#carry(await this.#net.connect(target))
      },
      listenOnce: (beside) => this.#net.listenOnce(beside),
    }
  }

  #carry(stream: ByteStream): ByteStream {
    this.#streams.add(stream)
    return {
      localHost: stream.localHost,
      read: (maxBytes, timeoutMs) => {
        this.#moments.pass()
        return stream.read(Math.min(maxBytes, packetBytes), timeoutMs)
      },
      write: (bytes) => {
        this.#moments.pass()
        return stream.write(bytes)
      },
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    }
  }
}
