import { createHash } from "node:crypto"
import * as nodeFs from "node:fs/promises"
import { dirname, join } from "node:path"
import type { ImageRef } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { ImageHold, Images } from "../fleet/needs.ts"
import { ImageCache } from "./image-cache.ts"

/** The file operations used here; tests make the n-th of them fail. */
export type ImageDisk = Pick<typeof nodeFs, "mkdir" | "open" | "rename" | "rm" | "readdir" | "stat">

export interface ImageFilesOptions {
  /** Folder that holds the images; made when absent. */
  readonly folder: string
  /** Memory for images that are being fetched, bytes. */
  readonly cacheBytes: number
  readonly disk?: ImageDisk
}

const partSuffix = ".part"

/**
 * Images in a folder, named by their SHA-256. A file appears under its name only when it is whole and synced: written
 * to a temporary name, fsynced, renamed, the folder fsynced. What a crash leaves behind is cleared at the next start.
 */
export async function openImageFiles({ folder, cacheBytes, disk = nodeFs }: ImageFilesOptions): Promise<Images> {
  await disk.mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await disk.readdir(folder)) {
    if (name.endsWith(partSuffix)) await disk.rm(join(folder, name), { force: true })
  }
  const files = new ImageFiles(folder, disk)
  const cache = new ImageCache(cacheBytes, (image) => files.read(image))
  return {
    put: (bytes) => files.put(bytes),
    open: (image): Promise<ImageHold> => cache.hold(image),
    discard: (image) => disk.rm(join(folder, image.sha256), { force: true }),
  }
}

class ImageFiles {
  readonly #folder: string
  readonly #disk: ImageDisk
  #parts = 0

  constructor(folder: string, disk: ImageDisk) {
    this.#folder = folder
    this.#disk = disk
  }

  async put(bytes: Uint8Array): Promise<ImageRef> {
    const image: ImageRef = { sha256: await sha256(bytes), sizeBytes: bytes.length }
    if (await this.#isWhole(image)) return image
    const part = join(this.#folder, `${image.sha256}-${process.pid}-${this.#parts++}${partSuffix}`)
    try {
      await this.#writeSynced(part, bytes)
      await this.#disk.rename(part, this.#path(image))
      await this.#syncFolder()
    } catch (error) {
      await this.#disk.rm(part, { force: true })
      throw isFull(error) ? new Refusal("storage-full") : error
    }
    return image
  }

  /** The whole image, checked against its name. */
  async read(image: ImageRef): Promise<Uint8Array> {
    const bytes = await this.#readAll(this.#path(image))
    if (bytes === null || bytes.length !== image.sizeBytes || (await sha256(bytes)) !== image.sha256) {
      throw new Refusal("image-damaged", { image: image.sha256 })
    }
    return bytes
  }

  async #isWhole(image: ImageRef): Promise<boolean> {
    const bytes = await this.#readAll(this.#path(image))
    return bytes !== null && (await sha256(bytes)) === image.sha256
  }

  async #readAll(path: string): Promise<Uint8Array | null> {
    try {
      const file = await this.#disk.open(path, "r")
      try {
        return await file.readFile()
      } finally {
        await file.close()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
      throw error
    }
  }

  async #writeSynced(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#disk.open(path, "wx", 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async #syncFolder(): Promise<void> {
    const folder = await this.#disk.open(dirname(join(this.#folder, "x")), "r")
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  #path(image: ImageRef): string {
    return join(this.#folder, image.sha256)
  }
}

/** Hashed at once, bytes: a few milliseconds, in which no device is answered. */
const pieceBytes = 1 << 20

async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256")
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve))
    hash.update(bytes.subarray(at, at + pieceBytes))
  }
  return hash.digest("hex")
}

/** ENOSPC: no space; EDQUOT: quota; EFBIG: the process may not write so large a file. */
function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes((error as NodeJS.ErrnoException).code ?? "")
}
