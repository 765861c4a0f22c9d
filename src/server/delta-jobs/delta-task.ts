import type { DeltaOrder } from "../fleet/needs.ts"

/** From the queue to a worker. */
export interface DeltaRequest extends Pick<DeltaOrder, "recipe"> {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
}

/** From a worker to the queue. */
export type DeltaReply =
  | { readonly type: "progress"; readonly share: number }
  | { readonly type: "done"; readonly patch: Uint8Array }
  | { readonly type: "failed"; readonly message: string }
