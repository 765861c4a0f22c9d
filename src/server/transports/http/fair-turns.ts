import { limits } from "../../../core/kit/limits.ts"

/** What a connection has asked in a turn of the event loop. */
export interface Asked {
  turn: number
  requests: number
}

/**
 * Between two looks at everybody's sockets a connection is given a few requests and no more: whoever sends thousands ahead of
 * their answers would have all the others wait. Clients of devices and people send the next request after an answer.
 */
export class FairTurns {
  #turn = 0
  #isCounted = false

  /** Nobody has asked anything. */
  static newcomer(): Asked {
    return { turn: -1, requests: 0 }
  }

  /** Whether one more request of the connection is taken up now. */
  mayAsk(asked: Asked): boolean {
    if (!this.#isCounted) {
      this.#isCounted = true
      setImmediate(() => {
        this.#turn++
        this.#isCounted = false
      })
    }
    if (asked.turn !== this.#turn) {
      asked.turn = this.#turn
      asked.requests = 0
    }
    return ++asked.requests <= limits["http.pipelined"].most
  }
}
