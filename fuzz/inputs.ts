/** A small generator of random numbers (xorshift32): the same seed gives the same inputs on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ 0x6b43a9b5) | 1
  }

  /** A generator that goes on from a state. */
  static at(state: number): Random {
    const random = new Random(0)
    random.#state = state
    return random
  }

  get state(): number {
    return this.#state
  }

  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  below(most: number): number {
    return this.next() % most
  }
}

/** Bytes that parsers stumble over. */
const odd = [0x00, 0x0a, 0x0d, 0x20, 0x22, 0x2d, 0x2f, 0x30, 0x39, 0x3a, 0x5c, 0x7f, 0x80, 0xff]
const mostBytes = 4096

/** A sound input with a few things wrong, or noise. */
export function mutated(random: Random, sound: readonly Uint8Array[]): Uint8Array {
  const chosen = sound[random.below(sound.length)]
  if (chosen === undefined || random.below(16) === 0) return noise(random, random.below(64))
  let bytes: Uint8Array = chosen.slice(0, mostBytes)
  for (let times = random.below(6); times > 0; times--) bytes = mutate(random, bytes, sound)
  return bytes
}

function mutate(random: Random, bytes: Uint8Array, sound: readonly Uint8Array[]): Uint8Array {
  const at = random.below(bytes.length + 1)
  const length = random.below(8) + 1
  switch (random.below(7)) {
    case 0:
      return splice(bytes, at, 0, noise(random, length))
    case 1:
      return splice(bytes, at, length, noise(random, 0))
    case 2:
      return bytes.slice(0, at)
    case 3: {
      const other = sound[random.below(sound.length)] ?? bytes
      const from = random.below(other.length + 1)
      return splice(bytes, at, random.below(16), other.subarray(from, from + random.below(64)))
    }
    case 4: {
      const again = bytes.subarray(at, at + random.below(32))
      return splice(bytes, at, 0, again)
    }
    default: {
      const copy = bytes.slice()
      if (copy.length > 0) {
        const index = at % copy.length
        copy[index] =
          random.below(2) === 0 ? (odd[random.below(odd.length)] ?? 0) : (copy[index] ?? 0) ^ (1 << random.below(8))
      }
      return copy
    }
  }
}

function splice(bytes: Uint8Array, at: number, gone: number, put: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + gone))
  const made = new Uint8Array(Math.min(mostBytes, at + put.length + rest.length))
  made.set(bytes.subarray(0, at))
  made.set(put.subarray(0, made.length - at), at)
  if (at + put.length < made.length) made.set(rest.subarray(0, made.length - at - put.length), at + put.length)
  return made
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256))
}
