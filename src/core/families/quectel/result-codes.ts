import { type CodeRow, codeTables, type EndEvent, type RetryClass } from "./code-tables.ts"
import type { ModuleProfile } from "./models.ts"

export type { EndEvent, RetryClass } from "./code-tables.ts"

/** A code as a module of one profile means it. */
export interface ModuleResult {
  readonly event: EndEvent
  /** The module's own number, whatever it is. */
  readonly code: number
  /** The document's words; for a number that no document lists, that. */
  readonly words: string
  readonly retry: RetryClass
  /** What happened and what changes it, for the operator. */
  readonly sentence: string
  readonly isKnown: boolean
}

/** What a code means on a module of that profile. A number that is in no table is a failure, and keeps its number. */
export function moduleResult(profile: Pick<ModuleProfile, "codes">, event: EndEvent, code: number): ModuleResult {
  const row = codeTables[profile.codes][event].find(([known]) => known === code)
  if (row !== undefined) return resultOf(event, row)
  return {
    event,
    code,
    words: "a code that the module's documents do not list",
    retry: "permanent",
    sentence: `The module ended with ${event} ${code}, which its documents do not list; nothing is repeated, ask the vendor for its meaning.`,
    isKnown: false,
  }
}

/** Every code that the documents list for a profile, in the order of an update. */
export function resultCodes(profile: Pick<ModuleProfile, "codes">): readonly ModuleResult[] {
  const tables = codeTables[profile.codes]
  return (["FTPEND", "HTTPEND", "FILEEND", "END"] as const).flatMap((event) =>
    tables[event].map((row) => resultOf(event, row)),
  )
}

function resultOf(event: EndEvent, [code, words, retry, sentence]: CodeRow): ModuleResult {
  return { event, code, words, retry, sentence, isKnown: true }
}
