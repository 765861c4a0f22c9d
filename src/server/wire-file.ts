import { readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setImmediate as breathe } from "node:timers/promises"
import { systemClock } from "./clock.ts"
import type { LiveFleet } from "./fleet/live-fleet.ts"
import { secretsOf } from "./fleet/wire/device-wire.ts"
import { type KeptTranscript, WireLog } from "./fleet/wire/wire-log.ts"

/** Transcripts from one run to the next, one a line as JSON, secrets masked. */
const wireFile = "wire.ndjson"
/** So many are written or read before others have their turn. */
const atOnce = 200

export interface OpenWire {
  readonly log: WireLog
  /** Keeps what is held now for the next run; what cannot be kept is no reason not to end. */
  readonly keep: () => Promise<void>
}

/**
 * The transcripts of this run, with those that the last one kept when it was ended. A run that was killed has kept nothing:
 * writing along would cost every poll, and what matters of a contact stands in the event log.
 */
export async function openWire(folder: string, live: LiveFleet): Promise<OpenWire> {
  const path = join(folder, wireFile)
  const log = new WireLog(() => systemClock.now())
  log.restore(await keptIn(path))
  // What is read once is not read again by a run after one that was killed.
  await rm(path, { force: true })
  return { log, keep: () => keepIn(path, log, live).catch(() => undefined) }
}

async function keptIn(path: string): Promise<readonly KeptTranscript[]> {
  const text = await readFile(path, "utf8").catch(() => "")
  const kept: KeptTranscript[] = []
  for (const line of text.split("\n")) {
    const transcript = line === "" ? null : parsed(line)
    if (transcript !== null) kept.push(transcript)
    if (kept.length % atOnce === 0) await breathe()
  }
  return kept
}

/** A line that was damaged is left out. */
function parsed(line: string): KeptTranscript | null {
  try {
    const value = JSON.parse(line) as Partial<KeptTranscript>
    return typeof value.deviceId === "string" && Array.isArray(value.lines) ? (value as KeptTranscript) : null
  } catch {
    return null
  }
}

async function keepIn(path: string, log: WireLog, live: LiveFleet): Promise<void> {
  const secrets = (deviceId: string): readonly string[] => {
    const found = live.devices.get(deviceId)
    return found === undefined ? [] : secretsOf(found)
  }
  const lines: string[] = []
  for (const transcript of log.kept(secrets)) {
    lines.push(JSON.stringify(transcript))
    if (lines.length % atOnce === 0) await breathe()
  }
  if (lines.length === 0) return
  await writeFile(`${path}.new`, `${lines.join("\n")}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
