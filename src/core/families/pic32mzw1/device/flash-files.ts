import { concat, equalBytes, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { NonVolatileMemory } from "../../body.ts"
import { sectorBytes } from "../models.ts"

/**
 * The files on the board's external SST26 flash: contiguous runs of 4096-byte sectors and a directory kept twice, written in
 * turn, so that a power cut at any write leaves the directory as it was or as it shall be. The vendor formats the flash
 * with FAT; what is stored there (names, sizes, the order of writes) is the same, the robustness of a directory write is
 * this program's choice.
 */
export class FlashFiles {
  readonly #flash: NonVolatileMemory
  #entries: readonly Entry[] = []
  #sequence = 0
  #formatted = false

  private constructor(flash: NonVolatileMemory) {
    this.#flash = flash
  }

  /** Reads the newer of the two directories. */
  static async mount(flash: NonVolatileMemory): Promise<FlashFiles> {
    const files = new FlashFiles(flash)
    for (const sector of [0, 1]) {
      const found = decodeDirectory(await flash.read(sector * sectorBytes, sectorBytes))
      if (found === null || found.sequence <= files.#sequence) continue
      files.#formatted = true
      files.#sequence = found.sequence
      files.#entries = found.entries
    }
    return files
  }

  get formatted(): boolean {
    return this.#formatted
  }

  async format(): Promise<void> {
    await this.#commit([])
    this.#formatted = true
  }

  names(): readonly string[] {
    return this.#entries.map((entry) => entry.name)
  }

  /** Size in bytes, or null when there is no such file. */
  size(name: string): number | null {
    return this.#find(name)?.sizeBytes ?? null
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const entry = this.#find(name)
    if (entry === undefined || offset >= entry.sizeBytes) return new Uint8Array(0)
    const until = Math.min(offset + length, entry.sizeBytes)
    return this.#flash.read(entry.sector * sectorBytes + offset, until - offset)
  }

  async readAll(name: string): Promise<Uint8Array> {
    return this.read(name, 0, this.size(name) ?? 0)
  }

  /** Begins a file of at most `capacityBytes`; a file of that name is gone from here on. Null = no room. */
  async create(name: string, capacityBytes: number): Promise<FlashFileWriter | null> {
    const others = this.#entries.filter((entry) => entry.name !== name)
    const sectors = Math.max(1, Math.ceil(capacityBytes / sectorBytes))
    const sector = this.#freeRun(sectors, others)
    if (sector === null || !fits(name, others)) return null
    await this.#commit([...others, { name, sector, sectors, sizeBytes: 0 }])
    return new FlashFileWriter(this.#flash, sector * sectorBytes, (sizeBytes) => this.#resize(name, sizeBytes))
  }

  /** Replaces a small file whole: a power cut leaves the old or the new content. False = no room. */
  async replace(name: string, bytes: Uint8Array): Promise<boolean> {
    const sectors = Math.max(1, Math.ceil(bytes.length / sectorBytes))
    const sector = this.#freeRun(sectors, this.#entries)
    const others = this.#entries.filter((entry) => entry.name !== name)
    if (sector === null || !fits(name, others)) return false
    for (let at = 0; at < bytes.length; at += sectorBytes) {
      await this.#flash.erase(sector * sectorBytes + at)
      await this.#flash.write(sector * sectorBytes + at, bytes.subarray(at, at + sectorBytes))
    }
    await this.#commit([...others, { name, sector, sectors, sizeBytes: bytes.length }])
    return true
  }

  async remove(name: string): Promise<void> {
    if (this.#find(name) !== undefined) await this.#commit(this.#entries.filter((entry) => entry.name !== name))
  }

  #find(name: string): Entry | undefined {
    return this.#entries.find((entry) => entry.name === name)
  }

  /** The file is whole: what it does not fill of its run is free again. */
  async #resize(name: string, sizeBytes: number): Promise<void> {
    const sectors = Math.max(1, Math.ceil(sizeBytes / sectorBytes))
    await this.#commit(this.#entries.map((entry) => (entry.name === name ? { ...entry, sectors, sizeBytes } : entry)))
  }

  /** First fit behind the two directory sectors. */
  #freeRun(sectors: number, taken: readonly Entry[]): number | null {
    let at = 2
    for (const entry of [...taken].sort((a, b) => a.sector - b.sector)) {
      if (entry.sector - at >= sectors) return at
      at = Math.max(at, entry.sector + entry.sectors)
    }
    return at + sectors <= Math.floor(this.#flash.sizeBytes / sectorBytes) ? at : null
  }

  async #commit(entries: readonly Entry[]): Promise<void> {
    const sequence = this.#sequence + 1
    const offset = (sequence % 2) * sectorBytes
    await this.#flash.erase(offset)
    await this.#flash.write(offset, encodeDirectory(sequence, entries))
    this.#sequence = sequence
    this.#entries = entries
  }
}

/** Writes one file in sectors; the size counts once `close` has returned. */
export class FlashFileWriter {
  readonly #flash: NonVolatileMemory
  readonly #start: number
  readonly #resize: (sizeBytes: number) => Promise<void>
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #written = 0

  constructor(flash: NonVolatileMemory, start: number, resize: (sizeBytes: number) => Promise<void>) {
    this.#flash = flash
    this.#start = start
    this.#resize = resize
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes.slice())
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes < sectorBytes) return
    const all = concat(this.#pending)
    let at = 0
    for (; at + sectorBytes <= all.length; at += sectorBytes) await this.#sector(all.subarray(at, at + sectorBytes))
    this.#pending = [all.slice(at)]
    this.#pendingBytes = all.length - at
  }

  async close(): Promise<void> {
    if (this.#pendingBytes > 0) await this.#sector(concat(this.#pending))
    this.#pending = []
    this.#pendingBytes = 0
    await this.#resize(this.#written)
  }

  async #sector(bytes: Uint8Array): Promise<void> {
    const offset = this.#start + this.#written
    await this.#flash.erase(offset)
    // An erased sector reads as FF already.
    if (bytes.some((byte) => byte !== 0xff)) await this.#flash.write(offset, bytes)
    this.#written += bytes.length
  }
}

interface Entry {
  readonly name: string
  readonly sector: number
  readonly sectors: number
  readonly sizeBytes: number
}

/** `WDIR`, sequence u32, count u16, entries of 96 bytes, and the first 8 bytes of the SHA-256 of all that at the end. */
const magic = latin1("WDIR")
const headBytes = 10
const nameBytes = 84
const entryBytes = nameBytes + 12
const checkBytes = 8
const mostEntries = Math.floor((sectorBytes - headBytes - checkBytes) / entryBytes)

function fits(name: string, others: readonly Entry[]): boolean {
  return name.length >= 1 && name.length <= nameBytes && others.length < mostEntries
}

function encodeDirectory(sequence: number, entries: readonly Entry[]): Uint8Array {
  const sector = new Uint8Array(sectorBytes)
  const view = new DataView(sector.buffer)
  sector.set(magic)
  view.setUint32(4, sequence)
  view.setUint16(8, entries.length)
  for (const [index, entry] of entries.entries()) {
    const at = headBytes + index * entryBytes
    sector.set(latin1(entry.name), at)
    view.setUint32(at + nameBytes, entry.sector)
    view.setUint32(at + nameBytes + 4, entry.sectors)
    view.setUint32(at + nameBytes + 8, entry.sizeBytes)
  }
  sector.set(sha256(sector.subarray(0, sectorBytes - checkBytes)).subarray(0, checkBytes), sectorBytes - checkBytes)
  return sector
}

function decodeDirectory(sector: Uint8Array): { readonly sequence: number; readonly entries: readonly Entry[] } | null {
  const check = sha256(sector.subarray(0, sectorBytes - checkBytes)).subarray(0, checkBytes)
  if (!equalBytes(sector.subarray(0, 4), magic) || !equalBytes(check, sector.subarray(sectorBytes - checkBytes))) {
    return null
  }
  const view = new DataView(sector.buffer, sector.byteOffset, sectorBytes)
  const entries = Array.from({ length: Math.min(view.getUint16(8), mostEntries) }, (_, index): Entry => {
    const at = headBytes + index * entryBytes
    return {
      name: fromLatin1(sector, at, at + nameBytes).replace(/\0.*$/s, ""),
      sector: view.getUint32(at + nameBytes),
      sectors: view.getUint32(at + nameBytes + 4),
      sizeBytes: view.getUint32(at + nameBytes + 8),
    }
  })
  return { sequence: view.getUint32(4), entries }
}
