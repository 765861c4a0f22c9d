import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

/**
 * A file or folder of real inputs that are no part of the repository: `../shared` beside the checkout, or where
 * `WAFT_SHARED` points. Null when it is not there; tests that need it name it then and skip.
 */
export function sharedInput(...path: string[]): string | null {
  const found = join(process.env["WAFT_SHARED"] ?? join(root, "..", "shared"), ...path)
  return existsSync(found) ? found : null
}
