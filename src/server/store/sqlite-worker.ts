import { parentPort, workerData } from "node:worker_threads"
import Database from "better-sqlite3"
import type { BackupRequest, WorkerReply, WorkerRequest } from "./sqlite-protocol.ts"

/**
 * The one thread that touches SQLite: it runs what it is sent, in order. WAL and `synchronous=FULL`: what a caller was
 * told is durable survives a power loss, not only a crash.
 */
const port = parentPort
if (port === null) throw new Error("sqlite-worker runs only as a worker thread")

const { file } = workerData as { readonly file: string }
const database = open()

function open(): Database.Database {
  try {
    const opened = new Database(file, { timeout: 500 })
    // One server a data folder: a second one is told that the file is locked.
    opened.pragma("locking_mode = EXCLUSIVE")
    opened.pragma("journal_mode = WAL")
    opened.pragma("synchronous = FULL")
    // Some commit has to wait while the log is moved into the file: four times as rarely as SQLite would by itself. 16 MB.
    opened.pragma("wal_autocheckpoint = 4000")
    opened.pragma("foreign_keys = ON")
    return opened
  } catch (error) {
    // SQLite's own error class loses its message on the way to the main thread.
    throw new Error((error as Error).message, { cause: error })
  }
}

const preparedLimit = 400
const texts = new Map<number, string>()
const prepared = new Map<number | string, Database.Statement>()

function prepare(sql: number | string): Database.Statement {
  const known = prepared.get(sql)
  if (known !== undefined) return known
  const statement = database.prepare(typeof sql === "string" ? sql : (texts.get(sql) ?? ""))
  const oldest = prepared.size >= preparedLimit ? prepared.keys().next().value : undefined
  if (oldest !== undefined) prepared.delete(oldest)
  prepared.set(sql, statement)
  return statement
}

const nothing: readonly unknown[] = []

function run(sql: number | string, parameters: readonly unknown[], mustChange = false): readonly unknown[] {
  const statement = prepare(sql)
  if (statement.reader) return statement.all(...parameters)
  const { changes } = statement.run(...parameters)
  if (mustChange && changes === 0) throw Object.assign(new Error("a record has another version"), { code: "stale" })
  return nothing
}

const runAll = database.transaction((request: WorkerRequest) =>
  request.queries.map(([sql, parameters, mustChange]) => run(sql, parameters, mustChange)),
)

function answer(request: WorkerRequest): WorkerReply {
  for (const [number, sql] of request.texts) texts.set(number, sql)
  try {
    const rows = request.atomic
      ? runAll.immediate(request)
      : request.queries.map(([sql, parameters]) => run(sql, parameters))
    return { id: request.id, rows }
  } catch (error) {
    return failure(request.id, error)
  }
}

function failure(id: number, error: unknown): WorkerReply {
  const { message, code } = error as { readonly message: string; readonly code?: string }
  return { id, error: { message, code: code ?? "unknown" } }
}

/** A few pages at a time: what devices tell is written in between, and the copy has it too. */
const pagesAtOnce = 200

async function backUp({ id, backup }: BackupRequest): Promise<WorkerReply> {
  try {
    await database.backup(backup, { progress: () => pagesAtOnce })
    return { id, rows: nothing as readonly (readonly unknown[])[] }
  } catch (error) {
    return failure(id, error)
  }
}

port.on("message", (request: WorkerRequest | BackupRequest | "close") => {
  if (request === "close") {
    database.close()
    port.close()
    return
  }
  if ("backup" in request) void backUp(request).then((reply) => port.postMessage(reply))
  else port.postMessage(answer(request))
})
