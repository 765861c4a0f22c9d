import {
  DeltaError,
  type Flash,
  type Patch,
  fieldType,
  isSourceDigest,
  readPatch,
  spareSectors,
  updateInPlaceSteps,
} from "../../delta/index.ts"
import { fromLatin1 } from "../../kit/bytes.ts"
import { Sha256 } from "../../kit/sha256.ts"
import type { NonVolatileMemory } from "../body.ts"
import { type FirmwareFlash, programFlash, readFirmwareMark, sectorBytes } from "./firmware-flash.ts"
import { fullMagic, readFullPackage } from "./full-package.ts"

/** Why a package cannot be installed; each family says it in its own code. */
export type PackageFault = "missing" | "damaged" | "wrong-source" | "wrong-product" | "no-space"

/** Looks at a package as recovery mode does, before the first write: is it whole, for this module, for what is in flash? */
export async function checkPackage(
  flash: FirmwareFlash,
  bytes: Uint8Array,
  product: string,
): Promise<PackageFault | null> {
  if (bytes.length === 0) return "missing"
  if (isFull(bytes)) {
    const full = readFullPackage(bytes)
    if (full === null) return "damaged"
    if (full.product !== "" && full.product !== product) return "wrong-product"
    if (full.image.length > flash.imageBytes) return "no-space"
    if (full.from !== "" && full.from !== (await readFirmwareMark(flash))?.version) return "wrong-source"
    return null
  }
  return checkPatch(flash, bytes, product)
}

async function checkPatch(flash: FirmwareFlash, bytes: Uint8Array, product: string): Promise<PackageFault | null> {
  const patch = readWholePatch(bytes)
  if (patch === null || patch.header.sectorSize !== sectorBytes) return "damaged"
  const { header } = patch
  const named = header.fields.find(({ type }) => type === fieldType.product)
  if (named !== undefined && fromLatin1(named.value) !== product) return "wrong-product"
  const needed = Math.max(header.targetSize, header.sourceSize)
  if (needed > flash.imageBytes || spareSectors(header) > flash.layout.preserve.length) return "no-space"
  const digest = await digestOf(flash.memory, header.sourceSize)
  return isSourceDigest(header, digest) ? null : "wrong-source"
}

function readWholePatch(bytes: Uint8Array): Patch | null {
  try {
    return readPatch(bytes)
  } catch (error) {
    if (error instanceof DeltaError) return null
    throw error
  }
}

async function digestOf(memory: NonVolatileMemory, length: number): Promise<Uint8Array> {
  const hash = new Sha256()
  for (let at = 0; at < length; at += sectorBytes)
    hash.update(await memory.read(at, Math.min(sectorBytes, length - at)))
  return hash.digest()
}

/**
 * Must be called once before `installPackage`, and may be repeated until then: forgets what an earlier update of the same
 * package left in the journal, which would make this one look finished.
 */
export async function prepareInstall({ memory, layout }: FirmwareFlash): Promise<void> {
  for (const sector of layout.journal) await memory.erase(sector)
}

/**
 * Installs a package that was checked, over the firmware in flash; gives the share that is done, 0 … 1. After a power cut
 * at any operation it is called again with the same package and goes on. Throws `DeltaError` when it cannot go on.
 */
export async function* installPackage(flash: FirmwareFlash, bytes: Uint8Array): AsyncGenerator<number, void> {
  if (isFull(bytes)) {
    const full = readFullPackage(bytes)
    if (full === null) throw new DeltaError("payload-damaged", "the full package is not whole")
    yield* programFlash(flash.memory, full.image)
    return
  }
  const { header } = readPatch(bytes)
  const imageEnd = Math.max(header.targetSize, header.sourceSize)
  const recorded = await RecordedFlash.open(flash, Math.ceil(imageEnd / sectorBytes))
  for (const share of updateInPlaceSteps(bytes, recorded, flash.layout)) {
    await recorded.replay()
    yield share
  }
  await recorded.replay()
}

function isFull(bytes: Uint8Array): boolean {
  return fromLatin1(bytes, 0, Math.min(bytes.length, fullMagic.length)) === fullMagic
}

interface Operation {
  readonly address: number
  /** Null = erase. */
  readonly bytes: Uint8Array | null
}

/**
 * The engine's flash is synchronous, a body's is not, and every operation of a body may be the last. So the engine works
 * on a copy, and its operations are done to the body's memory in their order after each sector.
 */
class RecordedFlash implements Flash {
  readonly sectorSize = sectorBytes
  readonly granularity = 4
  readonly size: number
  readonly #memory: NonVolatileMemory
  readonly #sectors: Map<number, Uint8Array>
  #operations: Operation[] = []

  private constructor(memory: NonVolatileMemory, sectors: Map<number, Uint8Array>) {
    this.#memory = memory
    this.#sectors = sectors
    this.size = memory.sizeBytes
  }

  /** Copies what the engine may look at: the image's sectors and the working ones. */
  static async open({ memory, layout }: FirmwareFlash, imageSectors: number): Promise<RecordedFlash> {
    const image = Array.from({ length: imageSectors }, (_, index) => layout.image + index * sectorBytes)
    const sectors = new Map<number, Uint8Array>()
    for (const sector of [...image, layout.staging, ...layout.journal, ...layout.preserve]) {
      sectors.set(sector, (await memory.read(sector, sectorBytes)).slice())
    }
    return new RecordedFlash(memory, sectors)
  }

  read(address: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const inSector = (address + done) % sectorBytes
      const count = Math.min(into.length - done, sectorBytes - inSector)
      into.set(this.#sector(address + done).subarray(inSector, inSector + count), done)
      done += count
    }
  }

  program(address: number, bytes: Uint8Array): void {
    const sector = this.#sector(address)
    const inSector = address % sectorBytes
    for (const [index, byte] of bytes.entries()) {
      sector[inSector + index] = (sector[inSector + index] ?? 0xff) & byte
    }
    this.#operations.push({ address, bytes: bytes.slice() })
  }

  erase(address: number): void {
    this.#sector(address).fill(0xff)
    this.#operations.push({ address, bytes: null })
  }

  async replay(): Promise<void> {
    const operations = this.#operations
    this.#operations = []
    for (const { address, bytes } of operations) {
      if (bytes === null) await this.#memory.erase(address)
      else await this.#memory.write(address, bytes)
    }
  }

  #sector(address: number): Uint8Array {
    const sector = this.#sectors.get(address - (address % sectorBytes))
    if (sector === undefined) throw new DeltaError("too-little-memory", `address ${address} is no part of the update`)
    return sector
  }
}
