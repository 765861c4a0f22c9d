import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { DeviceFiles } from "../../body.ts"

/** What a module in an update remembers when its power fails. */
export interface UpdateState {
  /** How far it is. `downloaded`: nothing is written yet. `installed`: the firmware is, and END is not told. */
  readonly phase: "downloaded" | "begun" | "written" | "installed" | "giving-up"
  readonly failedChecks: number
  readonly failedAttempts: number
  /** Bytes of the old firmware that the backup holds; 0 = it holds none. */
  readonly backupBytes: number
  /** How many lines of progress the host asked for (Standard(A)); null = the module's own way. */
  readonly progressLines: number | null
}

const logName = "update.log"
export const packageName = "package"

export const freshUpdate: UpdateState = {
  phase: "downloaded",
  failedChecks: 0,
  failedAttempts: 0,
  backupBytes: 0,
  progressLines: null,
}

/**
 * The update under way, in the module's files: one line for each change, the last whole one counts. Without the file no
 * update is under way, whatever else lies there.
 */
export class UpdateLog {
  readonly #files: DeviceFiles

  constructor(files: DeviceFiles) {
    this.#files = files
  }

  async load(): Promise<UpdateState | null> {
    const size = await this.#files.size(logName)
    if (size === null) return null
    const lines = fromLatin1(await this.#files.read(logName, 0, size)).split("\n")
    return lines.map(readLine).findLast((state) => state !== null) ?? null
  }

  async save(state: UpdateState): Promise<void> {
    if ((await this.#files.size(logName)) === null) await this.#files.create(logName)
    // A line that a power cut tore must not spoil the next one.
    await this.#files.append(logName, latin1(`\n${JSON.stringify(state)}\n`))
  }

  /** The update is over. The log goes first: without it the package means nothing, and is removed at the next start. */
  async clear(): Promise<void> {
    await this.#files.remove(logName)
    await this.#files.remove(packageName)
  }
}

const phases: readonly string[] = ["downloaded", "begun", "written", "installed", "giving-up"]

function readLine(line: string): UpdateState | null {
  if (line === "") return null
  try {
    const value: unknown = JSON.parse(line)
    return isState(value) ? value : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function isState(value: unknown): value is UpdateState {
  if (typeof value !== "object" || value === null) return false
  const { phase, failedChecks, failedAttempts, backupBytes } = value as Partial<UpdateState>
  return (
    phases.includes(phase ?? "") &&
    [failedChecks, failedAttempts, backupBytes].every((count) => Number.isInteger(count))
  )
}
