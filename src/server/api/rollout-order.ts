import { Value } from "typebox/value"
import { type RolloutBody, RulesBody } from "../../core/contract/schemas.ts"
import { canaryPlan, type RolloutPlan, simplePlan } from "../../core/domain/plan.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { mistakeText, parsePlanFile } from "../../core/rollout/plan-file.ts"

/** The plan that a request means: a plan file, or the common case in a few words. Refuses `bad-plan` and `bad-request`. */
export function planOfBody(body: RolloutBody): RolloutPlan {
  const { plan, planId, releaseIds, group = null, silenceTimeoutMs, canary, pauseOnNoShow } = body
  const { allowDowngrade = false } = body
  if (planId !== undefined)
    throw new Refusal("bad-request", { detail: "a plan that was shown is started, not planned" })
  if (plan !== undefined) {
    if (
      releaseIds !== undefined ||
      canary !== undefined ||
      pauseOnNoShow !== undefined ||
      silenceTimeoutMs !== undefined
    ) {
      throw new Refusal("bad-request", {
        detail: "a plan says everything itself: no releases, canary or silence beside it",
      })
    }
    const parsed = parsePlanFile(plan)
    if (!parsed.ok) throw new Refusal("bad-plan", { detail: parsed.mistakes.map(mistakeText).join("; ") })
    return parsed.plan
  }
  if (releaseIds === undefined) throw new Refusal("bad-request", { detail: "a rollout needs a plan, or releaseIds" })
  const base = simplePlan({ releases: [...new Set(releaseIds)], group, silenceMs: silenceTimeoutMs })
  const simple = { ...base, allowsDowngrade: allowDowngrade }
  if (canary === undefined && pauseOnNoShow === undefined) return simple
  return canaryPlan(simple, { count: canary ?? null, noShowAtMost: pauseOnNoShow ?? null })
}

/** The plan that a request names by its id; null = it names none. Refuses whatever stands beside the id. */
export function planIdOfBody({ planId, ...others }: RolloutBody): string | null {
  if (planId === undefined) return null
  if (Object.keys(others).length > 0) {
    throw new Refusal("bad-request", { detail: "a plan that was shown is started as it is: nothing beside its planId" })
  }
  return planId
}

/** What a release is to demand, from the query of its upload; null = nothing is said. Refuses `bad-request`. */
export function parseRules(text: string | undefined): RulesBody | null {
  if (text === undefined) return null
  try {
    const value: unknown = JSON.parse(text)
    if (Value.Check(RulesBody, value)) return value
  } catch (error) {
    throw new Refusal("bad-request", { detail: `rules is not JSON (${(error as Error).message})` })
  }
  throw new Refusal("bad-request", { detail: "rules takes floor, forbidden, security and mustBeRehearsed" })
}
