import { Worker } from "node:worker_threads"
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely"
import { DatabaseError, type Statement, type WaftDatabase } from "./database.ts"
import type { BackupRequest, WorkerReply, WorkerRequest } from "./sqlite-protocol.ts"
import type { Tables } from "./tables.ts"

/** From source (the test runner) the thread runs the compiled program: Node cannot start a thread from TypeScript. */
const workerFile = import.meta.url.endsWith(".ts")
  ? new URL("../../../dist/server/store/sqlite-worker.js", import.meta.url)
  : new URL("./sqlite-worker.js", import.meta.url)

interface Waiter {
  readonly resolve: (rows: readonly (readonly unknown[])[]) => void
  readonly reject: (error: Error) => void
}

/** Opens (or makes) the SQLite file in a thread of its own, so that a sync to disk never holds up a device. */
export function openSqlite(file: string): WaftDatabase {
  const thread = new SqliteThread(file)
  const builder = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new ThreadDriver(thread),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
  return {
    builder,
    query: async <Row>(query: CompiledQuery<Row>) => ((await thread.ask([query], false))[0] ?? []) as readonly Row[],
    transact: (queries) => thread.ask(queries, true),
    backup: (to) => thread.backUp(to),
    close: () => thread.close(),
  }
}

/** The store has a few dozen; texts beyond that cross whole. */
const mostTexts = 200

class SqliteThread {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  readonly #texts = new Map<string, number>()
  readonly #gone: Promise<void>
  #nextId = 1
  #dead: Error | null = null

  constructor(file: string) {
    this.#worker = new Worker(workerFile, { workerData: { file } })
    this.#worker.on("message", (reply: WorkerReply) => this.#settle(reply))
    this.#gone = new Promise((resolve) => this.#worker.once("exit", () => resolve()))
    this.#worker.on("error", (error: unknown) => this.#fail(toDatabaseError(error)))
    this.#worker.on("exit", () => this.#fail(new Error("the database thread has ended")))
  }

  ask(queries: readonly Statement[], atomic: boolean): Promise<readonly (readonly unknown[])[]> {
    if (this.#dead !== null) return Promise.reject(this.#dead)
    const id = this.#nextId++
    const texts: [number, string][] = []
    const request: WorkerRequest = {
      id,
      atomic,
      texts,
      queries: queries.map(({ sql, parameters, mustChange }) =>
        mustChange === true ? [this.#nameOf(sql, texts), parameters, true] : [this.#nameOf(sql, texts), parameters],
      ),
    }
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      this.#worker.postMessage(request)
    })
  }

  async backUp(file: string): Promise<void> {
    if (this.#dead !== null) throw this.#dead
    const request: BackupRequest = { id: this.#nextId++, backup: file }
    await new Promise((resolve, reject) => {
      this.#waiters.set(request.id, { resolve, reject })
      this.#worker.postMessage(request)
    })
  }

  /** A text that is likely to come again gets a number, so that it crosses to the thread only once. */
  #nameOf(sql: string, texts: [number, string][]): number | string {
    const known = this.#texts.get(sql)
    if (known !== undefined) return known
    if (this.#texts.size >= mostTexts) return sql
    const number = this.#texts.size
    this.#texts.set(sql, number)
    texts.push([number, sql])
    return number
  }

  async close(): Promise<void> {
    if (this.#dead === null) this.#worker.postMessage("close")
    await this.#gone
  }

  #settle(reply: WorkerReply): void {
    const waiter = this.#waiters.get(reply.id)
    this.#waiters.delete(reply.id)
    if ("rows" in reply) waiter?.resolve(reply.rows)
    else waiter?.reject(new DatabaseError(reply.error.code, reply.error.message))
  }

  #fail(error: Error): void {
    this.#dead ??= error
    for (const waiter of this.#waiters.values()) waiter.reject(error)
    this.#waiters.clear()
  }
}

/** An error that crossed from another thread has lost its class. */
function toDatabaseError(error: unknown): DatabaseError {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  return new DatabaseError(code ?? "unknown", message ?? String(error))
}

/** Lets Kysely's migrator use the thread. One connection: Kysely's own queries come one after another. */
class ThreadDriver implements Driver {
  readonly #thread: SqliteThread

  constructor(thread: SqliteThread) {
    this.#thread = thread
  }

  init = (): Promise<void> => Promise.resolve()
  acquireConnection = (): Promise<DatabaseConnection> => Promise.resolve(new ThreadConnection(this.#thread))
  releaseConnection = (): Promise<void> => Promise.resolve()
  destroy = (): Promise<void> => Promise.resolve()
  beginTransaction = (): Promise<void> => this.#run("begin immediate")
  commitTransaction = (): Promise<void> => this.#run("commit")
  rollbackTransaction = (): Promise<void> => this.#run("rollback")

  async #run(sql: string): Promise<void> {
    await this.#thread.ask([{ sql, parameters: [] }], false)
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #thread: SqliteThread

  constructor(thread: SqliteThread) {
    this.#thread = thread
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return { rows: ((await this.#thread.ask([query], false))[0] ?? []) as Row[] }
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("the store reads whole results only")
  }
}
