import type { ArchitectureName, ProfileName } from "../../core/delta/index.ts"

/** What a patch is made for: the part of the options that a device's registration decides. */
export interface DeltaTarget {
  readonly profile: ProfileName
  readonly architecture?: ArchitectureName | "auto"
  /** In place: the flash's sector size in bytes. */
  readonly sectorSize?: number
  readonly preserveSlots?: number
}

/** From the queue to a worker. */
export interface DeltaRequest extends DeltaTarget {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
}

/** From a worker to the queue. */
export type DeltaReply =
  | { readonly type: "progress"; readonly share: number }
  | { readonly type: "done"; readonly patch: Uint8Array }
  | { readonly type: "failed"; readonly message: string }
