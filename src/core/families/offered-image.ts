import type { JsonObject } from "../kit/json.ts"

/** An offer with the image it hands out (after `edit`). */
export interface OfferedImage {
  readonly offer: JsonObject
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}
