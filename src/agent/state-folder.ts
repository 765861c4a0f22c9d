import { chmodSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { FolderInUse, lockFolder } from "../disk/folder-lock.ts"
import { writeWholeFile } from "../disk/whole-file.ts"
import type { TextStore } from "./agent-memory.ts"
import { AgentTrouble } from "./wrong-use.ts"

const fileName = "agent.json"
/** An agent's state is a few kilobytes. */
const mostBytes = 1024 * 1024

export interface StateFolder {
  readonly store: TextStore
  readonly close: () => void
}

/** Opens or makes the folder of one agent, for this process alone. Throws `AgentTrouble`. */
export function openStateFolder(folder: string): StateFolder {
  const path = join(folder, fileName)
  const close = take(folder)
  return {
    store: {
      read: () => readIfThere(path),
      write: async (text) => {
        try {
          await writeWholeFile(path, text)
        } catch (error) {
          throw new AgentTrouble(`the state cannot be written to ${path}: ${reason(error)}`, { cause: error })
        }
      },
    },
    close,
  }
}

function take(folder: string): () => void {
  try {
    mkdirSync(folder, { recursive: true })
    // It holds the device's token.
    chmodSync(folder, 0o700)
    return lockFolder(folder)
  } catch (error) {
    if (error instanceof FolderInUse) {
      const who = error.pid === null ? "another process" : `process ${error.pid}`
      throw new AgentTrouble(`${folder} is in use by ${who}; every agent needs a state folder of its own`, {
        cause: error,
      })
    }
    throw new AgentTrouble(`${folder} cannot be the agent's state folder: ${reason(error)}`, { cause: error })
  }
}

function readIfThere(path: string): string | null {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > mostBytes) throw new AgentTrouble(`${path} is no state of an agent; give another state folder`)
    return bytes.toString("utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
    if (error instanceof AgentTrouble) throw error
    throw new AgentTrouble(`${path} cannot be read: ${reason(error)}`, { cause: error })
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
