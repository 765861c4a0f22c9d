import type { Model } from "../family.ts"

/** Where the bootloader expects an image in program flash (pic32mzw1.md 2.6). Addresses are physical. */
export interface Slot {
  /** First byte of the boot-control sector. */
  readonly startAddress: number
  readonly sizeBytes: number
  /** Where the bootloader jumps to, as it stands in the boot-control sector (uncached segment). */
  readonly bootAddress: number
}

/** The flash erase unit, and the length of the boot-control sector. */
export const sectorBytes = 4096
/** Program flash of the chip: 1 MiB from this physical address. */
export const programFlash = { startAddress: 0x10000000, sizeBytes: 0x100000 }

export const standardSlot: Slot = { startAddress: 0x10020000, sizeBytes: 0xdf000, bootAddress: 0xb0021000 }
const lowSlot: Slot = { startAddress: 0x10018000, sizeBytes: 0xe5000, bootAddress: 0xb0019000 }

/** Both slots that released versions of the OTA service use. */
export const slots: readonly Slot[] = [standardSlot, lowSlot]

/** What one release line of the OTA service does differently. */
export interface BoardModel extends Model {
  /** Longest manifest that can ever be accepted, bytes (2.3). */
  readonly manifestBytes: number
  readonly slot: Slot
  /**
   * `Patch` entries: v3.5 has no code for them; v3.6 to v3.9.0, built with patches, apply them; v3.9.1 chooses one and then
   * fetches it as if it were an image, which fails (`SYS_OTA_ParseJsonContent` returns before it sets `patch_request`).
   */
  readonly patches: "ignored" | "applied" | "mistaken"
  /** v3.5.0 parses what the first read brought: headers and body must share one segment (2.3). */
  readonly parsesFirstRead: boolean
}

export const boardModels: readonly BoardModel[] = [
  {
    id: "v3.8",
    title: "OTA service v3.8 and later (manifest up to 1990 bytes)",
    manifestBytes: 1990,
    slot: standardSlot,
    patches: "applied",
    parsesFirstRead: false,
  },
  {
    id: "v3.5",
    title: "OTA service v3.5 to v3.7 (manifest up to 990 bytes), slot at 0x10020000",
    manifestBytes: 990,
    slot: standardSlot,
    patches: "applied",
    parsesFirstRead: false,
  },
  {
    id: "v3.5-low-slot",
    title: "OTA service v3.5.0 to v3.6 as it came: slot at 0x10018000, manifest in one segment",
    isUnusual: true,
    manifestBytes: 990,
    slot: lowSlot,
    patches: "ignored",
    parsesFirstRead: true,
  },
  {
    id: "v3.9.1",
    title: "OTA service v3.9.1 built with patches: it cannot take any, so it is offered none",
    isUnusual: true,
    manifestBytes: 1990,
    slot: standardSlot,
    patches: "mistaken",
    parsesFirstRead: false,
  },
]

/** The model of that id, `any` = the newest; an id that is not in the table is a caller's bug. */
export function boardModel(id: string): BoardModel {
  const newest = boardModels[0]
  if (id === "any" && newest !== undefined) return newest
  const model = boardModels.find((candidate) => candidate.id === id)
  if (model === undefined) throw new RangeError(`pic32mzw1 has no model ${id}`)
  return model
}

/** `0x1002_0000` as the vendor's documents write it: 0x10020000. */
export function address(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(8, "0")}`
}
