import type { ReleaseRules } from "../domain/records.ts"

export interface Upgrade {
  /** What the device runs, in the family's canonical text; null = nobody knows. */
  readonly running: string | null
  readonly target: string
  /** From which versions the release may be reached. */
  readonly rules: Pick<ReleaseRules, "floor" | "forbidden">
  readonly allowsDowngrade: boolean
  /** Negative when a is older than b. */
  readonly compare: (a: string, b: string) => number
}

/** Why a device must not take a release, as a sentence; null = it may. */
export function forbiddenUpgrade({ running, target, rules, allowsDowngrade, compare }: Upgrade): string | null {
  if (running === null) {
    if (rules.floor === null && rules.forbidden.length === 0) return null
    return `Version ${target} may be installed over some versions only, and nobody knows what it runs; \`waft device set --running\` says so.`
  }
  if (rules.forbidden.includes(running)) {
    return `Version ${target} must not be installed over version ${running}: the release forbids that pair; bring it to another version first.`
  }
  if (rules.floor !== null && compare(running, rules.floor) < 0) {
    return `Version ${target} is for devices from version ${rules.floor} up, and it runs ${running}; bring it to ${rules.floor} first.`
  }
  if (!allowsDowngrade && compare(target, running) < 0) {
    return `It runs version ${running}, and ${target} is older; that takes allow-downgrade: true in the plan, or --allow-downgrade.`
  }
  return null
}
