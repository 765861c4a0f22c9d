import { fromLatin1 } from "../../../kit/bytes.ts"
import { type Board, freshMemory, halt } from "./board.ts"
import { bootControl, type Hardware, runningVersion, slotOffset } from "./board-hardware.ts"
import { runBootloader } from "./bootloader.ts"
import { imageStatus, imageType } from "../codec/image.ts"
import { factoryDigestFile, factoryFile, type ImageRow, readRows, setRowStatus, writeRows } from "./image-database.ts"
import type { ResultCode } from "../result-codes.ts"

/** Reset: bootloader, then the application's start. The code tells what came of it. */
export async function reset(board: Board): Promise<ResultCode | null> {
  const { hardware, service, model } = board
  Object.assign(service, freshMemory(model, service.settings.url))
  const outcome = await runBootloader(hardware)
  if (outcome.jumped === "none") return halt(board, "NO_IMAGE")
  const control = await bootControl(hardware)
  const fresh = control.status === imageStatus.unbooted && control.type === imageType.production
  if (board.fault?.board === "hang" && fresh) {
    board.body.log("application: hangs before it marks itself good")
    return halt(board, "APP_HUNG")
  }
  await markRunning(hardware)
  await deleteOrphans(hardware)
  board.body.log(`application: version ${await applicationVersion(board)} runs`)
  return outcome.rejected.length > 0 ? "PROGRAM_FAILED" : null
}

/** The constant compiled into the running program; a fault keeps it at the factory's. */
export async function applicationVersion(board: Board): Promise<number> {
  return board.fault?.board === "stale-version" ? 1 : runningVersion(board.hardware)
}

/** The application's start sets boot control and row to valid, type production (2.8). */
async function markRunning(hardware: Hardware): Promise<void> {
  const control = await bootControl(hardware)
  const offset = slotOffset(hardware.slot)
  if (control.type === imageType.factoryReset) {
    // A factory image has no row yet; without one the bootloader would program it again at every reset.
    const digest = fromLatin1(await hardware.files.readAll(factoryDigestFile))
    const rows = ((await readRows(hardware.files)) ?? []).filter((row) => row.name !== factoryFile)
    const row: ImageRow = {
      name: factoryFile,
      status: imageStatus.valid,
      version: control.version,
      type: imageType.production,
      digest,
    }
    await writeRows(hardware.files, [row, ...rows])
  } else if (control.status !== imageStatus.valid) {
    await setRowStatus(hardware.files, control.version, imageStatus.valid)
  }
  if (control.status === imageStatus.valid && control.type === imageType.production) return
  await hardware.program.write(
    offset,
    Uint8Array.of(imageStatus.valid, control.slot, control.order, control.type & imageType.production),
  )
}

/** `*.bin` without a row are deleted at the start, but for the factory image (2.7); here also what is left of patches. */
async function deleteOrphans(hardware: Hardware): Promise<void> {
  const rows = (await readRows(hardware.files)) ?? []
  for (const name of hardware.files.names()) {
    const isImage = name.endsWith(".bin") && name !== factoryFile && !rows.some((row) => row.name === name)
    if (!isImage && !name.endsWith(".patch")) continue
    hardware.log(`application: deleting ${name}, which has no row`)
    await hardware.files.remove(name)
  }
}
