import type { Origin } from "./origin.ts"

/** A request without its body. */
export interface RequestHead {
  readonly method: string
  /** Absolute and literal: nothing is decoded. */
  readonly path: string
  /** Without the question mark; nothing is decoded. */
  readonly query: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly origin: Origin
}
