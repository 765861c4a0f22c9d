import {
  appendFileSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import type { BodyStorage, DeviceFiles, MemoryGeometry, NonVolatileMemory } from "../core/families/body.ts"
import { OddState } from "./odd-state.ts"

/**
 * Storage of a virtual device in a folder: `NAME.bin` for a memory, the folder `NAME` for a file system. Every operation
 * is written straight to its place, as the hardware does it: a process that is killed leaves what a power cut leaves, and
 * the next run goes on from there. Calls are synchronous: they are short and end in the page cache.
 */
export class StateFiles implements BodyStorage {
  readonly #folder: string
  readonly #open: number[] = []
  /** A device opens its memories anew at every contact; the files stay open in between. */
  readonly #memories = new Map<string, NonVolatileMemory>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async memory(name: string, geometry: MemoryGeometry): Promise<NonVolatileMemory> {
    const known = this.#memories.get(name)
    if (known?.sizeBytes === geometry.sizeBytes) return known
    const path = join(this.#folder, `${name}.bin`)
    const before = lstatSync(path, { throwIfNoEntry: false })
    if (before === undefined) {
      // Whole or not at all: a file of another size would look like a damaged one.
      writeFileSync(`${path}.new`, new Uint8Array(geometry.sizeBytes).fill(0xff))
      renameSync(`${path}.new`, path)
    } else if (!before.isFile()) {
      throw new OddState(`${path} is no file, but it must hold the device's ${name}; move it away.`)
    }
    const file = openSync(path, "r+")
    this.#open.push(file)
    const { size } = fstatSync(file)
    if (size !== geometry.sizeBytes) {
      throw new OddState(`${path} has ${size} bytes, but the device's ${name} has ${geometry.sizeBytes}; remove it.`)
    }
    const memory = new FileMemory(file, geometry)
    this.#memories.set(name, memory)
    return memory
  }

  async files(name: string): Promise<DeviceFiles> {
    const folder = join(this.#folder, name)
    const before = lstatSync(folder, { throwIfNoEntry: false })
    if (before !== undefined && !before.isDirectory()) {
      throw new OddState(`${folder} is no folder, but it must hold the device's files; move it away.`)
    }
    mkdirSync(folder, { recursive: true })
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isFile()) {
        throw new OddState(`${join(folder, entry.name)} is no plain file; a device's file system has no such thing.`)
      }
    }
    return new FolderFiles(folder)
  }

  close(): void {
    this.#memories.clear()
    for (const file of this.#open.splice(0)) closeSync(file)
  }
}

class FileMemory implements NonVolatileMemory {
  readonly sizeBytes: number
  readonly #file: number
  readonly #sectorBytes: number | undefined

  constructor(file: number, geometry: MemoryGeometry) {
    this.#file = file
    this.sizeBytes = geometry.sizeBytes
    this.#sectorBytes = geometry.sectorBytes
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#check(offset, length)
    const bytes = new Uint8Array(length)
    readSync(this.#file, bytes, 0, length, offset)
    return bytes
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#check(offset, bytes.length)
    let stored = bytes
    if (this.#sectorBytes !== undefined) {
      stored = await this.read(offset, bytes.length)
      for (const [index, byte] of bytes.entries()) stored[index] = (stored[index] ?? 0xff) & byte
    }
    writeSync(this.#file, stored, 0, stored.length, offset)
  }

  async erase(offset: number): Promise<void> {
    const sectorBytes = this.#sectorBytes
    if (sectorBytes === undefined) throw new RangeError("this memory is no flash: it has no sectors to erase")
    this.#check(offset, 1)
    const start = offset - (offset % sectorBytes)
    writeSync(this.#file, new Uint8Array(sectorBytes).fill(0xff), 0, sectorBytes, start)
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`the memory has no ${length} bytes at ${offset}`)
    }
  }
}

class FolderFiles implements DeviceFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** A name comes from whatever server the device asked: what is not a plain character is written as `%` and hex. */
  #path(name: string): string {
    const safe = name.replaceAll(
      /[^A-Za-z0-9_-]/g,
      (character) => `%${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
    if (safe.length === 0 || safe.length > 200) throw new RangeError("a file name has 1 to 200 characters")
    return join(this.#folder, safe)
  }

  async list(): Promise<readonly string[]> {
    return readdirSync(this.#folder).map((safe) =>
      safe.replaceAll(/%([0-9a-f]{4})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    )
  }

  async size(name: string): Promise<number | null> {
    return lstatSync(this.#path(name), { throwIfNoEntry: false })?.size ?? null
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const path = this.#path(name)
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return new Uint8Array(0)
    const file = openSync(path, "r")
    try {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, fstatSync(file).size - offset)))
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset))
    } finally {
      closeSync(file)
    }
  }

  async create(name: string): Promise<void> {
    writeFileSync(this.#path(name), "")
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    appendFileSync(this.#path(name), bytes)
  }

  async remove(name: string): Promise<void> {
    rmSync(this.#path(name), { force: true })
  }
}
