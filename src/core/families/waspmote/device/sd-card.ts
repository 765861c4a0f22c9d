import { fromLatin1 } from "../../../kit/bytes.ts"
import type { DeviceFiles } from "../../body.ts"
import type { Phase, SdFault } from "./fault-action.ts"

/** `DOS_BUFFER_SIZE` of the mote's library (waspmote-api/WaspSD.h). */
const bufferBytes = 256

/** The card is full then: programs are a hundred times smaller, and a server may send without end. */
const largestFileBytes = 16_000_000

/** The mote's SD card as its library sees it: every deed says whether it worked. */
export class SdCard {
  readonly #files: DeviceFiles
  readonly #fault: SdFault | null

  constructor(files: DeviceFiles, fault: SdFault | null) {
    this.#files = files
    this.#fault = fault
  }

  #fails(phase: Phase, deed: SdFault["deed"]): boolean {
    return this.#fault !== null && this.#fault.phase === phase && this.#fault.deed === deed
  }

  /** Whether a card is in the slot (`SD.ON`). */
  start(phase: Phase): boolean {
    return !this.#fails(phase, "start")
  }

  /** Makes an empty file. FAT takes no control characters and none of `"*+,./:;<=>?[\]|` in a name without extension. */
  async create(phase: Phase, name: string): Promise<boolean> {
    if (this.#fails(phase, "create") || !isFatName(name)) return false
    await this.#files.create(name)
    return true
  }

  async open(phase: Phase, name: string): Promise<boolean> {
    return !this.#fails(phase, "open") && (await this.#files.size(name)) !== null
  }

  seek(phase: Phase): boolean {
    return !this.#fails(phase, "seek")
  }

  /** Adds a block to the file. A card that loses blocks says that it worked. */
  async append(phase: Phase, name: string, block: Uint8Array): Promise<boolean> {
    if (this.#fails(phase, "write")) return false
    if (this.#fails(phase, "lose")) return true
    if (((await this.#files.size(name)) ?? 0) + block.length > largestFileBytes) return false
    await this.#files.append(name, block)
    return true
  }

  /** Size in bytes; 0 when there is no such file. */
  async size(name: string): Promise<number> {
    return isFatName(name) ? ((await this.#files.size(name)) ?? 0) : 0
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#files.read(name, offset, length)
  }

  async remove(name: string): Promise<void> {
    if (isFatName(name) && (await this.#files.size(name)) !== null) await this.#files.remove(name)
  }

  /** What `SD.cat` leaves in its buffer: up to 254 bytes whole; of a longer file the tail is replaced by `>>` and LF. */
  async cat(name: string): Promise<string> {
    const size = await this.size(name)
    const text = fromLatin1(await this.#files.read(name, 0, Math.min(size, bufferBytes - 1)))
    return size > bufferBytes - 2 ? `${text.slice(0, bufferBytes - 4)}>>\n` : text
  }
}

function isFatName(name: string): boolean {
  return (
    /^[\x21-\x7e]{1,8}(\.[\x21-\x7e]{1,3})?$/.test(name) && !/["*+,/:;<=>?[\\\]|]/.test(name) && !/^\.+$/.test(name)
  )
}
