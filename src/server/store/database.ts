import type { CompiledQuery, Kysely } from "kysely"
import type { Tables } from "./tables.ts"

/** A query's text, and what it is run with. */
export type Statement = Pick<CompiledQuery, "sql" | "parameters"> & {
  /** Where it changes no row, its transaction fails with the code `stale`. */
  readonly mustChange?: true
}

/** A database that runs compiled queries. Queries are built with Kysely and never span a wait of ours. */
export interface WaftDatabase {
  /** Builds queries, runs migrations. */
  readonly builder: Kysely<Tables>
  readonly query: <Row>(query: CompiledQuery<Row>) => Promise<readonly Row[]>
  /** Runs all in one durable transaction and gives the rows of each. */
  readonly transact: (queries: readonly Statement[]) => Promise<readonly (readonly unknown[])[]>
  /** Writes the whole database, as it is at one moment, into a new file, while it goes on being used. */
  readonly backup: (file: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** The database refused a query. `code` is its own, such as `SQLITE_FULL`. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError"
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
