import { open, rm } from "node:fs/promises"
import { join } from "node:path"
import type { WaftDatabase } from "./store/database.ts"

/** How long an answer is worth keeping: who asks often makes no more writes, milliseconds. */
const keptMs = 2000
const probeBytes = 4096

export interface ReadinessNeeds {
  readonly database: Pick<WaftDatabase, "transact">
  /** The data folder. */
  readonly folder: string
  /** A clock that never goes back, milliseconds. */
  readonly monotonic: () => number
}

/** Tells whether this server can still keep what it is told: it tries. The answer is null, or why it cannot. */
export function watchReadiness({ database, folder, monotonic }: ReadinessNeeds): () => Promise<string | null> {
  let asked: { readonly at: number; readonly answer: Promise<string | null> } | null = null
  let writes = 0
  const probe = async (): Promise<string | null> => {
    try {
      await database.transact([{ sql: `pragma user_version = ${++writes % 1_000_000}`, parameters: [] }])
      await writeAndClear(join(folder, "readiness.part"))
      return null
    } catch (error) {
      return (error as Error).message
    }
  }
  return () => {
    const now = monotonic()
    if (asked === null || now - asked.at >= keptMs) asked = { at: now, answer: probe() }
    return asked.answer
  }
}

async function writeAndClear(path: string): Promise<void> {
  const file = await open(path, "w", 0o600)
  try {
    await file.write(new Uint8Array(probeBytes))
    await file.sync()
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
}
