import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { DeviceFiles } from "../../body.ts"
import type { SettingName } from "./kept-settings.ts"
import type { Variant } from "../models.ts"
import type { SmsCoding } from "../codec/pfm-carriers.ts"
import type { Bearer } from "../codec/pfm-table.ts"

/** What a module's update client keeps in non-volatile memory. */
export interface ClientMemory {
  /** Where registrations go by SMS, with `+`; empty = never set (`#OTASNAP`), or not learnt. */
  readonly serverNumber: string
  /** `#OTASNAPIP` and `#OTAIPCFG`. */
  readonly ipServer: { readonly host: string; readonly port: number } | null
  /** `#OTASNAPIPCFG`. */
  readonly ipBearer: Bearer | null
  /** `<mynumber>` of `#OTASNAPIP`; empty = what the SIM says. */
  readonly ownNumber: string
  readonly variant: Variant
  /** Whether the module registers by itself; `AT#OTASNAP=""` switches it off (§3.2.1). */
  readonly isAutomatic: boolean
  /** The card under which the server's acknowledgement came; null = not registered. */
  readonly registeredImsi: string | null
  /** Number of the last message that the module began itself; it only grows. */
  readonly count: number
  /** What Provisioning brought. */
  readonly bearer: Bearer | null
  /** How the server writes its SMS: the module answers in kind. */
  readonly smsCoding: SmsCoding
  readonly update: UpdateMemory | null
  /** The last message sent for each of the last transactions, in hex: a repeated question gets the same answer. */
  readonly answers: readonly { readonly transaction: number; readonly octets: string }[]
  /** Settings that are not as a new module has them. */
  readonly settings: Partial<Record<SettingName, string>>
  /** `#OTASUAN` second and third parameter. */
  readonly urcMode: number
  readonly urcBuffer: number
  /** `#OTASETRI`, ms; 0 = off. */
  readonly ringMs: number
}

/** An update that must survive a loss of power. */
export interface UpdateMemory {
  readonly transaction: number
  readonly variant: Variant
  readonly isTest: boolean
  /** `installing`: flash is being written; `installed`: the server has not been told. */
  readonly phase: "asked" | "downloading" | "installing" | "installed"
}

export const newMemory: ClientMemory = {
  serverNumber: "",
  ipServer: null,
  ipBearer: null,
  ownNumber: "",
  variant: "sms",
  isAutomatic: false,
  registeredImsi: null,
  count: 0,
  bearer: null,
  smsCoding: "8-bit-class-0",
  update: null,
  answers: [],
  settings: {},
  // URCs are shown: chapter 6 tells how to switch them off, and no screenshot how to switch them on.
  urcMode: 2,
  urcBuffer: 0,
  ringMs: 0,
}

const names = ["client.0", "client.1"] as const
/** From here on the other file is begun. */
const fullBytes = 32_768

/**
 * The memory in two files, used in turns: one line for each change, the last whole one counts. A power cut anywhere leaves
 * the memory as it was before the change, or after it.
 */
export class MemoryStore {
  readonly #files: DeviceFiles
  #value: ClientMemory
  #number: number
  #file: 0 | 1

  private constructor(files: DeviceFiles, start: Snapshot & { readonly file: 0 | 1 }) {
    this.#files = files
    this.#value = start.value
    this.#number = start.number
    this.#file = start.file
  }

  static async open(files: DeviceFiles): Promise<MemoryStore> {
    const [first, second] = [await lastWhole(files, names[0]), await lastWhole(files, names[1])]
    if (second !== null && second.number > (first?.number ?? -1)) return new MemoryStore(files, { ...second, file: 1 })
    return new MemoryStore(files, { ...(first ?? { number: 0, value: newMemory }), file: 0 })
  }

  get value(): ClientMemory {
    return this.#value
  }

  async save(change: Partial<ClientMemory>): Promise<void> {
    this.#value = { ...this.#value, ...change }
    this.#number++
    const size = await this.#files.size(names[this.#file])
    if (size !== null && size > fullBytes) {
      this.#file = this.#file === 0 ? 1 : 0
      await this.#files.create(names[this.#file])
    } else if (size === null) await this.#files.create(names[this.#file])
    // A line that a power cut tore must not spoil the next one.
    const line = JSON.stringify({ number: this.#number, value: this.#value })
    await this.#files.append(names[this.#file], latin1(`\n${line}\n`))
  }
}

interface Snapshot {
  readonly number: number
  readonly value: ClientMemory
}

async function lastWhole(files: DeviceFiles, name: string): Promise<Snapshot | null> {
  const size = await files.size(name)
  if (size === null) return null
  const lines = fromLatin1(await files.read(name, 0, size)).split("\n")
  return lines.map(readLine).findLast((snapshot) => snapshot !== null) ?? null
}

/** Only a torn line is unreadable: nobody but the module writes here. */
function readLine(line: string): Snapshot | null {
  if (!line.startsWith("{") || !line.endsWith("}")) return null
  try {
    const { number, value } = JSON.parse(line) as Partial<Snapshot>
    return typeof number === "number" && typeof value === "object"
      ? { number, value: { ...newMemory, ...value } }
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
