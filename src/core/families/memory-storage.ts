import { concat } from "../kit/bytes.ts"
import { type BodyStorage, type DeviceFiles, type MemoryGeometry, type NonVolatileMemory, PowerCut } from "./body.ts"

/** Bytes that memory is kept in; a page never written takes no room and reads as 0xFF. */
const pageBytes = 256

/**
 * Called before every operation that changes something, with the operation's name. It may throw `PowerCut`, or give a
 * number below 1: then that part of the bytes is still written before the power fails, as in a torn write.
 */
export type BeforeChange = (deed: string) => number | undefined

/** Storage of a virtual device in memory: what outlives a run is whatever holds this object. */
export class MemoryStorage implements BodyStorage {
  readonly #memories = new Map<string, SparseMemory>()
  readonly #files = new Map<string, MemoryFiles>()
  readonly #hook: { beforeChange: BeforeChange }

  constructor(beforeChange: BeforeChange = () => undefined) {
    this.#hook = { beforeChange }
  }

  /** Sets what happens before each change from now on. */
  set beforeChange(beforeChange: BeforeChange) {
    this.#hook.beforeChange = beforeChange
  }

  memory(name: string, geometry: MemoryGeometry): Promise<NonVolatileMemory> {
    const memory = this.#memories.get(name) ?? new SparseMemory(name, geometry, this.#hook)
    this.#memories.set(name, memory)
    return Promise.resolve(memory)
  }

  files(name: string): Promise<DeviceFiles> {
    const files = this.#files.get(name) ?? new MemoryFiles(name, this.#hook)
    this.#files.set(name, files)
    return Promise.resolve(files)
  }
}

interface Hook {
  beforeChange: BeforeChange
}

class SparseMemory implements NonVolatileMemory {
  readonly sizeBytes: number
  readonly #name: string
  readonly #sectorBytes: number | undefined
  readonly #pages = new Map<number, Uint8Array>()
  readonly #hook: Hook

  constructor(name: string, geometry: MemoryGeometry, hook: Hook) {
    this.#name = name
    this.sizeBytes = geometry.sizeBytes
    this.#sectorBytes = geometry.sectorBytes
    this.#hook = hook
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    this.#check(offset, length)
    const bytes = new Uint8Array(length).fill(0xff)
    for (let at = offset; at < offset + length; ) {
      const inPage = at % pageBytes
      const count = Math.min(pageBytes - inPage, offset + length - at)
      const page = this.#pages.get(at - inPage)
      if (page !== undefined) bytes.set(page.subarray(inPage, inPage + count), at - offset)
      at += count
    }
    return Promise.resolve(bytes)
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#check(offset, bytes.length)
    const part = this.#hook.beforeChange(`${this.#name} write`)
    this.#store(offset, part === undefined ? bytes : bytes.subarray(0, Math.floor(bytes.length * part)))
    if (part !== undefined) throw powerCut(`in a write to ${this.#name}`)
  }

  async erase(offset: number): Promise<void> {
    const sectorBytes = this.#sectorBytes
    if (sectorBytes === undefined) throw new RangeError(`${this.#name} is no flash: it has no sectors to erase`)
    this.#check(offset, 1)
    const part = this.#hook.beforeChange(`${this.#name} erase`)
    const start = offset - (offset % sectorBytes)
    const length = part === undefined ? sectorBytes : Math.floor(sectorBytes * part)
    for (let at = start; at < start + length; ) {
      const count = Math.min(pageBytes - (at % pageBytes), start + length - at)
      // Erased pages take no room again.
      if (count === pageBytes) this.#pages.delete(at)
      else this.#page(at).fill(0xff, at % pageBytes, (at % pageBytes) + count)
      at += count
    }
    if (part !== undefined) throw powerCut(`in an erasure of ${this.#name}`)
  }

  #store(offset: number, bytes: Uint8Array): void {
    for (const [index, byte] of bytes.entries()) {
      const at = offset + index
      const page = this.#page(at)
      const before = page[at % pageBytes] ?? 0xff
      page[at % pageBytes] = this.#sectorBytes === undefined ? byte : before & byte
    }
  }

  #page(at: number): Uint8Array {
    const start = at - (at % pageBytes)
    const page = this.#pages.get(start) ?? new Uint8Array(pageBytes).fill(0xff)
    this.#pages.set(start, page)
    return page
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`${this.#name} has no ${length} bytes at ${offset}`)
    }
  }
}

class MemoryFiles implements DeviceFiles {
  readonly #name: string
  readonly #contents = new Map<string, { chunks: Uint8Array[]; size: number }>()
  readonly #hook: Hook

  constructor(name: string, hook: Hook) {
    this.#name = name
    this.#hook = hook
  }

  list(): Promise<readonly string[]> {
    return Promise.resolve([...this.#contents.keys()])
  }

  size(name: string): Promise<number | null> {
    return Promise.resolve(this.#contents.get(name)?.size ?? null)
  }

  read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const content = this.#contents.get(name)
    if (content === undefined) return Promise.resolve(new Uint8Array(0))
    if (content.chunks.length > 1) content.chunks = [concat(content.chunks)]
    return Promise.resolve((content.chunks[0] ?? new Uint8Array(0)).slice(offset, offset + length))
  }

  async create(name: string): Promise<void> {
    this.#deed("create", () => this.#contents.set(name, { chunks: [], size: 0 }))
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const content = this.#contents.get(name)
    if (content === undefined) throw new RangeError(`${this.#name} has no file ${JSON.stringify(name)}`)
    const part = this.#hook.beforeChange(`${this.#name} append`)
    const written = part === undefined ? bytes.slice() : bytes.slice(0, Math.floor(bytes.length * part))
    content.chunks.push(written)
    content.size += written.length
    if (part !== undefined) throw powerCut(`in an append to ${this.#name}`)
  }

  async remove(name: string): Promise<void> {
    this.#deed("remove", () => this.#contents.delete(name))
  }

  /** A change of the directory happens whole or not at all: below one half not, from there on it does. */
  #deed(deed: string, change: () => void): void {
    const part = this.#hook.beforeChange(`${this.#name} ${deed}`)
    if (part === undefined || part >= 0.5) change()
    if (part !== undefined) throw powerCut(`in a ${deed} on ${this.#name}`)
  }
}

function powerCut(where: string): PowerCut {
  return new PowerCut(`power failed ${where}`)
}
