import { type ChildProcess, spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { LabView } from "../core/contract/schemas.ts"
import { families as known } from "../core/families/index.ts"
import type { Lab } from "../server/main.ts"
import { readFleets } from "./demo-fleets.ts"
import type { PracticeWord } from "./practice.ts"

type Practice = NonNullable<LabView["practice"]>

/** Lines of the process that are kept. */
const keptLines = 50
/** It may take so long to end by itself, ms. */
const graceMs = 3000

/** The lab of a server in the folder `data`: a process of this program beside it, which asks it as any other would. */
export async function openLab(data: string): Promise<Lab & { readonly close: () => Promise<void> }> {
  const fleets = await readFleets()
  const families = known.flatMap(({ id, title }) => {
    const fleet = fleets.find(({ family }) => family === id)
    return fleet === undefined ? [] : [{ family: id, title, speaks: fleet.speaks ?? "" }]
  })
  const state = join(data, "virtual", "practice")
  let practice: Practice | null = null
  let child: ChildProcess | null = null
  const change = (more: Partial<Practice>): void => {
    if (practice !== null) practice = { ...practice, ...more }
  }
  return {
    families,
    practice: () => practice,
    start: ({ families: chosen, devices }) => {
      practice = {
        families: [...chosen],
        state: "starting",
        fault: null,
        group: null,
        devices: devices * chosen.length,
        releaseIds: [],
        log: [],
      }
      const order = ["--family", ...chosen, "--count", String(devices), "--state", state]
      const started = begin(data, order, {
        onLine: (line) => take(line, practice?.log ?? [], change),
        onEnd: (fault) => {
          if (child !== started) return
          child = null
          change({ state: "ended", fault })
        },
      })
      child = started
    },
    end: async () => {
      const ending = child
      child = null
      practice = null
      if (ending !== null) await endChild(ending)
      await rm(state, { recursive: true, force: true })
    },
    close: async () => {
      const ending = child
      child = null
      if (ending !== null) await endChild(ending)
    },
  }
}

interface Listener {
  readonly onLine: (line: string) => void
  /** Why it ended by itself. */
  readonly onEnd: (fault: string) => void
}

function begin(data: string, order: readonly string[], { onLine, onEnd }: Listener): ChildProcess {
  // This very program, however it was started.
  const args = [...process.execArgv, process.argv[1] ?? "", "virtual", "practice", "--data", data, "--json", ...order]
  // The folder says which server is meant; what this process was told of another counts nothing.
  const { WAFT_SERVER: _server, WAFT_TOKEN: _token, ...env } = process.env
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env })
  let last = ""
  createInterface({ input: child.stdout }).on("line", onLine)
  createInterface({ input: child.stderr }).on("line", (line) => (last = faultText(line)))
  child.once("error", (error) => onEnd(error.message))
  child.once("exit", (code, signal) =>
    onEnd(last === "" ? `The virtual devices ended by themselves (${signal ?? code}).` : last),
  )
  return child
}

/** The sentence of a problem, or the line as it is. */
function faultText(line: string): string {
  try {
    const { detail } = JSON.parse(line) as { readonly detail?: string }
    return detail ?? line
  } catch {
    return line
  }
}

function take(line: string, log: readonly string[], change: (more: Partial<Practice>) => void): void {
  const word = wordOf(line)
  if (word?.practice === "ready") {
    change({ state: "running", group: word.group, releaseIds: [...word.releaseIds] })
  } else change({ log: [...log, word?.text ?? line].slice(-keptLines) })
}

function wordOf(line: string): PracticeWord | null {
  try {
    const word = JSON.parse(line) as PracticeWord
    return word.practice === "ready" || word.practice === "contact" ? word : null
  } catch {
    return null
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  child.kill("SIGTERM")
  const last = setTimeout(() => child.kill("SIGKILL"), graceMs)
  await ended
  clearTimeout(last)
}
