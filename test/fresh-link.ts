import { lstatSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * Waits until a symbolic link has been made anew since the last call: a virtual module's terminal is another one for each
 * host, though it may have the number of one before.
 */
export function freshLinks(link: string): () => Promise<string> {
  let last = ""
  return async () => {
    for (;;) {
      const found = lstatSync(link, { throwIfNoEntry: false, bigint: true })
      const now = found === undefined ? "" : `${found.ino} ${found.ctimeNs}`
      if (now !== "" && now !== last) {
        last = now
        return link
      }
      await sleep(5)
    }
  }
}
