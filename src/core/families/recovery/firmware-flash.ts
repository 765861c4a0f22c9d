import type { BodyStorage, NonVolatileMemory } from "../body.ts"
import { type FirmwareMark, firmwareHeaderBytes, imageLimits, isWhole, readMark } from "./firmware-image.ts"

/** Erase unit of a virtual module's flash, bytes; in-place packages are made for it (`waft delta make --sector 4096`). */
export const sectorBytes = 4096
const workingSectors = { staging: 1, journal: 2, preserve: 8 } as const

/** The flash of a virtual module: the image, and behind it the sectors that an update in place works with. */
export interface FirmwareFlash {
  readonly memory: NonVolatileMemory
  /** Room for an image, bytes. */
  readonly imageBytes: number
  readonly layout: {
    readonly image: number
    readonly staging: number
    readonly journal: readonly [number, number]
    readonly preserve: readonly number[]
  }
}

/** Opens the flash `name` of a device. */
export async function openFirmwareFlash(storage: BodyStorage, name = "flash"): Promise<FirmwareFlash> {
  const imageBytes = imageLimits.largest
  const sector = (n: number): number => imageBytes + n * sectorBytes
  const { staging, journal, preserve } = workingSectors
  const memory = await storage.memory(name, { sizeBytes: sector(staging + journal + preserve), sectorBytes })
  return {
    memory,
    imageBytes,
    layout: {
      image: 0,
      staging: sector(0),
      journal: [sector(staging), sector(staging + 1)],
      preserve: Array.from({ length: preserve }, (_, slot) => sector(staging + journal + slot)),
    },
  }
}

/** The mark of what stands in flash; null when there is none. */
export async function readFirmwareMark({ memory }: Pick<FirmwareFlash, "memory">): Promise<FirmwareMark | null> {
  return readMark(await memory.read(0, firmwareHeaderBytes))
}

/** The whole image in flash; null when there is none, or it is not whole. */
export async function readFirmware(flash: FirmwareFlash): Promise<Uint8Array | null> {
  const mark = await readFirmwareMark(flash)
  if (mark === null || mark.sizeBytes > flash.imageBytes) return null
  const image = await flash.memory.read(0, mark.sizeBytes)
  return isWhole(image) ? image : null
}

/** Makes flash hold these bytes, sector by sector; may be repeated from the start any number of times. */
export async function* programFlash(memory: NonVolatileMemory, bytes: Uint8Array): AsyncGenerator<number, void> {
  for (let start = 0; start < bytes.length; start += sectorBytes) {
    const part = bytes.subarray(start, start + sectorBytes)
    await memory.erase(start)
    await memory.write(start, part)
    yield Math.min(1, (start + sectorBytes) / bytes.length)
  }
}
