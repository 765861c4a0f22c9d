/** Keys of one block at most; it is cut into two beyond that. */
const blockSize = 512

/** A set of texts that is always in order: adding, removing and going on from a key cost little, however many there are. */
export class SortedKeys {
  /** Each in order, none empty, and each wholly before the next. */
  readonly #blocks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a key; one that is there already stays once. */
  add(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push([key])
    } else {
      const place = firstNotBefore(block, key)
      if (block[place] === key) return
      block.splice(place, 0, key)
      // One that grows at its end is cut there: keys that come in order fill their blocks.
      if (block.length > blockSize) {
        const isLast = at === this.#blocks.length - 1 && place === block.length - 1
        this.#blocks.splice(at + 1, 0, block.splice(isLast ? blockSize : blockSize >> 1))
      }
    }
    this.#size++
  }

  delete(key: string): void {
    const at = this.#blockOf(key)
    const block = this.#blocks[at]
    const place = block === undefined ? 0 : firstNotBefore(block, key)
    if (block === undefined || block[place] !== key) return
    block.splice(place, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    this.#size--
  }

  /** The keys after `key`, in order; null = from the first. Keys that are added meanwhile may or may not come. */
  *after(key: string | null): Generator<string> {
    for (let last = key; ; ) {
      const at = last === null ? 0 : this.#blockOf(last)
      let block: readonly string[] | undefined = this.#blocks[at]
      if (block !== undefined && last !== null && (block.at(-1) ?? "") <= last) block = this.#blocks[at + 1]
      if (block === undefined) return
      const from: string | null = last
      const rest: readonly string[] = from === null ? [...block] : block.slice(firstAfter(block, from))
      yield* rest
      last = rest.at(-1) ?? null
      if (last === null) return
    }
  }

  /** The keys from `key` on, itself included. */
  *from(key: string): Generator<string> {
    if (this.has(key)) yield key
    yield* this.after(key)
  }

  has(key: string): boolean {
    const block = this.#blocks[this.#blockOf(key)]
    return block !== undefined && block[firstNotBefore(block, key)] === key
  }

  /** The keys before `key`, from the nearest on; null = from the last. */
  *before(key: string | null): Generator<string> {
    for (let last = key; ; ) {
      const at = last === null ? this.#blocks.length - 1 : this.#blockOf(last)
      let block: readonly string[] | undefined = this.#blocks[at]
      if (block !== undefined && last !== null && (block[0] ?? "") >= last) block = this.#blocks[at - 1]
      if (block === undefined) return
      const from: string | null = last
      const rest = (from === null ? [...block] : block.slice(0, firstNotBefore(block, from))).reverse()
      yield* rest
      last = rest.at(-1) ?? null
      if (last === null) return
    }
  }

  /** The block in which a key stands or would stand. */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#blocks[middle]?.at(-1) ?? "") < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

function firstNotBefore(block: readonly string[], key: string): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((block[middle] ?? "") < key) low = middle + 1
    else high = middle
  }
  return low
}

function firstAfter(block: readonly string[], key: string): number {
  const place = firstNotBefore(block, key)
  return block[place] === key ? place + 1 : place
}
