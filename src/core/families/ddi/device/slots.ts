import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Body, DeviceFiles, NonVolatileMemory } from "../../body.ts"

/**
 * The two root file systems of a virtual gateway and the byte that says which one starts: an update goes into the other one,
 * and only the byte's single write makes it the one that runs.
 */
export class Slots {
  readonly #boot: NonVolatileMemory
  readonly #files: DeviceFiles

  private constructor(boot: NonVolatileMemory, files: DeviceFiles) {
    this.#boot = boot
    this.#files = files
  }

  static async open(body: Body, factory: string): Promise<Slots> {
    const slots = new Slots(await body.storage.memory("boot", { sizeBytes: 1 }), await body.storage.files("slots"))
    if ((await slots.#read("slot-0")) === null) await slots.#write("slot-0", factory)
    return slots
  }

  /** What runs. */
  async running(): Promise<string> {
    return (await this.#read(`slot-${await this.#active()}`)) ?? ""
  }

  /** Installs a version beside what runs; it runs after the next restart. */
  async install(version: string): Promise<void> {
    const other = 1 - (await this.#active())
    await this.#write(`slot-${other}`, version)
    await this.#boot.write(0, Uint8Array.of(other))
  }

  async #active(): Promise<0 | 1> {
    return (await this.#boot.read(0, 1))[0] === 1 ? 1 : 0
  }

  async #read(name: string): Promise<string | null> {
    const size = await this.#files.size(name)
    return size === null || size === 0 ? null : fromLatin1(await this.#files.read(name, 0, size))
  }

  async #write(name: string, text: string): Promise<void> {
    await this.#files.create(name)
    await this.#files.append(name, latin1(text))
  }
}
