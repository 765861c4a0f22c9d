/** What the main thread and the SQLite thread say to each other. */
export interface WorkerRequest {
  readonly id: number
  /** All queries in one transaction: all happen or none. */
  readonly atomic: boolean
  /** SQL texts that are used for the first time, with the numbers that stand for them from now on. */
  readonly texts: readonly (readonly [number: number, sql: string])[]
  /** An SQL text or its number, the parameters, and whether the transaction fails as `stale` where no row changes. */
  readonly queries: readonly (readonly [sql: number | string, parameters: readonly unknown[], mustChange?: true])[]
}

/** Copies the database into a new file, some pages at a time. */
export interface BackupRequest {
  readonly id: number
  readonly backup: string
}

export type WorkerReply =
  | { readonly id: number; readonly rows: readonly (readonly unknown[])[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string } }
