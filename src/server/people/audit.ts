import { type AuditEntry, firstSeal, type SealStart } from "../../core/domain/audit.ts"
import type { Store } from "../fleet/needs.ts"
import type { EventQuery } from "../fleet/page-reads.ts"

export interface AuditPage {
  /** What the first entry is sealed after; null = entries between were left out, so that their seals cannot be followed. */
  readonly start: SealStart | null
  readonly entries: readonly AuditEntry[]
}

/** One page of the audit log. */
export async function auditPage({ store }: { readonly store: Store }, query: EventQuery): Promise<AuditPage> {
  const entries = await store.auditEntries(query)
  const isWhole = query.deviceId === undefined && query.isCalledFor !== true && query.backwards !== true
  return { start: isWhole ? await startAfter(store, query.after) : null, entries }
}

async function startAfter(store: Store, seq: number): Promise<SealStart> {
  if (seq === 0) return firstSeal
  const [entry] = await store.auditEntries({ after: seq - 1, limit: 1 })
  return { seq, seal: entry?.seq === seq && entry.seal !== null ? entry.seal : firstSeal.seal }
}
