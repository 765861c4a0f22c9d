import { actorText } from "../../core/domain/actor.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { Store } from "../fleet/needs.ts"
import type { FourEyesDeed } from "../../core/domain/people.ts"
import { type Caller, callerText, firstAdmin } from "./caller.ts"

/**
 * Bars who started a rollout from approving it. Where no settings ask for a second person, the first token may
 * be everybody's: it approves what it started, if a plan asks for that. Refuses `four-eyes`.
 */
export async function demandSecondPerson(
  { store, fourEyes }: { readonly store: Store; readonly fourEyes: ReadonlySet<FourEyesDeed> },
  caller: Caller,
  rolloutId: string,
): Promise<void> {
  const isEverybodys = fourEyes.size === 0 && caller.tokenId === firstAdmin.tokenId
  const firsts = await store.events({ after: 0, limit: 20, rolloutId })
  const started = firsts.find(({ kind }) => kind === "rollout.started")
  if (started === undefined || started.actor === null || isEverybodys) return
  if (actorText(started.actor) === actorText(caller)) throw new Refusal("four-eyes", { who: callerText(caller) })
}
