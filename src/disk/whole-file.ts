import { open, rename } from "node:fs/promises"
import { dirname } from "node:path"

/**
 * Replaces a file so that a kill or a power cut leaves the old text or the new one: written beside it, made durable, moved
 * over it, and the move made durable. Only its owner may read it.
 */
export async function writeWholeFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, "w", 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  const folder = await open(dirname(path), "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
