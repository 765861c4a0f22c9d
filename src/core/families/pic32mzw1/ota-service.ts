import { fromLatin1, hex } from "../../kit/bytes.ts"
import { sha256 } from "../../kit/sha256.ts"
import type { Body } from "../body.ts"
import type { RunEnd } from "../family.ts"
import type { BoardFault } from "./board-faults.ts"
import { bootControl, type Hardware, runningVersion, slotOffset } from "./board-hardware.ts"
import { runBootloader } from "./bootloader.ts"
import { brokenBody } from "./broken-link.ts"
import { parseDeviceUrl, storedName } from "./device-url.ts"
import type { FlashFileWriter } from "./flash-files.ts"
import { clientErrors, deviceGet, type FetchEnd } from "./http-client.ts"
import { bootControlOffset, imageStatus, imageType } from "./image.ts"
import {
  bootCandidates,
  databaseFile,
  factoryDigestFile,
  factoryFile,
  type ImageRow,
  readRows,
  rowToEvict,
  setRowStatus,
  writeRows,
} from "./image-database.ts"
import { decideManifest, type ManifestDecision } from "./manifest-rules.ts"
import { longestUrl } from "./manifest.ts"
import { type BoardModel, sectorBytes } from "./models.ts"
import type { OtaEvent } from "./ota-events.ts"
import { type ResultCode, resultWords } from "./result-codes.ts"
import { versionAsStored } from "./versions.ts"

/** A board with power: what it is, what it remembers in RAM, and what is wrong with it. */
export interface Board {
  readonly body: Body
  readonly model: BoardModel
  readonly hardware: Hardware
  readonly fault: BoardFault | null
  readonly service: ServiceMemory
  /** Turns the hardware's time limits into ours, ms. */
  readonly limit: (ms: number) => number
}

/** What `sysota set` sets; lost at a reset, as the console's settings are. */
export interface ServiceSettings {
  periodic: boolean
  autoReset: boolean
  autoUpdate: boolean
  seconds: number
  url: string
}

/** RAM of the OTA service: gone after a reset. */
export interface ServiceMemory {
  settings: ServiceSettings
  /** pic32mzw1.md 2.2 M2. */
  stickyErase: boolean
  /** The receive offset of the manifest is static: a truncated one leaves it where it was (2.3). */
  manifestOffset: number
  readonly manifestBuffer: Uint8Array
  /** Set = idle until a reset, and why (2.2 M11). */
  idle: ResultCode | null
}

/** The timeout of OTA_DOWNLOADER_TIMEOUT, and our reading of "70 000 empty reads", one a millisecond. */
const downloadTimeoutMs = 1_000_000
const manifestTimeoutMs = 70_000

export function freshMemory(model: BoardModel, url: string): ServiceMemory {
  return {
    settings: { periodic: true, autoReset: true, autoUpdate: true, seconds: 60, url },
    stickyErase: false,
    manifestOffset: 0,
    manifestBuffer: new Uint8Array(model.manifestBytes),
    idle: null,
  }
}

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

function halt(board: Board, code: ResultCode): ResultCode {
  board.service.idle = code
  return code
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

/** `*.bin` without a row are deleted at the start, but for the factory image (2.7). */
async function deleteOrphans(hardware: Hardware): Promise<void> {
  const rows = (await readRows(hardware.files)) ?? []
  for (const name of hardware.files.names()) {
    if (!name.endsWith(".bin") || name === factoryFile || rows.some((row) => row.name === name)) continue
    hardware.log(`application: deleting ${name}, which has no row`)
    await hardware.files.remove(name)
  }
}

export function event(board: Board, name: OtaEvent, detail = ""): void {
  board.body.log(`SYS_OTA_EVENT_${name}${detail === "" ? "" : `: ${detail}`}`)
}

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
  event(board, "UPDATE_AVAILABLE", decision.kind === "update" ? `version ${decision.version}` : "a patch")
  if (!board.service.settings.autoUpdate || board.fault?.board === "auto-update-off") return "UPDATE_AVAILABLE"
  if (decision.kind === "patch") {
    // The build without patches never looks at them; this board is such a build until a patch applier is handed in.
    event(board, "PATCH_BASEVERSION_NOTFOUND")
    return "UPDATE_NOTAVAILABLE"
  }
  return installImage(board, decision)
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

function failure(end: Exclude<FetchEnd, { kind: "done" }>): { readonly clientError: number; readonly why: string } {
  if (end.kind === "error") return { clientError: end.code, why: end.why }
  return { clientError: 0, why: end.kind === "nothing" ? "no Content-Length was seen" : "the body never became whole" }
}

async function installImage(
  board: Board,
  offer: { readonly version: number; readonly url: string; readonly digest: string },
): Promise<ResultCode> {
  const { files } = board.hardware
  const url = board.fault?.board === "long-url" ? offer.url.padEnd(longestUrl + 30, "x") : offer.url
  if (url.length > longestUrl) {
    board.body.log(`general exception: URL of ${url.length} characters in a buffer of ${longestUrl + 1}`)
    await reset(board)
    return "URL_OVERFLOW"
  }
  const name = storedName(url, "bin")
  if (name === null || parseDeviceUrl(url) === null) {
    event(board, "TRIGGER_OTA_FAILED", url)
    return halt(board, "TRIGGER_OTA_FAILED")
  }
  event(board, "DOWNLOAD_START", url)
  const fetched = await download(board, url, name)
  if (fetched !== null) return halt(board, fetched)
  event(board, "DOWNLOAD_SUCCESS", name)
  event(board, "IMAGE_DIGEST_VERIFY_START")
  if (hex(sha256(await files.readAll(name))) !== offer.digest.toLowerCase()) {
    await files.remove(name)
    event(board, "IMAGE_DIGEST_VERIFY_FAILED", name)
    return halt(board, "IMAGE_DIGEST_VERIFY_FAILED")
  }
  event(board, "IMAGE_DIGEST_VERIFY_SUCCESS")
  if (!(await enterIntoDatabase(board, { ...offer, name }))) return halt(board, "IMAGE_DATABASE_FULL")
  event(board, "DB_ENTRY_SUCCESS", name)
  if (!board.service.settings.autoReset) return halt(board, "DB_ENTRY_SUCCESS")
  board.body.log("application: resetting")
  return (await reset(board)) ?? "DB_ENTRY_SUCCESS"
}

/** Writes the image sector by sector; null = it is there whole. */
async function download(board: Board, url: string, name: string): Promise<ResultCode | null> {
  const { files, slot } = board.hardware
  let writer: FlashFileWriter | null = null
  let wanted = 0
  let full = false
  const end = await get(board, "image", url, {
    timeoutMs: downloadTimeoutMs,
    begin: async (contentLength) => {
      wanted = contentLength
      full = board.fault?.board === "flash-full" || contentLength > slot.sizeBytes
      if (!full) writer = await files.create(name, contentLength)
      return writer !== null
    },
    take: async (bytes) => {
      await writer?.append(bytes)
      wanted -= bytes.length
      return wanted
    },
  })
  if (end.kind !== "done") {
    if (end.kind === "error" && end.code === clientErrors.cancelled && writer === null && wanted > 0) {
      event(board, "IMAGE_DATABASE_FULL")
      return "IMAGE_DATABASE_FULL"
    }
    const { clientError, why } = failure(end)
    event(board, "DOWNLOAD_FAILED", `client error ${clientError}, ${why}`)
    return `DOWNLOAD_FAILED:${clientError}` as ResultCode
  }
  await (writer as FlashFileWriter | null)?.close()
  // Nothing is decided before the first 4096 bytes are in; an image without a byte behind them is never taken (2.5).
  if ((files.size(name) ?? 0) > sectorBytes) return null
  event(board, "DOWNLOAD_FAILED", `${name} is not larger than ${sectorBytes} bytes`)
  return "DOWNLOAD_FAILED:0"
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

async function get(
  board: Board,
  purpose: "manifest" | "image",
  url: string,
  sink: Pick<Parameters<typeof deviceGet>[1], "timeoutMs" | "begin" | "take">,
): Promise<FetchEnd> {
  const broken = board.fault?.connect?.on === purpose ? board.fault.connect.kind : null
  if (broken === "memory") return { kind: "error", code: clientErrors.memory, why: "no memory" }
  const link = board.fault?.link?.on === purpose ? board.fault.link.break : undefined
  return deviceGet(broken === null ? board.body : brokenBody(board.body, broken), {
    url,
    limit: board.limit,
    meddle: link,
    ...sink,
  })
}
