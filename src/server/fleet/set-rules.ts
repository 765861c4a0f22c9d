import { noRules } from "../../core/domain/marks.ts"
import type { Release, ReleaseRules } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { Family } from "../../core/families/family.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import { releaseById } from "./find-release.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families"> & OnBehalf

/** What is not said stays as it is. */
export type RulesWish = { readonly [Key in keyof ReleaseRules]?: ReleaseRules[Key] | undefined }

/** Changes what a release demands before it is installed. Refuses `no-such-release` and `bad-version`. */
export async function setRules(needs: Needs, id: string, wish: RulesWish): Promise<Release> {
  const release = releaseById(needs, id)
  const family = familyOf(needs.families, release.family)
  const rules = checkedRules(family, release.version, { ...noRules, ...release.rules, ...said(wish) })
  const sentence = `The release ${id} (version ${release.version}): ${rulesText(rules)}.`
  const event = eventOf({ at: needs.clock.now(), kind: "release.rules-set", releaseId: id, sentence })
  const changed = { ...release, rules }
  await commit(needs, needs.actor, [{ put: "release", release: changed }, event])
  return changed
}

const said = (wish: RulesWish): Partial<ReleaseRules> =>
  Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))

/** The rules with their versions in the family's own writing. Refuses `bad-version`. */
export function checkedRules(family: Family, version: string, rules: ReleaseRules): ReleaseRules {
  const read = (text: string): string => {
    const parsed = family.versions.parse(text)
    if ("fault" in parsed) throw new Refusal("bad-version", { detail: parsed.fault.sentence })
    return parsed.version
  }
  const floor = rules.floor === null ? null : read(rules.floor)
  if (floor !== null && family.versions.compare(floor, version) > 0) {
    const detail = `The floor ${floor} is above the release's own version ${version}: nobody could reach it.`
    throw new Refusal("bad-version", { detail })
  }
  return { ...rules, floor, forbidden: [...new Set(rules.forbidden.map(read))] }
}

function rulesText({ floor, forbidden, security, mustBeRehearsed }: ReleaseRules): string {
  const parts = [
    ...(floor === null ? [] : [`only from version ${floor} up`]),
    ...(forbidden.length === 0 ? [] : [`never over ${forbidden.join(", ")}`]),
    ...(security === null ? [] : ["it mends a security hole"]),
    ...(mustBeRehearsed ? ["it has to succeed on a virtual device of each model first"] : []),
  ]
  return parts.length === 0 ? "it demands nothing of its devices" : parts.join("; ")
}
