import type { UpdateState } from "./update.ts"
import type { Windows } from "./window.ts"

/** How a group of devices is brought to its releases: what a plan file says, every default filled in. Data: it is stored as JSON. */
export interface RolloutPlan {
  readonly name: string | null
  /** Releases by their ids; one for each family. */
  readonly releases: readonly string[]
  /** Group expression; null = every device that a release fits. */
  readonly group: string | null
  /** In order, at least one; each takes what those before it left. */
  readonly phases: readonly Phase[]
  readonly onTrouble: OnTrouble
  readonly silence: Silence
  readonly retries: Retries
  readonly pace: Pace | null
  /** Most devices that have been offered the update and are not at its end; null = no limit. */
  readonly maxInFlight: number | null
  readonly windows: Windows | null
  /** Nothing is offered before, ms since 1970 UTC; null = at once. */
  readonly startsAt: number | null
  /** Nothing new is offered from then on, ms since 1970 UTC; null = no end. */
  readonly endsAt: number | null
  /** Whether somebody else than who started it must approve it first. */
  readonly approval: boolean
  /** Of two rollouts that want a device, the one with the higher priority gets it; of equals the newer. */
  readonly priority: number
  /** Whether a device may get an older version than it runs. */
  readonly allowsDowngrade: boolean
  readonly budget: Budget
}

/** What the engine does when a guard is broken. */
export type OnTrouble = "pause" | "roll-back"

export interface Phase {
  readonly name: string
  readonly size: PhaseSize
  /** It takes a device of each model first. */
  readonly coversModels: boolean
  /** From the moment at which enough have succeeded until the next phase may open, ms. */
  readonly soakMs: number
  /** `manual`: somebody opens it by hand. */
  readonly gate: "automatic" | "manual"
  readonly guards: Guards
}

export type PhaseSize =
  | { readonly kind: "count"; readonly count: number }
  /** Of all devices of the rollout, above 0 up to 100. */
  | { readonly kind: "percent"; readonly percent: number }
  /** Those of them that match. */
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "rest" }

/** Shares in percent, 0 to 100; null = no guard. */
export interface Guards {
  /** The next phase opens only when so many of the phase's devices have succeeded. */
  readonly successAtLeast: number | null
  readonly failureAtMost: number | null
  readonly noShowAtMost: number | null
  /** Devices at their end from which on shares of these count; before that only what no later success can mend. */
  readonly minimumSample: number
}

/** How long a device may be silent before it is a no-show. The most particular limit counts: state, family, rhythm, default. */
export interface Silence {
  readonly defaultMs: number
  readonly states: Readonly<Partial<Record<UpdateState, number>>>
  readonly families: Readonly<Record<string, number>>
  /** So many times a device's own median time between contacts, where that is known and longer; null = not so. */
  readonly rhythms: number | null
}

/** A device that failed or was silent is tried again. */
export interface Retries {
  /** Tries after the first. */
  readonly times: number
  /** Before the second try, ms; each later one waits `growth` times as long. */
  readonly afterMs: number
  readonly growth: number
  readonly of: readonly ("failed" | "no-show")[]
}

/** Devices an hour that are offered the update. */
export interface Pace {
  readonly perHour: number
  /** The pace doubles so often, ms; null = it is constant. */
  readonly doubleEveryMs: number | null
  /** A growing pace grows no further than this. */
  readonly mostPerHour: number | null
}

/** Hard caps; null = none. */
export interface Cap {
  readonly bytes: number | null
  readonly sms: number | null
}

export interface Budget extends Cap {
  /** In the currency of the tariffs; null = none. */
  readonly money: number | null
  /** For each device in any 24 hours. */
  readonly perDeviceAndDay: Cap
  readonly tariffs: Tariffs | null
}

/** What data and messages cost; which one a device has is said by a label. */
export interface Tariffs {
  readonly label: string
  readonly plans: Readonly<Record<string, Tariff>>
}

export interface Tariff {
  readonly perMegabyte: number
  readonly perSms: number
  /** For all devices of the SIM plan together, in one rollout. */
  readonly cap: Cap
}

export const noCap: Cap = { bytes: null, sms: null }
export const noGuards: Guards = { successAtLeast: null, failureAtMost: null, noShowAtMost: null, minimumSample: 1 }
/** What a plan file's phases get that say nothing. */
export const usualGuards: Guards = { successAtLeast: 90, failureAtMost: 10, noShowAtMost: 10, minimumSample: 20 }

/** The success that a phase must show where only the other guards are said: what the wider of them leaves, percent. */
export function successBeside({ failureAtMost, noShowAtMost }: Pick<Guards, "failureAtMost" | "noShowAtMost">): number {
  return 100 - Math.max(failureAtMost ?? 0, noShowAtMost ?? 0)
}

/** Two weeks: devices in the field sleep. */
export const usualSilenceMs = 14 * 86_400_000

/** The plan without a plan: one phase, everybody at once. */
export function simplePlan(
  wish: Pick<RolloutPlan, "releases" | "group"> & { readonly silenceMs?: number | undefined },
): RolloutPlan {
  return {
    name: null,
    releases: wish.releases,
    group: wish.group,
    phases: [wholePhase("everybody", noGuards)],
    onTrouble: "pause",
    silence: { defaultMs: wish.silenceMs ?? usualSilenceMs, states: {}, families: {}, rhythms: null },
    retries: { times: 0, afterMs: 0, growth: 1, of: [] },
    pace: null,
    maxInFlight: null,
    windows: null,
    startsAt: null,
    endsAt: null,
    approval: false,
    priority: 0,
    allowsDowngrade: true,
    budget: { ...noCap, money: null, perDeviceAndDay: noCap, tariffs: null },
  }
}

/** A canary phase before everybody else: what the flags `--canary` and `--pause-on-no-show` mean. */
export function canaryPlan(
  plan: RolloutPlan,
  { count, noShowAtMost }: { readonly count: number | null; readonly noShowAtMost: number | null },
): RolloutPlan {
  const usual = { ...usualGuards, noShowAtMost: noShowAtMost ?? usualGuards.noShowAtMost }
  const canaryGuards: Guards = { ...usual, successAtLeast: successBeside(usual) }
  if (count === null) return { ...plan, phases: [wholePhase("everybody", { ...noGuards, noShowAtMost })] }
  const rest = wholePhase("everybody", canaryGuards)
  const canary: Phase = { ...rest, name: "canary", size: { kind: "count", count }, coversModels: true }
  return { ...plan, phases: [canary, rest] }
}

function wholePhase(name: string, guards: Guards): Phase {
  return { name, size: { kind: "rest" }, coversModels: false, soakMs: 0, gate: "automatic", guards }
}

/** How long this device may be silent in this state, ms. */
export function silenceLimitMs(
  { silence }: Pick<RolloutPlan, "silence">,
  device: { readonly state: UpdateState; readonly family: string; readonly rhythmMs: number | null },
): number {
  const limit = silence.states[device.state] ?? silence.families[device.family] ?? silence.defaultMs
  if (silence.rhythms === null || device.rhythmMs === null) return limit
  return Math.max(limit, silence.rhythms * device.rhythmMs)
}

/** When the next try may begin after the try of that number ended so, ms from its end; null = there is none. */
export function retryAfterMs(
  { retries }: Pick<RolloutPlan, "retries">,
  ended: { readonly state: UpdateState; readonly tryNumber: number },
): number | null {
  if (ended.tryNumber > retries.times) return null
  if (!retries.of.some((state) => state === ended.state)) return null
  return Math.round(retries.afterMs * retries.growth ** (ended.tryNumber - 1))
}
