import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { FolderInUse, lockFileName, lockFolder } from "../disk/folder-lock.ts"
import { OddState } from "./odd-state.ts"
import { StateFiles } from "./state-files.ts"

/** Whose state a folder holds. */
export interface StateOwner {
  readonly family: string
  readonly model: string
}

/** A folder that holds one virtual device, locked for this process until `close`. */
export interface StateDirectory {
  readonly storage: StateFiles
  readonly close: () => void
}

const labelName = "device.json"

/**
 * Opens or makes the state directory of one device. Throws `OddState` when it is no folder, holds something else or
 * another device, or is in use.
 */
export function openStateDirectory(folder: string, owner: StateOwner): StateDirectory {
  makeFolder(folder)
  const label = readLabel(folder)
  if (label === null) {
    const strange = readdirSync(folder).filter((name) => name !== lockFileName && name !== `${labelName}.new`)
    if (strange.length > 0) {
      throw new OddState(
        `${folder} holds ${JSON.stringify(strange[0])} but no virtual device; give an empty folder or another one.`,
      )
    }
  } else if (label.family !== owner.family || !isSameModel(label.model, owner.model)) {
    throw new OddState(
      `${folder} holds a ${label.family} of model ${label.model}, not a ${owner.family} of model ${owner.model}; give another folder.`,
    )
  }
  const unlock = lock(folder)
  if (label === null) {
    // Written to another name first: a label cut in half would lock the owner out.
    writeFileSync(join(folder, `${labelName}.new`), `${JSON.stringify(owner)}\n`)
    renameSync(join(folder, `${labelName}.new`), join(folder, labelName))
  }
  const storage = new StateFiles(folder)
  return {
    storage,
    close: () => {
      storage.close()
      unlock()
    },
  }
}

/** `any` is whichever lives there. */
function isSameModel(a: string, b: string): boolean {
  return a === b || a === "any" || b === "any"
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new OddState(`${folder} cannot be made a folder for the device's state: ${reason(error)}.`, { cause: error })
  }
}

function readLabel(folder: string): StateOwner | null {
  const path = join(folder, labelName)
  if (!existsSync(path)) return null
  try {
    if (lstatSync(path).size > 1000) throw new Error("it is too long")
    const label: unknown = JSON.parse(readFileSync(path, "utf8"))
    if (typeof label === "object" && label !== null) {
      const { family, model } = label as Partial<StateOwner>
      if (typeof family === "string" && typeof model === "string") return { family, model }
    }
    throw new Error("it names no family and model")
  } catch (error) {
    throw new OddState(`${path} does not say which device lives there: ${reason(error)}; give another folder.`, {
      cause: error,
    })
  }
}

/** One process at a time: two would be one device with two processors. */
function lock(folder: string): () => void {
  try {
    return lockFolder(folder)
  } catch (error) {
    if (!(error instanceof FolderInUse)) {
      throw new OddState(`${folder} cannot be written to: ${reason(error)}.`, { cause: error })
    }
    const sentence =
      error.pid === process.pid
        ? `${folder} is in use by this program already; every device needs a folder of its own.`
        : error.pid === null
          ? `${folder} cannot be locked; another process takes it at the same moment.`
          : `${folder} is in use by process ${error.pid}; a device runs only once at a time.`
    throw new OddState(sentence, { cause: error })
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
