/** How carefully a rollout goes: what the second step of the wizard asks. */
export interface Care {
  /** Devices that go first; 0 = everybody at once. */
  readonly canary: number
  /** It pauses itself when more than so many percent of a phase never come back; null = nothing stops it by itself. */
  readonly noShowAtMost: number | null
  /** A device that says nothing for so long counts as one that never came back, such as 14d. */
  readonly silence: string
  /** Most data in all, such as 200 MB; empty = no limit. */
  readonly bytes: string
  /** Most SMS in all; empty = no limit. */
  readonly sms: string
  readonly allowsDowngrade: boolean
  readonly needsApproval: boolean
}

const usual = { silence: "14d", bytes: "", sms: "", allowsDowngrade: false, needsApproval: false }

/** Three presets; a plan file says everything else (`waft rollout start --plan FILE`). */
export const presets = {
  canary: {
    word: "Canary first",
    says: "5 devices go first; it pauses itself when more than 10 % of a phase never come back.",
    care: { ...usual, canary: 5, noShowAtMost: 10 },
  },
  guarded: {
    word: "Everybody, guarded",
    says: "All at once; it pauses itself when more than 10 % never come back.",
    care: { ...usual, canary: 0, noShowAtMost: 10 },
  },
  open: {
    word: "Everybody",
    says: "All at once, and nothing stops it by itself.",
    care: { ...usual, canary: 0, noShowAtMost: null },
  },
} as const satisfies Readonly<Record<string, { readonly word: string; readonly says: string; readonly care: Care }>>
export type PresetName = keyof typeof presets

interface Choice {
  readonly releases: readonly string[]
  /** Empty = every device that a release fits. */
  readonly group: string
  readonly care: Care
}

/** The plan file of what was chosen, as JSON, which is YAML too. */
export function planFile({ releases, group, care }: Choice): string {
  const { canary, noShowAtMost, silence, bytes, sms, allowsDowngrade, needsApproval } = care
  const guards = noShowAtMost === null ? {} : { "no-show-at-most": noShowAtMost }
  const rest = { name: "everybody", rest: true, ...guards }
  const budget = {
    ...(bytes.trim() === "" ? {} : { bytes: bytes.trim() }),
    ...(sms.trim() === "" ? {} : { sms: Number(sms) }),
  }
  return JSON.stringify({
    releases,
    ...(group.trim() === "" ? {} : { group: group.trim() }),
    phases: canary > 0 ? [{ name: "canary", count: canary, covers: "models", ...guards }, rest] : [rest],
    silence: silence.trim(),
    ...(allowsDowngrade ? { "allow-downgrade": true } : {}),
    ...(needsApproval ? { approval: "required" } : {}),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
  })
}
