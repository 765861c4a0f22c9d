import { hash, verify } from "@node-rs/argon2"
import { Refusal } from "../../core/domain/refusal.ts"

/** RFC 9106 §4, the choice for less memory, with one lane: 64 MiB, three passes; some 80 ms of one core. */
const cost = { memoryCost: 65_536, timeCost: 3, parallelism: 1 }
/** Computed at once: each takes its memory, and a thread of four that files are read with too. */
const atOnce = 2
const mostWaiting = 32
const leastLength = 10
const mostLength = 256

/** Passwords by argon2id, on threads of the runtime's own, a bounded number at a time. */
export class Passwords {
  #running = 0
  readonly #waiting: (() => void)[] = []
  /** What is compared where there is no password, so that the time tells nothing. */
  readonly #nobodys = hash("nobody's", cost)

  /** What is kept of a password. Refuses `bad-password`, `busy`. */
  hashOf(password: string): Promise<string> {
    const { length } = password
    if (length < leastLength || length > mostLength) {
      const detail = `A password has ${leastLength} to ${mostLength} characters; a few words that you remember are a good one.`
      throw new Refusal("bad-password", { detail })
    }
    return this.#inTurn(() => hash(normal(password), cost))
  }

  /** Whether a password is the one that was hashed; null = there is none, which takes as long to say. Refuses `busy`. */
  isRight(hashed: string | null, password: string): Promise<boolean> {
    if (password.length > mostLength) return Promise.resolve(false)
    return this.#inTurn(async () => {
      const isSame = await verify(hashed ?? (await this.#nobodys), normal(password))
      return isSame && hashed !== null
    })
  }

  async #inTurn<Result>(deed: () => Promise<Result>): Promise<Result> {
    if (this.#running >= atOnce) {
      if (this.#waiting.length >= mostWaiting) throw new Refusal("busy")
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      return await deed()
    } finally {
      // The place goes to the next one.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

/** One text may be typed as different code points by different keyboards. */
function normal(password: string): string {
  return password.normalize("NFC")
}
