import { concat, hex, latin1 } from "../../kit/bytes.ts"
import { sha256 } from "../../kit/sha256.ts"
import type { Fault, ImageReport, ImageTool, ToolFile, ToolResult } from "../family.ts"
import { describeBootControl, imageFaults, imageStatus, readBootControl, slotOf } from "./codec/image.ts"
import type { HexBlock } from "../hex-text.ts"
import { looksLikeIntelHex, readIntelHex, writeIntelHex } from "./codec/intel-hex.ts"
import { address, programFlash, type Slot, sectorBytes, slots, standardSlot } from "./models.ts"

/**
 * The image tool: what the vendor's hex2bin step does (pic32mzw1.md 2.6), the unified factory image, and a reader for
 * both. Nothing in it depends on the time or the machine: the same input gives the same bytes.
 */
export const imageTool: ImageTool = { make: makeImage, merge: mergeHex, inspect: inspectImage }

/**
 * Cuts the OTA slot out of a linker's HEX file: bytes from the slot's first address, gaps 0xFF, trimmed after the highest
 * used address; with the option `factory`, padded to the whole slot with status F8.
 */
export function makeImage(file: ToolFile, options: Readonly<Record<string, string>>): ToolResult {
  const read = readIntelHex(file.fileName, file.bytes)
  if (!read.ok) return read
  const slot = slots.find((candidate) => startsWithBootControl(read.blocks, candidate))
  if (slot === undefined) return { ok: false, faults: missingParts(file.fileName, read.blocks) }
  const factory = "factory" in options && options["factory"] !== "false"
  const end = factory ? slot.sizeBytes : usedEnd(read.blocks, slot) - slot.startAddress
  const image = cut(read.blocks, slot.startAddress, end)
  if (factory) image[0] = imageStatus.valid
  const faults = imageFaults(image)
  if (faults.length > 0) return { ok: false, faults }
  return { ok: true, bytes: image, notes: makeNotes(image, slot, read.blocks) }
}

function makeNotes(image: Uint8Array, slot: Slot, blocks: readonly HexBlock[]): readonly string[] {
  const outside = blocks.filter((block) => !within(block, slot)).reduce((sum, block) => sum + block.bytes.length, 0)
  const left = outside === 0 ? [] : [`${outside} bytes outside the slot (bootloader, configuration words) are left out`]
  return [`${image.length} bytes from ${address(slot.startAddress)}`, ...left, `"Digest":"${hex(sha256(image))}"`]
}

/** What a HEX file lacks that was not linked for the slot; each fault names one thing. */
function missingParts(fileName: string, blocks: readonly HexBlock[]): readonly Fault[] {
  const sector = cut(blocks, standardSlot.startAddress, sectorBytes)
  const hasSector = blocks.some((block) => overlaps(block, standardSlot.startAddress, sectorBytes))
  const found = hasSector
    ? `bytes 12 to 15 there are ${hex(sector.subarray(12, 16))} and byte 4095 is ${hex(sector.subarray(4095))}`
    : "there is no data at that address"
  const faults: Fault[] = [
    {
      rule: "no-boot-control",
      sentence: `${fileName} has no boot-control sector at ${address(standardSlot.startAddress)}: ${found}, where the boot address 001002b0 and the signature F8 belong; add the OTA service to the project, which links \`ota_image.h\`'s sector.`,
    },
  ]
  const first = blocks.find((block) => overlaps(block, programFlash.startAddress, programFlash.sizeBytes))
  if (first !== undefined && first.address < standardSlot.startAddress) {
    faults.push({
      rule: "linked-outside-slot",
      sentence: `${fileName} has its code linked at ${address(first.address)}, where the bootloader lives: link the application for the OTA slot (boot-control sector at ${address(standardSlot.startAddress)}, code at ${address(standardSlot.bootAddress)}).`,
    })
  } else if (first === undefined) {
    faults.push({
      rule: "no-program",
      sentence: `${fileName} has no data in program flash (${address(programFlash.startAddress)} to ${address(programFlash.startAddress + programFlash.sizeBytes - 1)}); it is no program for this chip.`,
    })
  }
  return faults
}

/** Joins a bootloader and an application into the HEX file a programmer writes at the factory. Overlaps are refused. */
export function mergeHex(files: readonly ToolFile[]): ToolResult {
  const parts: { readonly fileName: string; readonly blocks: readonly HexBlock[] }[] = []
  for (const file of files) {
    const read = readIntelHex(file.fileName, file.bytes)
    if (!read.ok) return read
    parts.push({ fileName: file.fileName, blocks: read.blocks })
  }
  const faults = parts.flatMap((part, index) =>
    parts.slice(index + 1).flatMap((other) => overlapFaults(part.fileName, part.blocks, other.fileName, other.blocks)),
  )
  if (faults.length > 0) return { ok: false, faults }
  const blocks = joinAdjacent(parts.flatMap((part) => part.blocks))
  const sizeBytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
  const ranges = blocks.map((block) => `${address(block.address)}-${address(block.address + block.bytes.length - 1)}`)
  const shown = ranges.length > 8 ? `${ranges.slice(0, 8).join(", ")} and ${ranges.length - 8} more` : ranges.join(", ")
  return {
    ok: true,
    bytes: latin1(writeIntelHex(blocks)),
    notes: [`${sizeBytes} bytes at ${shown}`],
  }
}

function overlapFaults(
  name: string,
  blocks: readonly HexBlock[],
  otherName: string,
  others: readonly HexBlock[],
): readonly Fault[] {
  const faults: Fault[] = []
  let at = 0
  for (const block of blocks) {
    while (at < others.length && endOf(others[at]) <= block.address) at++
    for (let next = at; next < others.length; next++) {
      const other = others[next]
      if (other === undefined || other.address >= endOf(block)) break
      const from = Math.max(block.address, other.address)
      const to = Math.min(endOf(block), endOf(other)) - 1
      faults.push({
        rule: "overlap",
        sentence: `${name} and ${otherName} both have bytes at ${address(from)} to ${address(to)}; link one of them elsewhere.`,
      })
    }
  }
  return faults
}

function joinAdjacent(blocks: readonly HexBlock[]): readonly HexBlock[] {
  const joined: { address: number; parts: Uint8Array[]; end: number }[] = []
  for (const block of [...blocks].sort((a, b) => a.address - b.address)) {
    const last = joined.at(-1)
    if (last !== undefined && last.end === block.address) {
      last.parts.push(block.bytes)
      last.end += block.bytes.length
    } else {
      joined.push({ address: block.address, parts: [block.bytes], end: block.address + block.bytes.length })
    }
  }
  return joined.map((block) => ({ address: block.address, bytes: concat(block.parts) }))
}

/** Reads back an image's fields (a `.bin`), or what a HEX file of this chip holds. */
export function inspectImage(file: ToolFile): ImageReport | null {
  if (looksLikeIntelHex(file.bytes)) return inspectHex(file)
  if (slotOf(file.bytes) === null) return null
  const control = readBootControl(file.bytes)
  const factory = control.status === imageStatus.valid
  return {
    title: `Microchip PIC32MZ W1 ${factory ? "factory" : "OTA"} image`,
    fields: [
      { name: "length", value: `${file.bytes.length} bytes` },
      { name: "Digest", value: hex(sha256(file.bytes)) },
      ...describeBootControl(control),
    ],
    faults: imageFaults(file.bytes),
  }
}

function inspectHex(file: ToolFile): ImageReport | null {
  const read = readIntelHex(file.fileName, file.bytes)
  if (!read.ok) return null
  const inFlash = read.blocks.some((block) => overlaps(block, programFlash.startAddress, programFlash.sizeBytes))
  if (!inFlash) return null
  const slot = slots.find((candidate) => startsWithBootControl(read.blocks, candidate))
  const ranges = joinAdjacent(read.blocks).map((block) => ({
    name: address(block.address),
    value: `${block.bytes.length} bytes`,
  }))
  if (slot === undefined) {
    return {
      title: "Microchip PIC32MZ W1 program, not for the OTA slot",
      fields: ranges,
      faults: missingParts(file.fileName, read.blocks),
    }
  }
  const sector = readBootControl(cut(read.blocks, slot.startAddress, sectorBytes))
  return {
    title: "Microchip PIC32MZ W1 program for the OTA slot (Intel HEX)",
    fields: [...ranges, ...describeBootControl(sector)],
    faults: [],
  }
}

function startsWithBootControl(blocks: readonly HexBlock[], slot: Slot): boolean {
  if (!blocks.some((block) => overlaps(block, slot.startAddress, sectorBytes))) return false
  const control = readBootControl(cut(blocks, slot.startAddress, sectorBytes))
  return control.bootAddress === slot.bootAddress && control.signature === 0xf8
}

function usedEnd(blocks: readonly HexBlock[], slot: Slot): number {
  const ends = blocks.filter((block) => overlaps(block, slot.startAddress, slot.sizeBytes)).map(endOf)
  return Math.min(Math.max(...ends), slot.startAddress + slot.sizeBytes)
}

/** The bytes of an address range; what no block covers reads as erased flash. */
function cut(blocks: readonly HexBlock[], from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(0xff)
  for (const block of blocks) {
    if (!overlaps(block, from, length)) continue
    const start = Math.max(block.address, from)
    const end = Math.min(endOf(block), from + length)
    bytes.set(block.bytes.subarray(start - block.address, end - block.address), start - from)
  }
  return bytes
}

function overlaps(block: HexBlock, from: number, length: number): boolean {
  return block.address < from + length && endOf(block) > from
}

function within(block: HexBlock, slot: Slot): boolean {
  return block.address >= slot.startAddress && endOf(block) <= slot.startAddress + slot.sizeBytes
}

function endOf(block: HexBlock | undefined): number {
  return block === undefined ? 0 : block.address + block.bytes.length
}
