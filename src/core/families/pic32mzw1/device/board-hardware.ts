import { equalBytes, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Body, NonVolatileMemory } from "../../body.ts"
import { FlashFiles } from "./flash-files.ts"
import { freshBootControl, readBootControl, type BootControl } from "../codec/image.ts"
import { programFlash, type Slot, sectorBytes } from "../models.ts"

/** SST26VF032B on the Curiosity board: 4 MiB, erased in sectors of 4096 bytes. */
const externalFlashBytes = 0x400000

/** The board's two flash memories, as bootloader and application see them. */
export interface Hardware {
  readonly program: NonVolatileMemory
  readonly files: FlashFiles
  readonly slot: Slot
  readonly log: (line: string) => void
}

/** Powers the memories; a chip fresh from the reel is first programmed as the factory does. */
export async function openHardware(body: Body, slot: Slot): Promise<Hardware> {
  const program = await body.storage.memory("program-flash", { sizeBytes: programFlash.sizeBytes, sectorBytes })
  const external = await body.storage.memory("sst26-flash", { sizeBytes: externalFlashBytes, sectorBytes })
  const files = await FlashFiles.mount(external)
  const hardware: Hardware = { program, files, slot, log: body.log }
  await programAtFactory(hardware)
  return hardware
}

/** Offset of the slot inside program flash. */
export function slotOffset(slot: Slot): number {
  return slot.startAddress - programFlash.startAddress
}

export async function bootControl(hardware: Hardware): Promise<BootControl> {
  return readBootControl(await hardware.program.read(slotOffset(hardware.slot), sectorBytes))
}

/** Text that marks where the bootloader stands: the board's own bootloader is this program, so its place holds a word. */
const bootloaderMark = latin1("waft bootloader\0")

/** A unified factory image: the bootloader's mark and an application of version 1, the mark last. */
async function programAtFactory(hardware: Hardware): Promise<void> {
  const { program, slot } = hardware
  if (equalBytes(await program.read(0, bootloaderMark.length), bootloaderMark)) return
  const image = factoryImage(slot)
  for (let at = 0; at < image.length; at += sectorBytes) {
    await program.erase(slotOffset(slot) + at)
    await program.write(slotOffset(slot) + at, image.subarray(at, at + sectorBytes))
  }
  await program.erase(0)
  await program.write(0, bootloaderMark)
}

/** The application every virtual board leaves its factory with: the version constant 1, the configurator's default. */
function factoryImage(slot: Slot): Uint8Array {
  const image = new Uint8Array(2 * sectorBytes).fill(0xff)
  image.set(freshBootControl(slot))
  // wait; j . ; nop — the idle loop of a program that this board does not execute.
  image.set([0x20, 0x00, 0x00, 0x42, 0xff, 0xff, 0x00, 0x10, 0, 0, 0, 0], sectorBytes)
  image.set(latin1(`${versionMark}1\0`), sectorBytes + 64)
  return image
}

/**
 * The mark by which a program tells the virtual board its compiled-in version constant. No header carries it on real
 * hardware (2.6): a program without the mark is taken to be compiled with the version it was published as.
 */
export const versionMark = "waft-version-constant:"
/** How far into the program the mark is looked for, bytes. */
const markSearchBytes = 65536

/** The version constant of a program, or null where it has no mark. */
export function markedVersion(program: Uint8Array): number | null {
  const text = fromLatin1(program.subarray(0, markSearchBytes))
  const at = text.indexOf(versionMark)
  if (at < 0) return null
  const digits = /^\d{1,3}/.exec(text.slice(at + versionMark.length, at + versionMark.length + 3))?.[0]
  return digits === undefined ? null : Number(digits) & 0xff
}

/** The version constant of what stands in program flash. */
export async function runningVersion(hardware: Hardware): Promise<number> {
  const offset = slotOffset(hardware.slot) + sectorBytes
  const length = Math.min(markSearchBytes, hardware.slot.sizeBytes - sectorBytes)
  const marked = markedVersion(await hardware.program.read(offset, length))
  if (marked !== null) return marked
  const control = await bootControl(hardware)
  const published = Number(control.version.toString(16))
  return Number.isInteger(published) ? published & 0xff : 1
}
