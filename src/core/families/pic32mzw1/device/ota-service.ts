import { fromLatin1 } from "../../../kit/bytes.ts"
import type { RunEnd } from "../../family.ts"
import { type Board, event, halt } from "./board.ts"
import { bootControl, slotOffset } from "./board-hardware.ts"
import { failure, get } from "./download.ts"
import { bootControlOffset, imageStatus } from "../codec/image.ts"
import { bootCandidates, databaseFile, factoryFile, readRows, setRowStatus, writeRows } from "./image-database.ts"
import { installImage } from "./install-image.ts"
import { installPatch } from "./install-patch.ts"
import { decideManifest, type ManifestDecision } from "../codec/manifest-rules.ts"
import { applicationVersion, reset } from "./restart.ts"
import { type ResultCode, resultWords } from "../result-codes.ts"

/** Our reading of "70 000 empty reads", one a millisecond. */
const manifestTimeoutMs = 70_000

/** How a contact ends, for the one who runs the board. */
export async function endOf(board: Board, code: ResultCode): Promise<RunEnd> {
  return { code, words: resultWords[code], running: { version: String(await applicationVersion(board)) } }
}

/** One update check and what follows from it. */
export async function checkForUpdate(board: Board): Promise<ResultCode> {
  event(board, "UPDATE_CHECK_START", board.service.settings.url)
  const manifest = await fetchManifest(board)
  if (!("text" in manifest)) {
    event(board, "UPDATE_CHECK_FAILED", `client error ${manifest.clientError}, ${manifest.why}`)
    return `UPDATE_CHECK_FAILED:${manifest.clientError}` as ResultCode
  }
  const rows = (await readRows(board.hardware.files)) ?? []
  const { decision, stickyErase } = decideManifest(manifest.text, {
    runningVersion: await applicationVersion(board),
    stickyErase: board.service.stickyErase,
    ignoresPatches: board.model.patches === "ignored",
    holds: (version, digest) => rows.some((row) => row.version === version && row.digest === digest),
  })
  board.service.stickyErase = stickyErase
  return obey(board, decision)
}

async function obey(board: Board, decision: ManifestDecision): Promise<ResultCode> {
  if (decision.kind === "refused") {
    event(board, "UPDATE_NOTAVAILABLE", decision.why)
    return "UPDATE_NOTAVAILABLE"
  }
  if (decision.kind === "not-newer") {
    event(board, "UPDATE_NOTAVAILABLE")
    return "UPDATE_NOTAVAILABLE"
  }
  if (decision.kind === "erase") return eraseImage(board, decision.version)
  event(board, "UPDATE_AVAILABLE", `version ${decision.version}${decision.kind === "patch" ? ", by a patch" : ""}`)
  if (!board.service.settings.autoUpdate || board.fault?.board === "auto-update-off") return "UPDATE_AVAILABLE"
  if (decision.kind === "update") return installImage(board, decision)
  if (board.model.patches === "applied") return installPatch(board, decision)
  // v3.9.1 returns before it hands over that this is a patch: an image is fetched from there and held against no digest.
  return installImage(board, { version: decision.version, url: decision.url, digest: "" })
}

/** `EraseVer` with a version as the database reads it back (2.7); the service is idle afterwards (2.2 M3). */
async function eraseImage(board: Board, version: number): Promise<ResultCode> {
  const { files } = board.hardware
  const rows = (await readRows(files)) ?? []
  const row = rows.find((candidate) => candidate.version === version)
  if (row === undefined) {
    event(board, "IMAGE_ERASE_FAILED", `no row reads as version ${version}`)
    return halt(board, "IMAGE_ERASE_FAILED")
  }
  await writeRows(
    files,
    rows.filter((candidate) => candidate !== row),
  )
  if (row.name !== factoryFile) await files.remove(row.name)
  event(board, "IMAGE_ERASED", row.name)
  return halt(board, "IMAGE_ERASED")
}

type ManifestFetch = { readonly text: string } | { readonly clientError: number; readonly why: string }

async function fetchManifest(board: Board): Promise<ManifestFetch> {
  const { service, model } = board
  let contentLength = 0
  const end = await get(board, "manifest", service.settings.url, {
    timeoutMs: manifestTimeoutMs,
    begin: (length) => {
      contentLength = length
      return true
    },
    take: (bytes) => {
      if (model.parsesFirstRead) {
        service.manifestBuffer.set(bytes.subarray(0, model.manifestBytes))
        contentLength = Math.min(bytes.length, model.manifestBytes)
        return 0
      }
      const room = Math.min(contentLength, model.manifestBytes) - service.manifestOffset
      const taken = bytes.subarray(0, Math.max(0, room))
      service.manifestBuffer.set(taken, service.manifestOffset)
      service.manifestOffset += taken.length
      // A manifest beyond the buffer is never whole: the service goes on reading nothing until it gives up.
      return Math.max(0, contentLength - service.manifestOffset)
    },
  })
  if (end.kind === "done") {
    service.manifestOffset = 0
    return { text: fromLatin1(service.manifestBuffer, 0, Math.min(contentLength, model.manifestBytes)) }
  }
  return failure(end)
}

/** Rollback of the service's interface: the running image is disabled, so that the bootloader takes another (2.8). */
export async function triggerRollback(board: Board): Promise<ResultCode | null> {
  const { files, program, slot } = board.hardware
  const control = await bootControl(board.hardware)
  const rows = (await readRows(files)) ?? []
  if (!bootCandidates(rows).some((row) => row.version !== control.version)) {
    event(board, "ROLLBACK_FAILED", "there is no other image")
    return null
  }
  await setRowStatus(files, control.version, imageStatus.disabled)
  await program.write(slotOffset(slot) + bootControlOffset.status, Uint8Array.of(imageStatus.disabled))
  event(board, "ROLLBACK_SUCCESS")
  return reset(board)
}

/** Factory reset of the service's interface: deletes the database and erases the boot-control sector (2.8). */
export async function triggerFactoryReset(board: Board): Promise<ResultCode | null> {
  const { files, program, slot } = board.hardware
  if (files.size(factoryFile) === null) {
    event(board, "FACTORY_RESET_FAILED", "there is no factory image")
    return null
  }
  await files.remove(databaseFile)
  await program.erase(slotOffset(slot))
  event(board, "FACTORY_RESET_SUCCESS")
  return reset(board)
}
