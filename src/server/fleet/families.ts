import { Refusal } from "../../core/domain/refusal.ts"
import type { AgentSide, Family } from "../../core/families/family.ts"

/** The family of that id. Refuses `no-such-family`. */
export function familyOf(families: readonly Family[], id: string): Family {
  const family = families.find((candidate) => candidate.id === id)
  if (family !== undefined) return family
  throw new Refusal("no-such-family", { family: id, known: families.map((candidate) => candidate.id).join(", ") })
}

/** Refuses `no-such-model` unless the family has it. */
export function requireModel(family: Family, model: string): void {
  if (family.models.some((candidate) => candidate.id === model)) return
  const known = family.models.map((candidate) => candidate.id).join(", ")
  throw new Refusal("no-such-model", { family: family.id, model, known })
}

/** How packages of a family are named and where they lead; null = its offers need no credentials of their own. */
export function ticketSide(family: Family): Pick<AgentSide, "fileName" | "goal"> | null {
  return family.agent ?? family.conversation ?? null
}
