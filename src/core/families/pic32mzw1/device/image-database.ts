import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { FlashFiles } from "./flash-files.ts"
import { imageStatus } from "../codec/image.ts"

/** Files of the OTA service on the external flash (pic32mzw1.md 2.7). */
export const databaseFile = "image_database.csv"
export const factoryFile = "factory_reset.bin"
export const factoryDigestFile = "factory_image_digest.txt"
export const factorySignFile = "factory_image_sign.txt"

/** Images beside the factory's that the store holds by default. */
export const storedImages = 2

/** One row as the software reads it back. */
export interface ImageRow {
  readonly name: string
  readonly status: number
  /** The decimal digits in the file, read as hexadecimal: 10 reads back as 16. */
  readonly version: number
  readonly type: number
  /** The manifest's text, as it came. */
  readonly digest: string
}

/** Reads the database; null = there is none. Lines that do not have five columns are skipped. */
export async function readRows(files: FlashFiles): Promise<readonly ImageRow[] | null> {
  if (files.size(databaseFile) === null) return null
  const text = fromLatin1(await files.readAll(databaseFile))
  return text
    .split("\n")
    .map(parseRow)
    .filter((row) => row !== null)
}

function parseRow(line: string): ImageRow | null {
  const [name, status, version, type, digest] = line.split(",")
  if (name === undefined || name === "" || status === undefined || version === undefined) return null
  if (type === undefined || digest === undefined) return null
  return {
    name,
    status: Number.parseInt(status, 16) & 0xff,
    // A buffer of four characters holds three digits and the end.
    version: Number.parseInt(version.slice(0, 3), 16),
    type: Number.parseInt(type.replaceAll('"', ""), 16) & 0xff,
    digest: digest.trim(),
  }
}

/** A row as it stands in the file. Versions read back are written as the digits they came from. */
function rowText(row: ImageRow): string {
  const digits = row.version.toString(16)
  const type = `"0x${row.type.toString(16).padStart(2, "0")}"`
  return `${row.name},0x${row.status.toString(16).toUpperCase()},${digits},${type},${row.digest}\n`
}

/** Writes the whole database; a power cut leaves the old one or the new one. */
export async function writeRows(files: FlashFiles, rows: readonly ImageRow[]): Promise<boolean> {
  return files.replace(databaseFile, latin1(rows.map(rowText).join("")))
}

/** Changes the status of the row of a version. */
export async function setRowStatus(files: FlashFiles, version: number, status: number): Promise<void> {
  const rows = (await readRows(files)) ?? []
  if (!rows.some((row) => row.version === version && row.status !== status)) return
  await writeRows(
    files,
    rows.map((row) => (row.version === version ? { ...row, status } : row)),
  )
}

/** Rows beside the factory image's. */
export function downloadedRows(rows: readonly ImageRow[]): readonly ImageRow[] {
  return rows.filter((row) => row.name !== factoryFile)
}

/** The row that gives way when the store is full: the lowest version, not the oldest (2.2 M8). */
export function rowToEvict(rows: readonly ImageRow[]): ImageRow | null {
  const stored = downloadedRows(rows)
  if (stored.length < storedImages) return null
  return stored.reduce((lowest, row) => (row.version < lowest.version ? row : lowest))
}

/** Rows that the bootloader may program, best first: the highest version whose status is downloaded or valid. */
export function bootCandidates(rows: readonly ImageRow[]): readonly ImageRow[] {
  return rows
    .filter((row) => row.status === imageStatus.downloaded || row.status === imageStatus.valid)
    .sort((a, b) => b.version - a.version)
}
