/** What the main thread and the SQLite thread say to each other. */
export interface WorkerRequest {
  readonly id: number
  /** All queries in one transaction: all happen or none. */
  readonly atomic: boolean
  readonly queries: readonly { readonly sql: string; readonly parameters: readonly unknown[] }[]
}

export type WorkerReply =
  | { readonly id: number; readonly rows: readonly (readonly unknown[])[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string } }
