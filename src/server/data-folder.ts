import { rmSync } from "node:fs"
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { StartError } from "./config.ts"

/** The database's file in a data folder. */
export const databaseFile = "waft.db"
/** The folder of the images in a data folder. */
export const imagesFolder = "images"

/** A backup that is being taken has a folder of such a name in the data folder. */
export const backupFolderPrefix = "backup-"

/** What SQLite keeps beside its file. */
const databaseFiles = ["", "-wal", "-shm"].map((suffix) => `${databaseFile}${suffix}`)
/** Passwords and tokens stand in these: nobody else may read them. */
const privateFiles = [...databaseFiles, "admin-token", "server.json"]

/**
 * Makes the data folder, or takes the one that is there: the folder for its owner alone (0700), its files too (0600).
 * Throws `StartError` when that cannot be had, and when the folder was used before but its database is missing.
 */
export async function prepareDataFolder(data: string): Promise<void> {
  await cured(`The data folder ${data} cannot be made`, mkdir(data, { recursive: true, mode: 0o700 }))
  await demandDatabase(data)
  const why = `Others may read ${data}, and it cannot be closed to them`
  await cured(why, closeToOthers(data, 0o700))
  // SQLite gives its log and its index the mode of the file itself.
  await cured(why, (await open(join(data, databaseFile), "a", 0o600)).close())
  for (const name of privateFiles) await cured(why, closeToOthers(join(data, name), 0o600))
  const images = join(data, imagesFolder)
  await cured(why, mkdir(images, { recursive: true, mode: 0o700 }))
  await cured(why, closeToOthers(images, 0o700))
}

async function cured(what: string, deed: Promise<unknown>): Promise<void> {
  await deed.catch((error: unknown) => {
    throw new StartError(`${what}: ${(error as Error).message}.`, { cause: error })
  })
}

async function closeToOthers(path: string, mode: number): Promise<void> {
  const found = await sizeAndMode(path)
  if (found !== null && (found.mode & 0o077) !== 0) await chmod(path, mode)
}

/** A folder that holds images had a database: to begin anew beside them would forget the whole fleet in silence. */
async function demandDatabase(data: string): Promise<void> {
  const log = await sizeAndMode(join(data, `${databaseFile}-wal`))
  const database = await sizeAndMode(join(data, databaseFile))
  const isMissing = database === null || (database.size === 0 && (log?.size ?? 0) === 0)
  const isUsed = (log?.size ?? 0) > 0 || (await holdsImages(data))
  if (!isMissing || !isUsed) return
  throw new StartError(
    `The data folder ${data} was used before, but its database ${databaseFile} is ${database === null ? "missing" : "empty"}: ` +
      "bring it back with `waft restore`, or start with another --data.",
  )
}

/** Whether somebody has published something here. */
export async function holdsImages(data: string): Promise<boolean> {
  const images = await readdir(join(data, imagesFolder)).catch(() => [])
  return images.some((name) => !name.endsWith(".part"))
}

async function sizeAndMode(path: string): Promise<{ readonly size: number; readonly mode: number } | null> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null
    throw error
  })
}

/** The admin token: made at the first start, readable only by its owner. */
export async function adminToken(data: string, makeToken: () => string): Promise<string> {
  const file = join(data, "admin-token")
  try {
    const token = (await readFile(file, "utf8")).trim()
    if (token !== "") return token
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
  }
  const token = makeToken()
  await writeWhole(file, `${token}\n`)
  return token
}

/** How `waft --data DIR` finds a server: the API's address, and the socket that only this folder's owner can reach. */
export interface Announcement {
  readonly url: string
  readonly socket: string
}

/** Lets `waft --data DIR` find this server; the returned function, and the end of the process, take it back. */
export async function announce(data: string, found: Announcement): Promise<() => Promise<void>> {
  const file = join(data, "server.json")
  await writeWhole(file, `${JSON.stringify({ ...found, pid: process.pid })}\n`)
  const atExit = (): void => rmSync(file, { force: true })
  process.once("exit", atExit)
  return async () => {
    process.off("exit", atExit)
    await rm(file, { force: true })
  }
}

/** Clears away what a server that was killed here left for others to find. Only for who holds the database. */
export async function forgetFormerRun(data: string): Promise<void> {
  const left = (await readdir(data)).filter((name) => name.startsWith(backupFolderPrefix))
  for (const name of ["server.json", "api.socket", "readiness.part", ...left]) {
    await rm(join(data, name), { force: true, recursive: true })
  }
}

/** What fits into a socket's address on every Unix, bytes. */
const longestSocketPath = 100

/**
 * A path for the API's socket that nobody else can reach or replace: in the data folder or, where its path is too long,
 * in a new folder of the same kind. `end` clears it away.
 */
export async function socketPath(data: string): Promise<{ readonly path: string; readonly end: () => Promise<void> }> {
  const path = join(data, "api.socket")
  if (Buffer.byteLength(path) <= longestSocketPath) return { path, end: () => rm(path, { force: true }) }
  const folder = await mkdtemp(join(tmpdir(), "waft-"))
  return { path: join(folder, "api.socket"), end: () => rm(folder, { force: true, recursive: true }) }
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text, { mode: 0o600, flush: true })
  await rename(`${file}.part`, file)
}
