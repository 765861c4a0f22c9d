import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Somebody else uses the folder. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse"
  /** Process that has it; this process's own number when it has it itself. Null: it changed hands while we looked. */
  readonly pid: number | null

  constructor(folder: string, pid: number | null) {
    super(`${folder} is in use`)
    this.pid = pid
  }
}

const lockName = "lock"

/**
 * Takes a folder for this process; the returned function gives it back. A lock whose process is gone is taken over.
 * Throws `FolderInUse`, and what the file system throws when the folder cannot be written to.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, lockName)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, `${process.pid} ${startOf(process.pid)}`, { flag: "wx" })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
      const holder = holderOf(path)
      if (holder !== null) throw new FolderInUse(folder, holder)
      rmSync(path, { force: true })
    }
  }
  throw new FolderInUse(folder, null)
}

/** Name of the lock's file, which is no content of the folder. */
export const lockFileName = lockName

/** The living process that has the lock; null = it is gone, or the file is none of ours. */
function holderOf(path: string): number | null {
  const [text = "", start = ""] = readFileSync(path, "utf8").split(" ")
  const pid = /^\d+$/.test(text) ? Number(text) : null
  return pid !== null && isRunning(pid) && startOf(pid) === start ? pid : null
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
