import type { Node } from "yaml"
import {
  type Budget,
  type Guards,
  noCap,
  type Phase,
  type PhaseSize,
  type RolloutPlan,
  simplePlan,
  successBeside,
  usualGuards,
} from "../domain/plan.ts"
import {
  budget,
  choice,
  duration,
  flag,
  groupText,
  moment,
  pace,
  percent,
  retries,
  silence,
  windows,
} from "./plan-fields.ts"
import { type Field, listOf, mapOf, type Mistake, text, whole, YamlFile } from "./yaml-reader.ts"

/** Largest plan file, characters. */
export const mostPlanChars = 65_536

export type ParsedPlan =
  | { readonly ok: true; readonly plan: RolloutPlan }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] }

/**
 * Reads a plan file: YAML 1.2, and so JSON as well. Every mistake is named with its line, column and reason; a file with any
 * is no plan. What a file does not say is filled in: one phase for everybody, guards at 10 percent failures and 10 percent no-shows, two weeks of
 * silence, a pause on trouble, no retry, no limit.
 */
export function parsePlanFile(written: string): ParsedPlan {
  if (written.length > mostPlanChars) {
    const reason = `a plan file has at most ${mostPlanChars} characters`
    return { ok: false, mistakes: [{ line: 1, column: 1, reason }] }
  }
  const file = new YamlFile(written)
  const plan = file.mistakes.length > 0 ? undefined : readPlan(file)
  return plan === undefined || file.mistakes.length > 0 ? { ok: false, mistakes: file.mistakes } : { ok: true, plan }
}

/** A mistake for people: `line 3, column 5: …`. */
export function mistakeText({ line, column, reason }: Mistake): string {
  return `line ${line}, column ${column}: ${reason}`
}

const guardFields = {
  "success-at-least": percent("success-at-least"),
  "failure-at-most": percent("failure-at-most"),
  "no-show-at-most": percent("no-show-at-most"),
  "minimum-sample": whole("minimum-sample", 1, 1_000_000),
}

type GuardWords = { readonly [K in keyof typeof guardFields]?: number | undefined }

/** What a phase says comes before what the plan says for all of them. */
function guardsOf(...words: readonly (GuardWords | undefined)[]): Guards {
  const said = (key: keyof GuardWords): number | undefined => words.find((one) => one?.[key] !== undefined)?.[key]
  const failureAtMost = said("failure-at-most") ?? usualGuards.failureAtMost
  const noShowAtMost = said("no-show-at-most") ?? usualGuards.noShowAtMost
  return {
    successAtLeast: said("success-at-least") ?? successBeside({ failureAtMost, noShowAtMost }),
    failureAtMost,
    noShowAtMost,
    minimumSample: said("minimum-sample") ?? usualGuards.minimumSample,
  }
}

const phaseFields = mapOf("a phase", {
  name: text("name", 64),
  count: whole("count", 1, 10_000_000),
  percent: percent("percent"),
  group: groupText,
  rest: flag("rest"),
  covers: choice("covers", "models"),
  soak: duration("soak"),
  gate: choice("gate", "automatic", "manual"),
  ...guardFields,
})

type PhaseWords = NonNullable<ReturnType<typeof phaseFields>> & { readonly node: Node | null }

const phase: Field<PhaseWords> = (file, node) => {
  const found = phaseFields(file, node)
  return found === undefined ? undefined : { ...found, node }
}

const planFields = mapOf("a plan", {
  name: text("name", 100),
  releases: listOf("releases", text("a release", 64), 20),
  group: groupText,
  phases: listOf("phases", phase, 100),
  guards: mapOf("guards", guardFields),
  "on-trouble": choice("on-trouble", "pause", "roll-back"),
  silence,
  retries,
  pace,
  "max-in-flight": whole("max-in-flight", 1, 10_000_000),
  windows,
  start: moment("start"),
  end: moment("end"),
  approval: choice("approval", "required", "none"),
  priority: whole("priority", 0, 1000),
  "allow-downgrade": flag("allow-downgrade"),
  budget,
})

function readPlan(file: YamlFile): RolloutPlan | undefined {
  if (file.root === null) return file.mistake(null, "the file is empty; a plan names at least its releases")
  const words = planFields(file, file.root)
  if (words === undefined) return undefined
  if (words.releases === undefined) {
    return file.mistakes.length > 0 ? undefined : file.mistake(file.root, "the plan names no releases")
  }
  const { start = null, end = null } = words
  if (start !== null && end !== null && end <= start) file.mistake(file.root, "the plan's end is not after its start")
  const simple = simplePlan({ releases: words.releases, group: words.group ?? null })
  return {
    ...simple,
    name: words.name ?? null,
    phases: readPhases(file, words.phases ?? [], words.guards),
    onTrouble: words["on-trouble"] ?? "pause",
    silence: words.silence ?? simple.silence,
    retries: words.retries ?? simple.retries,
    pace: words.pace ?? null,
    maxInFlight: words["max-in-flight"] ?? null,
    windows: words.windows ?? null,
    startsAt: start,
    endsAt: end,
    approval: words.approval === "required",
    priority: words.priority ?? 0,
    allowsDowngrade: words["allow-downgrade"] ?? false,
    budget: readBudget(words.budget),
  }
}

function readBudget(words: ReturnType<typeof budget>): Budget {
  return {
    bytes: words?.bytes ?? null,
    sms: words?.sms ?? null,
    money: words?.money ?? null,
    perDeviceAndDay: words?.["per-device-and-day"] ?? noCap,
    tariffs: words?.tariffs ?? null,
  }
}

/** The phases, and one for the rest where the file's own leave some. */
function readPhases(file: YamlFile, written: readonly PhaseWords[], general: GuardWords | undefined): readonly Phase[] {
  const phases = written.map((words, index): Phase => {
    const size = sizeOf(file, words)
    return {
      name: words.name ?? (size.kind === "rest" ? "everybody" : `phase ${index + 1}`),
      size,
      coversModels: words.covers === "models",
      soakMs: words.soak ?? 0,
      gate: words.gate ?? "automatic",
      guards: guardsOf(words, general),
    }
  })
  checkPhases(file, written, phases)
  if (phases.at(-1)?.size.kind === "rest") return phases
  const last = { name: "everybody", size: { kind: "rest" }, coversModels: false, soakMs: 0, gate: "automatic" } as const
  return [...phases, { ...last, guards: guardsOf(general) }]
}

function sizeOf(file: YamlFile, { node, count, percent: share, group, rest }: PhaseWords): PhaseSize {
  const given = [count, share, group, rest].filter((size) => size !== undefined).length
  if (given !== 1) file.mistake(node, "a phase takes one of count, percent, group and rest")
  if (count !== undefined) return { kind: "count", count }
  if (share !== undefined) {
    if (share === 0) file.mistake(node, "a phase of 0 percent has no devices")
    return { kind: "percent", percent: share }
  }
  if (group !== undefined) return { kind: "group", group }
  if (rest === false) file.mistake(node, "rest is true, or it is left out")
  return { kind: "rest" }
}

function checkPhases(file: YamlFile, written: readonly PhaseWords[], phases: readonly Phase[]): void {
  const names = new Set<string>()
  for (const [index, { name, size }] of phases.entries()) {
    const node = written[index]?.node ?? null
    if (names.has(name)) file.mistake(node, `two phases are called "${name}"`)
    names.add(name)
    if (size.kind === "rest" && index < phases.length - 1) {
      file.mistake(node, "the phase with the rest must be the last: nothing is left after it")
    }
  }
  if (names.size > 0 && phases.at(-1)?.size.kind !== "rest" && names.has("everybody")) {
    file.mistake(written[0]?.node ?? null, 'only the phase with the rest may be called "everybody"')
  }
}
