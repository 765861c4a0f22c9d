import { createHash } from "node:crypto"
import { createWriteStream, existsSync } from "node:fs"
import { chmod, mkdtemp, readdir, rename, rm, rmdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { Readable } from "node:stream"
import { finished } from "node:stream/promises"
import Database from "better-sqlite3"
import { create, extract, list, type ReadEntry } from "tar"
import { StartError } from "./config.ts"
import { backupFolderPrefix, databaseFile, imagesFolder } from "./data-folder.ts"
import type { WaftDatabase } from "./store/database.ts"

/** What a backup holds, once every byte of it has been looked at. */
export interface BackupContents {
  readonly devices: number
  readonly releases: number
  readonly images: number
  readonly imageBytes: number
}

/**
 * A backup of a running server as a tar archive: the database as it is at one moment, taken by SQLite itself, then the
 * images, which never change, and the admin token. Devices are served on meanwhile.
 */
export async function takeBackup(database: WaftDatabase, data: string): Promise<Readable> {
  const folder = await mkdtemp(join(data, backupFolderPrefix))
  const clear = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await database.backup(join(folder, databaseFile))
    const prefix = `${basename(folder)}/`
    const images = (await readdir(join(data, imagesFolder))).filter((name) => isImageName(name))
    const pack = create(
      {
        cwd: data,
        portable: true,
        onWriteEntry: (entry) => {
          if (entry.path.startsWith(prefix)) entry.path = entry.path.slice(prefix.length)
        },
      },
      [`${prefix}${databaseFile}`, "admin-token", ...images.map((name) => `${imagesFolder}/${name}`)],
    )
    const stream = Readable.from(pack)
    stream.once("close", () => void clear())
    return stream
  } catch (error) {
    await clear()
    throw error
  }
}

const isImageName = (name: string): boolean => /^[0-9a-f]{64}$/.test(name)

function isPart(path: string): boolean {
  const image = path.startsWith(`${imagesFolder}/`) ? path.slice(imagesFolder.length + 1) : null
  return path === databaseFile || path === "admin-token" || (image !== null && isImageName(image))
}

/**
 * Reads a backup through: the database is sound, every image has its SHA-256, none that is offered is missing. Throws
 * `StartError` with what is wrong.
 */
export async function verifyBackup(file: string): Promise<BackupContents> {
  const folder = await mkdtemp(join(tmpdir(), "waft-verify-"))
  const images = new Map<string, number>()
  const faults: string[] = []
  const waits: Promise<unknown>[] = []
  const read = (entry: ReadEntry): void => {
    const name = basename(entry.path)
    if (!isPart(entry.path) || entry.type !== "File") {
      faults.push(`it holds ${JSON.stringify(entry.path)}, which no backup does`)
      entry.resume()
    } else if (name === databaseFile)
      waits.push(finished(entry.pipe(createWriteStream(join(folder, name), { mode: 0o600 }))))
    else if (name === "admin-token") entry.resume()
    else {
      const hash = createHash("sha256")
      entry.on("data", (chunk: Buffer) => hash.update(chunk))
      entry.on("end", () => {
        if (hash.digest("hex") !== name) faults.push(`the image ${name} is damaged`)
        images.set(name, entry.size)
      })
    }
  }
  try {
    await list({ file, strict: true, onReadEntry: read })
    await Promise.all(waits)
    if (!existsSync(join(folder, databaseFile))) faults.push("it holds no database")
    const [first] = faults
    if (first !== undefined) throw new Error(first)
    return { ...readDatabase(join(folder, databaseFile), images), ...sizeOf(images) }
  } catch (error) {
    throw new StartError(`${file} is no sound backup: ${(error as Error).message}.`, { cause: error })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function sizeOf(images: ReadonlyMap<string, number>): Pick<BackupContents, "images" | "imageBytes"> {
  return { images: images.size, imageBytes: [...images.values()].reduce((sum, size) => sum + size, 0) }
}

function readDatabase(file: string, images: ReadonlyMap<string, number>): Pick<BackupContents, "devices" | "releases"> {
  const database = new Database(file)
  try {
    const sound = database.pragma("integrity_check", { simple: true })
    if (sound !== "ok") throw new Error(`the database is damaged (${String(sound)})`)
    const offered = database
      .prepare(
        "select image_sha256 from releases union select image_sha256 from channels where image_sha256 is not null",
      )
      .pluck()
      .all() as string[]
    const missing = offered.find((sha256) => !images.has(sha256))
    if (missing !== undefined) throw new Error(`the image ${missing} is missing`)
    const count = (table: "devices" | "releases"): number =>
      database.prepare(`select count(*) from ${table}`).pluck().get() as number
    return { devices: count("devices"), releases: count("releases") }
  } finally {
    database.close()
  }
}

/** Makes a data folder from a backup, whole or not at all. Throws `StartError` for a bad backup or a folder in use. */
export async function restoreBackup(file: string, data: string): Promise<BackupContents> {
  const contents = await verifyBackup(file)
  const there = await readdir(data).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null
    throw error
  })
  if (there !== null && there.length > 0) {
    throw new StartError(`The folder ${data} is not empty; move it away, or restore into another --data.`)
  }
  const part = await mkdtemp(join(dirname(data), `.${basename(data)}-`))
  try {
    await extract({ file, cwd: part, strict: true, filter: isPart, preserveOwner: false })
    await chmod(part, 0o700)
    if (there !== null) await rmdir(data)
    await rename(part, data)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    throw new StartError(`${data} could not be restored: ${(error as Error).message}.`, { cause: error })
  }
  return contents
}
