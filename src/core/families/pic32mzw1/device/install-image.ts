import { hex } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import { type Board, event, halt } from "./board.ts"
import { slotOffset } from "./board-hardware.ts"
import { downloadFile } from "./download.ts"
import { bootControlOffset, imageStatus, imageType } from "../codec/image.ts"
import { type ImageRow, readRows, rowToEvict, writeRows } from "./image-database.ts"
import { reset } from "./restart.ts"
import type { ResultCode } from "../result-codes.ts"
import { versionAsStored } from "../versions.ts"

/** An image that a manifest offers. */
export interface OfferedImage {
  readonly version: number
  readonly url: string
  readonly digest: string
}

/** Downloads an image, checks it, enters it into the database and restarts. */
export async function installImage(board: Board, offer: OfferedImage): Promise<ResultCode> {
  const fetched = await downloadFile(board, offer.url, "bin")
  if ("code" in fetched) return fetched.isOver ? fetched.code : halt(board, fetched.code)
  return takeImage(board, { ...offer, name: fetched.name })
}

/** Takes an image that stands in the external flash: digest, database, restart. A wrong one is deleted. */
export async function takeImage(
  board: Board,
  image: { readonly version: number; readonly name: string; readonly digest: string },
): Promise<ResultCode> {
  const { files } = board.hardware
  event(board, "IMAGE_DIGEST_VERIFY_START")
  if (hex(sha256(await files.readAll(image.name))) !== image.digest.toLowerCase()) {
    await files.remove(image.name)
    event(board, "IMAGE_DIGEST_VERIFY_FAILED", image.name)
    return halt(board, "IMAGE_DIGEST_VERIFY_FAILED")
  }
  event(board, "IMAGE_DIGEST_VERIFY_SUCCESS")
  if (!(await enterIntoDatabase(board, image))) return halt(board, "IMAGE_DATABASE_FULL")
  event(board, "DB_ENTRY_SUCCESS", image.name)
  if (!board.service.settings.autoReset) return halt(board, "DB_ENTRY_SUCCESS")
  board.body.log("application: resetting")
  return (await reset(board)) ?? "DB_ENTRY_SUCCESS"
}

/** The new row, the lowest version evicted where the store is full, and the running image disabled (2.5). */
async function enterIntoDatabase(
  board: Board,
  image: { readonly version: number; readonly name: string; readonly digest: string },
): Promise<boolean> {
  const { files, program, slot } = board.hardware
  const version = versionAsStored(image.version)
  const others = ((await readRows(files)) ?? []).filter((row) => row.version !== version)
  const evicted = rowToEvict(others)
  const kept = others.filter((row) => row !== evicted)
  const row: ImageRow = {
    name: image.name,
    status: imageStatus.downloaded,
    version,
    type: imageType.production,
    digest: image.digest,
  }
  if (!(await writeRows(files, [...kept, row]))) {
    event(board, "IMAGE_DATABASE_FULL")
    return false
  }
  if (evicted !== null && evicted.name !== image.name) await files.remove(evicted.name)
  await program.write(slotOffset(slot) + bootControlOffset.status, Uint8Array.of(imageStatus.disabled))
  return true
}
