/** Messages handed over and not yet accepted, at most. */
export const window = 50
/** How many of them may be others than answers: a rollout to thousands does not stand in the way of who waits for an answer. */
const mostOthers = 10

/** Messages that wait for the carrier, oldest first, and how many of their kind it may have in hand. */
export interface Lane {
  readonly waiting: string[]
  readonly most: number
  inHand: number
}

/** Two lanes: an answer to a device goes before others. */
export class Lanes {
  readonly #answers: Lane = { waiting: [], most: window, inHand: 0 }
  readonly others: Lane = { waiting: [], most: mostOthers, inHand: 0 }

  of(isAnswer: boolean): Lane {
    return isAnswer ? this.#answers : this.others
  }

  /** The first lane that has something to send and may. */
  next(): Lane | undefined {
    return [this.#answers, this.others].find(({ waiting, inHand, most }) => waiting.length > 0 && inHand < most)
  }
}

export function isFull({ inHand, waiting, most }: Lane): boolean {
  return inHand + waiting.length >= most
}
