import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
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
const lockName = "lock"

/**
 * Opens or makes the state directory of one device. Throws `OddState` when it is no folder, holds something else or
 * another device, or is in use.
 */
export function openStateDirectory(folder: string, owner: StateOwner): StateDirectory {
  makeFolder(folder)
  const label = readLabel(folder)
  if (label === null) {
    const strange = readdirSync(folder).filter((name) => name !== lockName && name !== `${labelName}.new`)
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

/** One process at a time: two would be one device with two processors. A lock whose process is gone is taken over. */
function lock(folder: string): () => void {
  const path = join(folder, lockName)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, `${process.pid} ${startOf(process.pid)}`, { flag: "wx" })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (codeOf(error) !== "EEXIST") {
        throw new OddState(`${folder} cannot be written to: ${reason(error)}.`, { cause: error })
      }
      const [pid = "", start = ""] = readFileSync(path, "utf8").split(" ")
      if (
        /^\d+$/.test(pid) &&
        Number(pid) !== process.pid &&
        isRunning(Number(pid)) &&
        startOf(Number(pid)) === start
      ) {
        throw new OddState(`${folder} is in use by process ${pid}; a device runs only once at a time.`, {
          cause: error,
        })
      }
      if (Number(pid) === process.pid && startOf(process.pid) === start) {
        throw new OddState(`${folder} is in use by this program already; every device needs a folder of its own.`, {
          cause: error,
        })
      }
      rmSync(path, { force: true })
    }
  }
  throw new OddState(`${folder} cannot be locked; another process takes it at the same moment.`)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === "EPERM"
  }
}

/** When a process began, in the kernel's ticks; empty where there is no /proc. Tells a reused number from the old owner. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return ""
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
