import type { RunningEvidence } from "../../core/domain/evidence.ts"
import type { Update } from "../../core/domain/records.ts"
import { explainUpdate } from "./explain-rollout.ts"
import { durationText } from "../../core/domain/duration.ts"
import { timeText } from "../../core/rollout/explain.ts"
import { nextContact } from "../../core/rollout/rhythm.ts"
import { familyOf } from "./families.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isLive, type LiveDevice, neverSeen } from "./live-fleet.ts"
import { type DeviceState, standingOf } from "./index/census.ts"
import { sharingSentence } from "./record-fact.ts"

type Needs = Pick<FleetNeeds, "clock" | "live" | "families">

/** A device in one word. `update` is its newest. */
export function deviceState(
  { families }: Pick<Needs, "families">,
  { device, seenAt, trouble }: LiveDevice,
  update: Update | null,
): DeviceState {
  const isAstray = familyOf(families, device.family).conversation?.isAstray(device.familyState) === true
  return standingOf({ device, update, trouble: update === null ? trouble : null, seenAt }, isAstray).state
}

/** One sentence: what the device does or waits for, why, and what will change it. `update` is its newest. */
export function explainDevice(needs: Needs, live: LiveDevice, update: Update | null): string {
  const { device } = live
  const contact = contactWords(live, needs.clock.now())
  if (device.admission === "pending") {
    return `${device.id}: it enrolled itself and waits for an operator; \`waft device accept ${device.id}\` lets it take part. ${contact}.`
  }
  const family = familyOf(needs.families, device.family)
  const trouble = family.conversation?.explain(device.familyState) ?? null
  const shared = doubtOf(live, update)
  const doubt = `${trouble === null ? "" : ` ${trouble}`}${shared === null ? "" : ` ${shared}`}`
  if (update === null) {
    return live.seenAt === neverSeen
      ? `${device.id}: it has never called; put its ${family.access.words} and wait for its first contact.${doubt}`
      : `${device.id}: nothing is planned for it; it gets nothing new until a rollout includes it.${doubt} ${contact}.`
  }
  const rollout = needs.live.rollouts.get(update.rolloutId)?.rollout
  const paused = rollout?.state === "paused" && ["waiting", "offered", "no-show"].includes(update.progress.state)
  if (paused) {
    return `${device.id}: it waits because the rollout ${rollout.id} is paused; \`waft rollout resume ${rollout.id}\` goes on.`
  }
  const why = update.offerReason === null || isSaid(update) ? "" : ` ${update.offerReason}`
  const over = rollout !== undefined && !isLive(rollout.state) ? "" : ` ${contact}.`
  return `${device.id}: ${lowerFirst(explainUpdate(needs, update))}${why}${sinceThen(needs, live, update)}${doubt}${over}`
}

const nowKnown = {
  unknown: () => "it may have changed: what it runs now is not known",
  told: (version) => `an operator has said that it runs ${version}`,
  observed: (version) => `it was seen to run ${version}`,
  reported: (version) => `it has said itself that it runs ${version}`,
  concluded: (version) => `it was concluded that it runs ${version}`,
} as const satisfies Record<RunningEvidence, (version: string) => string>

/** What came after an update that succeeded and no longer holds: what it said then is not said as if it still did. */
function sinceThen({ live: fleet }: Pick<Needs, "live">, { device }: LiveDevice, update: Update): string {
  if (update.progress.state !== "succeeded") return ""
  const { version, evidence } = device.running
  const holds = evidence !== "unknown" && version === fleet.releases.get(update.releaseId)?.version
  return holds ? "" : ` Since then ${nowKnown[evidence](version ?? "nothing that is known")}.`
}

/** Why its login seems to be used by two devices; null = it does not. `update` is its newest. */
export function doubtOf({ device }: LiveDevice, update: Update | null): string | null {
  const sign = update?.pull.sharing ?? null
  return sign === null ? null : sharingSentence(device.id, sign)
}

/** When it came last, and when it is expected next, where its rhythm is known. */
function contactWords({ seenAt, rhythm }: LiveDevice, now: number): string {
  if (seenAt === neverSeen) return "It has never called"
  const last = `It called last ${ago(now - seenAt)}`
  const next = nextContact(rhythm, seenAt, now)
  if (next === null) return last
  const when = `about ${timeText(next.at)}, within ${durationText(next.withinMs)}`
  return next.isOverdue ? `${last}; it is overdue and expected ${when}` : `${last} and is expected ${when}`
}

function isSaid({ offerReason, progress }: Update): boolean {
  return offerReason !== null && progress.sentence.includes(offerReason)
}

function lowerFirst(sentence: string): string {
  return /^(The|It|This|A|An) /.test(sentence) ? sentence.charAt(0).toLowerCase() + sentence.slice(1) : sentence
}

/** "4 minutes ago", rounded down; a time that the clock puts into the future was "just now". */
export function ago(ms: number): string {
  const units: readonly (readonly [string, number])[] = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1000],
  ]
  for (const [unit, unitMs] of units) {
    const count = Math.floor(ms / unitMs)
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"} ago`
  }
  return "just now"
}
