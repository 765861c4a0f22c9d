import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Memory of a process, bounded by the kernel where that can be had. */
export interface MemoryLimit {
  /** In words, for the report. */
  readonly how: string
  /** Whether nobody ends the process beyond the limit, so that its memory has to be looked at. */
  readonly isOnlyWatched: boolean
  /** The most that the process has had so far, bytes. */
  readonly most: () => number
  /** Gives the bound up once the process has ended. */
  readonly end: () => void
}

/**
 * Bounds a process that runs: by a memory cgroup of its own (version 1 or 2), in which the kernel kills it beyond the limit; where none can
 * be made, its resident memory is watched only.
 */
export function limitMemory(pid: number, bytes: number): MemoryLimit {
  const resident = (): number =>
    Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024
  try {
    const folder = ownGroup()
    mkdirSync(folder)
    const limit = existsSync(join(folder, "memory.max")) ? "memory.max" : "memory.limit_in_bytes"
    writeFileSync(join(folder, limit), String(bytes))
    writeFileSync(join(folder, "cgroup.procs"), String(pid))
    const end = (): void => {
      try {
        rmdirSync(folder)
      } catch {
        // The process is not quite gone; an empty group costs nothing.
      }
    }
    // What it shares with other programs, such as the text of Node.js, is resident and not of the group.
    return {
      how: "a memory cgroup in which the kernel ends what goes beyond",
      isOnlyWatched: false,
      most: resident,
      end,
    }
  } catch {
    return {
      how: "its resident memory, watched (no memory cgroup can be made here)",
      isOnlyWatched: true,
      most: resident,
      end: () => undefined,
    }
  }
}

/** A new folder below this process's own memory cgroup. */
function ownGroup(): string {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")
  const first = lines.find((line) => /^\d+:memory:/.test(line))
  const base = first === undefined ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
  const own = (first ?? lines.find((line) => line.startsWith("0::")) ?? "").split(":")[2] ?? ""
  return join(base, own, `waft-attack-${process.pid}`)
}
