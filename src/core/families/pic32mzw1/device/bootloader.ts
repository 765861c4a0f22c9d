import { equalBytes, fromLatin1, hex, latin1 } from "../../../kit/bytes.ts"
import { Sha256, sha256 } from "../../../kit/sha256.ts"
import { bootControl, type Hardware, slotOffset } from "./board-hardware.ts"
import { bootControlOffset, imageStatus, imageType } from "../codec/image.ts"
import {
  bootCandidates,
  databaseFile,
  factoryDigestFile,
  factoryFile,
  type ImageRow,
  readRows,
  writeRows,
} from "./image-database.ts"
import { sectorBytes } from "../models.ts"

/** What the bootloader did before it jumped; `none` = no image at all could be started. */
export interface BootOutcome {
  readonly jumped: "as-it-stood" | "programmed" | "factory" | "none"
  /** Rows whose image failed its digest and that were deleted. */
  readonly rejected: readonly string[]
}

/**
 * The bootloader's choice (pic32mzw1.md 2.8). Code sectors are written before the boot-control sector and its status
 * before anything relies on it, so that a power cut at any write leads, at the next start, to the old, the new or the
 * factory image.
 */
export async function runBootloader(hardware: Hardware): Promise<BootOutcome> {
  const control = await bootControl(hardware)
  if (control.type === imageType.factoryReset && control.status !== imageStatus.valid) {
    await keepFactoryImage(hardware)
    return { jumped: "as-it-stood", rejected: [] }
  }
  if (control.type === imageType.factoryReset) return { jumped: "as-it-stood", rejected: [] }
  const rows = await readRows(hardware.files)
  const blank = control.status === imageStatus.blank && control.type === 0xff
  if (rows === null || blank) return { jumped: await programFactory(hardware), rejected: [] }
  if (control.type === imageType.production && control.status === imageStatus.valid) {
    // The row's number is cast to 8 bits while the boot control holds all of them: from "100" on nothing matches.
    const row = rows.find((candidate) => (candidate.version & 0xff) === control.version)
    if (row?.status === imageStatus.valid) return { jumped: "as-it-stood", rejected: [] }
    hardware.log(`bootloader: no valid row for version 0x${control.version.toString(16)}, selecting an image`)
  }
  return programBest(hardware, rows)
}

/** First boot: the external flash is formatted and the program becomes the factory image. */
async function keepFactoryImage(hardware: Hardware): Promise<void> {
  const { program, files, slot } = hardware
  hardware.log("bootloader: first boot, keeping the factory image")
  await files.format()
  const writer = await files.create(factoryFile, slot.sizeBytes)
  if (writer === null) throw new Error("an empty flash has no room for the factory image")
  const hash = new Sha256()
  for (let at = 0; at < slot.sizeBytes; at += sectorBytes) {
    const sector = await program.read(slotOffset(slot) + at, sectorBytes)
    hash.update(sector)
    await writer.append(sector)
  }
  await writer.close()
  await files.replace(factoryDigestFile, latin1(hex(hash.digest())))
  await program.write(slotOffset(slot) + bootControlOffset.status, Uint8Array.of(imageStatus.valid))
}

async function programBest(hardware: Hardware, rows: readonly ImageRow[]): Promise<BootOutcome> {
  const rejected: string[] = []
  let left = rows
  for (const row of bootCandidates(rows)) {
    hardware.log(`bootloader: programming ${row.name}`)
    if (await programImage(hardware, row)) return { jumped: "programmed", rejected }
    hardware.log(`bootloader: ${row.name} failed its check, row deleted`)
    rejected.push(row.name)
    left = left.filter((candidate) => candidate !== row)
    await writeRows(hardware.files, left)
  }
  return { jumped: await programFactory(hardware), rejected }
}

/** Erases the slot, programs a stored image and checks header-from-file plus flash content against the row's digest. */
async function programImage(hardware: Hardware, row: ImageRow): Promise<boolean> {
  const { program, files, slot } = hardware
  const sizeBytes = files.size(row.name) ?? 0
  if (sizeBytes <= sectorBytes || sizeBytes > slot.sizeBytes) return false
  await copyCode(hardware, row.name, sizeBytes)
  const header = (await files.read(row.name, 0, sectorBytes)).slice()
  const hash = new Sha256().update(header)
  for (let at = sectorBytes; at < sizeBytes; at += sectorBytes) {
    hash.update(await program.read(slotOffset(slot) + at, Math.min(sectorBytes, sizeBytes - at)))
  }
  if (hex(hash.digest()) !== row.digest.toLowerCase()) return false
  const view = new DataView(header.buffer)
  view.setUint8(bootControlOffset.type, row.type)
  view.setUint32(bootControlOffset.size, sizeBytes, true)
  view.setUint32(bootControlOffset.version, row.version, true)
  await writeControl(hardware, header)
  return true
}

/** Programs the factory image and deletes the database (2.8 step 4). */
async function programFactory(hardware: Hardware): Promise<"factory" | "none"> {
  const { files, slot } = hardware
  const sizeBytes = files.size(factoryFile)
  if (sizeBytes === null || sizeBytes <= sectorBytes || sizeBytes > slot.sizeBytes) return "none"
  hardware.log("bootloader: programming the factory image")
  await copyCode(hardware, factoryFile, sizeBytes)
  const header = (await files.read(factoryFile, 0, sectorBytes)).slice()
  const kept = fromLatin1(await files.readAll(factoryDigestFile))
  if (kept !== hex(sha256(await files.readAll(factoryFile)))) {
    hardware.log("bootloader: factory_reset.bin does not match factory_image_digest.txt")
  }
  await writeControl(hardware, header)
  await files.remove(databaseFile)
  return "factory"
}

/** Everything behind the boot-control sector; what the image does not fill stays erased. */
async function copyCode(hardware: Hardware, name: string, sizeBytes: number): Promise<void> {
  const { program, files, slot } = hardware
  for (let at = sectorBytes; at < slot.sizeBytes; at += sectorBytes) {
    const offset = slotOffset(slot) + at
    const wanted = at < sizeBytes ? await files.read(name, at, sectorBytes) : new Uint8Array(0)
    const present = await program.read(offset, sectorBytes)
    const padded = new Uint8Array(sectorBytes).fill(0xff)
    padded.set(wanted)
    // The hardware erases and writes every sector; one that holds the same bytes already is left out here.
    if (equalBytes(present, padded)) continue
    await program.erase(offset)
    if (wanted.length > 0) await program.write(offset, wanted)
  }
}

/** The four bytes that tell whether a sector means anything come last. */
async function writeControl(hardware: Hardware, header: Uint8Array): Promise<void> {
  const { program } = hardware
  const offset = slotOffset(hardware.slot)
  await program.erase(offset)
  await program.write(offset + 4, header.subarray(4))
  await program.write(
    offset,
    Uint8Array.of(imageStatus.unbooted, header[1] ?? 0xff, header[2] ?? 0xff, header[3] ?? 0xff),
  )
}
