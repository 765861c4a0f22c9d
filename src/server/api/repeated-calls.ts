import type { FastifyRequest } from "fastify"
import { Refusal } from "../../core/domain/refusal.ts"
import { sha256 } from "../fleet/ledger/seal.ts"
import type { Caller } from "../people/caller.ts"

/** Answers that are kept, and for how long and how much of them: a client tries again within minutes. */
const mostAnswers = 1000
const keptMs = 24 * 3_600_000
const mostBytes = 4 << 20

export interface RepeatedCall {
  /** Who calls, and the key that they gave. */
  readonly caller: string
  readonly key: string
  /** What tells the request from others. */
  readonly print: string
}

interface Known {
  readonly print: string
  readonly answer: Promise<unknown>
  readonly at: number
  bytes: number
}

/**
 * Calls that their client names by a key, so that it may send one again when it has not heard the answer: what was done is not done
 * twice, and the first answer is given again. What failed is tried again.
 */
export class RepeatedCalls {
  readonly #known = new Map<string, Known>()
  readonly #monotonic: () => number
  #bytes = 0

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** Refuses `key-reused` where the key was given to another request. */
  once<Result>({ caller, key, print }: RepeatedCall, action: () => Promise<Result>): Promise<Result> {
    this.#forgetOld()
    const name = JSON.stringify([caller, key])
    const known = this.#known.get(name)
    if (known !== undefined) {
      if (known.print !== print) return Promise.reject(new Refusal("key-reused", { key: key.slice(0, 40) }))
      return known.answer as Promise<Result>
    }
    const answer = action()
    const kept: Known = { print, answer, at: this.#monotonic(), bytes: 0 }
    this.#known.set(name, kept)
    answer.then(
      (result) => this.#weigh(kept, result),
      () => this.#known.delete(name),
    )
    return answer
  }

  #weigh(kept: Known, result: unknown): void {
    kept.bytes = JSON.stringify(result ?? null).length
    this.#bytes += kept.bytes
    this.#forgetOld()
  }

  #forgetOld(): void {
    const now = this.#monotonic()
    for (const [name, { at, bytes }] of this.#known) {
      const isOld = now - at > keptMs
      if (!isOld && this.#known.size <= mostAnswers && this.#bytes <= mostBytes) return
      this.#known.delete(name)
      this.#bytes -= bytes
    }
  }
}

/** The call as its client names it, so that it may be sent again; null = it has no name. */
export function repeatOf({ headers, method, url, body }: FastifyRequest, { kind, name }: Caller): RepeatedCall | null {
  const key = headers["idempotency-key"]
  if (key === undefined) return null
  if (typeof key !== "string" || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Refusal("bad-request", { detail: "Idempotency-Key must be 1 to 255 visible ASCII characters" })
  }
  const content = body instanceof Uint8Array ? body : JSON.stringify(body ?? null)
  return { caller: `${kind} ${name}`, key, print: sha256(`${method} ${url} ${sha256(content)}`) }
}
