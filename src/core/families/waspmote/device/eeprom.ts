import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { BodyStorage, NonVolatileMemory } from "../../body.ts"

/** Where the mote's library keeps what survives a reset (waspmote-api/WaspUtils.h). */
const address = {
  otaFlag: 1,
  requestedId: 2,
  flashedId: 34,
  stableId: 66,
  retries: 98,
  bootloaderVersion: 223,
  version: 225,
  versionBackup: 226,
} as const

type ByteName = "otaFlag" | "retries" | "bootloaderVersion" | "version" | "versionBackup"
type IdName = "requestedId" | "flashedId" | "stableId"

/** Bytes of an id field: 7 characters and 25 `*`. */
const idBytes = 32

/** The EEPROM of the ATmega1281, byte by byte: each changed byte is one write at which power may fail. */
export class Eeprom {
  readonly #memory: NonVolatileMemory

  constructor(memory: NonVolatileMemory) {
    this.#memory = memory
  }

  static async of(storage: BodyStorage): Promise<Eeprom> {
    return new Eeprom(await storage.memory("eeprom", { sizeBytes: 4096 }))
  }

  async byte(name: ByteName): Promise<number> {
    return (await this.#memory.read(address[name], 1))[0] ?? 0xff
  }

  async setByte(name: ByteName, value: number): Promise<void> {
    await this.#update(address[name], Uint8Array.of(value))
  }

  /** The whole field of 32 characters, padding included. */
  async id(name: IdName): Promise<string> {
    return fromLatin1(await this.#memory.read(address[name], idBytes))
  }

  async setId(name: IdName, text: string): Promise<void> {
    await this.#update(address[name], latin1(text.slice(0, idBytes).padEnd(idBytes, "*")))
  }

  /** The seven characters by which programs are compared. */
  async programId(name: IdName): Promise<string> {
    return (await this.id(name)).slice(0, 7)
  }

  async #update(offset: number, bytes: Uint8Array): Promise<void> {
    const before = await this.#memory.read(offset, bytes.length)
    for (const [index, byte] of bytes.entries()) {
      if (before[index] !== byte) await this.#memory.write(offset + index, Uint8Array.of(byte))
    }
  }
}
