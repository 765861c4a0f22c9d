import type { Publication, Upload } from "../../core/families/family.ts"

/** To the thread. */
export interface ExamineRequest {
  readonly family: string
  readonly upload: Upload
}

/** From the thread. */
export type ExamineReply = { readonly publication: Publication } | { readonly failed: string }
