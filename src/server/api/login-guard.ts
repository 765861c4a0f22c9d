import { Refusal } from "../../core/domain/refusal.ts"
import type { LimitName } from "../../core/kit/limits.ts"
import { limits } from "../../core/kit/limits.ts"
import { LoginThrottle } from "../transports/login-throttle.ts"

interface Needs {
  readonly clock: { readonly monotonic: () => number }
  /** Resolves after so long, ms. */
  readonly pause: (ms: number) => Promise<void>
  readonly hit: (limit: LimitName) => void
}

/**
 * Passwords of people wait as those of devices do, in tables of their own: by user and by address, so that one address locks out
 * nobody who shares it, and no person's typing touches a device.
 */
export class LoginGuard {
  readonly #needs: Needs
  readonly #throttle: LoginThrottle
  #waiting = 0

  constructor(needs: Needs) {
    this.#needs = needs
    const time = {
      get now(): number {
        return needs.clock.monotonic()
      },
    }
    this.#throttle = new LoginThrottle(time, () => needs.hit("login.guesses"), 5000)
  }

  /** Lets a password be looked at when its turn has come. Refuses `too-many-logins`, `busy`, and what `look` refuses. */
  async admit<Result>(user: string, peer: string, look: () => Promise<Result>): Promise<Result> {
    const guess = { user: user.slice(0, 64), peer, isUsual: false }
    const waitMs = this.#throttle.admit(guess)
    if (waitMs === null) throw new Refusal("too-many-logins", { user: guess.user })
    await this.#wait(waitMs)
    try {
      const result = await look()
      this.#throttle.passed(guess)
      return result
    } catch (error) {
      if (error instanceof Refusal && error.code === "wrong-login") this.#throttle.failed(guess)
      throw error
    }
  }

  async #wait(ms: number): Promise<void> {
    if (ms === 0) return
    if (this.#waiting >= limits["login.waiting"].most) {
      this.#needs.hit("login.waiting")
      throw new Refusal("busy")
    }
    this.#waiting++
    try {
      await this.#needs.pause(ms)
    } finally {
      this.#waiting--
    }
  }
}
