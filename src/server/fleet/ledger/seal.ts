import { hash } from "node:crypto"
import { type Actor, authorOf } from "../../../core/domain/actor.ts"
import { type AuditEntry, type SealStart, sealText } from "../../../core/domain/audit.ts"
import type { Change } from "../needs.ts"

/** SHA-256 of bytes, or of a text in UTF-8, hex. */
export function sha256(text: string | Uint8Array): string {
  return hash("sha256", text)
}

/** The event of a commit with its number and its seal, as it follows what was last appended. */
export function sealed(
  last: SealStart,
  actor: Actor,
  change: Extract<Change, { append: unknown }>,
): AuditEntry & SealStart {
  const { append, changes = [] } = change
  const entry = { ...append, seq: last.seq + 1, actor: authorOf(actor), from: actor.from ?? null, changes }
  return { ...entry, seal: sha256(sealText(last.seal, entry)) }
}
