/** Huffman codes as gzip and zlib make them: among equal choices always the same one, so that a stream can be made again. */

/** How an alphabet of deflate (RFC 1951) is coded. */
export interface Alphabet {
  readonly size: number
  /** Extra bits that stand behind each symbol. */
  readonly extraBits: (symbol: number) => number
  readonly longest: number
}

/** Codes of an alphabet and what coding its symbols costs. */
export interface Code {
  readonly lengths: Uint8Array
  /** The largest symbol that has a code. */
  readonly last: number
  /** Bits, extra ones included, that the given frequencies cost. */
  readonly cost: number
}

/** A heap of nodes by frequency and depth; the order among equals is part of what the packers do. */
class NodeHeap {
  readonly nodes: number[] = [0]
  private readonly frequency: Float64Array
  private readonly depth: Uint8Array

  constructor(frequency: Float64Array, depth: Uint8Array) {
    this.frequency = frequency
    this.depth = depth
  }

  get size(): number {
    return this.nodes.length - 1
  }

  sift(from: number): void {
    const { nodes, size } = this
    const moving = nodes[from] as number
    let at = from
    for (let child = at * 2; child <= size; child = at * 2) {
      if (child < size && this.isBefore(nodes[child + 1] as number, nodes[child] as number)) child++
      if (this.isBefore(moving, nodes[child] as number)) break
      nodes[at] = nodes[child] as number
      at = child
    }
    nodes[at] = moving
  }

  takeLeast(): number {
    const least = this.nodes[1] as number
    const last = this.nodes.pop() as number
    if (this.size > 0) {
      this.nodes[1] = last
      this.sift(1)
    }
    return least
  }

  private isBefore(a: number, b: number): boolean {
    const [one, two] = [this.frequency[a] as number, this.frequency[b] as number]
    return one < two || (one === two && (this.depth[a] as number) <= (this.depth[b] as number))
  }
}

/** The code for symbols that occur so often. At least two symbols get a code. */
export function codeFor(counts: Uint32Array, alphabet: Alphabet): Code {
  const { size, extraBits, longest } = alphabet
  const frequency = new Float64Array(2 * size + 1)
  const depth = new Uint8Array(2 * size + 1)
  const parent = new Int32Array(2 * size + 1)
  const heap = new NodeHeap(frequency, depth)
  let last = -1
  for (let symbol = 0; symbol < size; symbol++) {
    frequency[symbol] = counts[symbol] as number
    if (counts[symbol] === 0) continue
    heap.nodes.push(symbol)
    last = symbol
  }
  while (heap.size < 2) {
    const symbol = last < 2 ? ++last : 0
    heap.nodes.push(symbol)
    frequency[symbol] = 1
  }
  for (let at = heap.size >> 1; at >= 1; at--) heap.sift(at)
  /** Nodes in the order in which they were taken, least first. */
  const taken: number[] = []
  let node = size
  do {
    const one = heap.takeLeast()
    const two = heap.nodes[1] as number
    taken.push(one, two)
    frequency[node] = (frequency[one] as number) + (frequency[two] as number)
    depth[node] = Math.max(depth[one] as number, depth[two] as number) + 1
    parent[one] = node
    parent[two] = node
    heap.nodes[1] = node++
    heap.sift(1)
  } while (heap.size >= 2)
  const lengths = limitedLengths(taken.reverse(), { parent, root: node - 1, last, longest })
  let cost = 0
  for (let symbol = 0; symbol < size; symbol++)
    cost += (counts[symbol] as number) * ((lengths[symbol] as number) + extraBits(symbol))
  return { lengths: lengths.slice(0, size), last, cost }
}

interface Tree {
  readonly parent: Int32Array
  readonly root: number
  readonly last: number
  readonly longest: number
}

/** Lengths from the tree, none above the limit: what is too deep is hung in where it costs little. `nodes`: the root's children first. */
function limitedLengths(nodes: readonly number[], { parent, root, last, longest }: Tree): Uint8Array {
  const lengths = new Uint8Array(parent.length)
  const perLength = new Int32Array(longest + 1)
  let tooDeep = 0
  lengths[root] = 0
  for (const node of nodes) {
    let bits = (lengths[parent[node] as number] as number) + 1
    if (bits > longest) {
      bits = longest
      tooDeep++
    }
    lengths[node] = bits
    if (node <= last) perLength[bits] = (perLength[bits] as number) + 1
  }
  if (tooDeep === 0) return lengths
  for (; tooDeep > 0; tooDeep -= 2) {
    let bits = longest - 1
    while (perLength[bits] === 0) bits--
    perLength[bits] = (perLength[bits] as number) - 1
    perLength[bits + 1] = (perLength[bits + 1] as number) + 2
    perLength[longest] = (perLength[longest] as number) - 1
  }
  const leaves = nodes.filter((node) => node <= last).reverse()
  let at = 0
  for (let bits = longest; bits > 0; bits--)
    for (let n = perLength[bits] as number; n > 0; n--) lengths[leaves[at++] as number] = bits
  return lengths
}

/** The codes themselves, their bits turned round as deflate sends them. */
export function codesOf(lengths: Uint8Array): Uint16Array {
  const perLength = new Uint16Array(16)
  for (const length of lengths) if (length > 0) perLength[length] = (perLength[length] as number) + 1
  const next = new Uint16Array(16)
  for (let bits = 1, code = 0; bits < 16; bits++) {
    code = (code + (bits === 1 ? 0 : (perLength[bits - 1] as number))) << 1
    next[bits] = code
  }
  return Uint16Array.from(lengths, (length) => {
    if (length === 0) return 0
    const code = next[length] as number
    next[length] = code + 1
    let turned = 0
    for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit)
    return turned
  })
}
