import { DeltaError, JojodiffReader } from "../../../delta/index.ts"
import { hex } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import { type Board, event, halt } from "./board.ts"
import { downloadFile } from "./download.ts"
import type { FlashFiles } from "./flash-files.ts"
import { readRows } from "./image-database.ts"
import { takeImage } from "./install-image.ts"
import type { ResultCode } from "../result-codes.ts"

/** A patch that a manifest offers, chosen because its base is in the database (pic32mzw1.md 2.3 rule 4). */
export interface OfferedPatch {
  readonly version: number
  readonly baseVersion: number
  readonly baseDigest: string
  readonly url: string
  readonly patchDigest: string
  readonly targetDigest: string
}

/** OTA_PATCH_BUFFER_SIZE: what janpatch holds of each of its three files. */
const pageBytes = 1024

/**
 * Downloads a patch, checks it, has janpatch make the new image beside the old one, and takes that. What runs is not touched
 * before the new image stands in the database, so a power cut at any moment leaves the board as it was or updated.
 */
export async function installPatch(board: Board, offer: OfferedPatch): Promise<ResultCode> {
  const { files } = board.hardware
  const rows = (await readRows(files)) ?? []
  const base = rows.find((row) => row.version === offer.baseVersion && row.digest === offer.baseDigest)
  if (base === undefined || files.size(base.name) === null) {
    event(board, "PATCH_BASEVERSION_NOTFOUND")
    return halt(board, "PATCH_BASEVERSION_NOTFOUND")
  }
  event(board, "PATCH_EVENT_START", base.name)
  const fetched = await downloadFile(board, offer.url, "patch")
  if ("code" in fetched) return fetched.isOver ? fetched.code : halt(board, fetched.code)
  const { name } = fetched
  event(board, "PATCH_IMAGE_DIGEST_VERIFY_START")
  if (hex(sha256(await files.readAll(name))) !== offer.patchDigest.toLowerCase()) {
    await files.remove(name)
    event(board, "PATCH_IMAGE_DIGEST_VERIFY_FAILED", name)
    return halt(board, "PATCH_IMAGE_DIGEST_VERIFY_FAILED")
  }
  event(board, "PATCH_IMAGE_DIGEST_VERIFY_SUCCESS")
  const target = `${name.slice(0, name.lastIndexOf("."))}.bin`
  const failed = await applyPatchFile(board, { base: base.name, patch: name, target })
  await files.remove(name)
  if (failed !== null) return halt(board, failed)
  event(board, "PATCH_EVENT_COMPLETED", target)
  return takeImage(board, { version: offer.version, name: target, digest: offer.targetDigest })
}

interface PatchFiles {
  readonly base: string
  readonly patch: string
  readonly target: string
}

/** janpatch over files; null = the target is there. What it left of a failed one has no row and goes at the next start. */
async function applyPatchFile(board: Board, names: PatchFiles): Promise<ResultCode | null> {
  const { files, slot } = board.hardware
  const writer = board.fault?.board === "flash-full" ? null : await files.create(names.target, slot.sizeBytes)
  if (writer === null) {
    event(board, "IMAGE_DATABASE_FULL")
    return "IMAGE_DATABASE_FULL"
  }
  try {
    for await (const page of patchedPages(files, names, slot.sizeBytes)) await writer.append(page)
    await writer.close()
    return null
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error
    board.body.log(`janpatch: ${error.message}`)
    await files.remove(names.target)
    return "PATCH_FAILED"
  }
}

/** The new image, at most a page at a time. */
async function* patchedPages(files: FlashFiles, names: PatchFiles, largestImage: number): AsyncGenerator<Uint8Array> {
  const reader = new JojodiffReader({ oldBytes: files.size(names.base) ?? 0, newBytes: largestImage })
  const patchBytes = files.size(names.patch) ?? 0
  for (let at = 0; at < patchBytes; at += pageBytes) {
    for (const step of reader.take(await files.read(names.patch, at, pageBytes))) {
      if (step.kind === "data") yield step.bytes
      else {
        for (let from = 0; from < step.length; from += pageBytes) {
          yield files.read(names.base, step.from + from, Math.min(pageBytes, step.length - from))
        }
      }
    }
  }
  reader.end()
}
