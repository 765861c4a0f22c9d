import { durationMs } from "./duration.ts"
import { glob } from "./glob.ts"
import type { Group, GroupContext, GroupMember } from "./group-member.ts"
import { badGroup, type Sign } from "./group-tokens.ts"

/** A key and the sign after it, with their places for a refusal. */
export interface TermHead {
  readonly key: string
  readonly at: number
  readonly sign: Sign
  readonly signAt: number
}

export interface TermValue {
  readonly text: string
  readonly at: number
}

/** What stands for a term: `key=value`, `key in (value, …)`, `running<3`, `last_seen>7d`. Throws `bad-group`. */
export function termOf(head: TermHead, values: readonly TermValue[], context: GroupContext): Group {
  if (head.key === "group") return savedGroup(head, values, context)
  if (head.key === "last_seen") return silentFor(head, values, context)
  if (head.sign === "=" || head.sign === "!=") return oneOf(head, values)
  return ordered(head, values, context)
}

const named = ["id", "family", "model", "running", "state"] as const

function valueOf(member: GroupMember, key: string): string | null {
  if ((named as readonly string[]).includes(key)) return member[key as (typeof named)[number]] ?? null
  const label = key.startsWith("label.") ? key.slice("label.".length) : key
  return Object.hasOwn(member.labels, label) ? (member.labels[label] ?? null) : null
}

function oneOf({ key, sign }: TermHead, values: readonly TermValue[]): Group {
  const matches = values.map(({ text }) => glob(text))
  const equal = sign === "="
  return (member) => {
    const value = valueOf(member, key)
    return (value !== null && matches.some((match) => match(value))) === equal
  }
}

const holds: Readonly<Record<Sign, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
}

/** By the family's order of versions, or by number where a label is one; what has no order does not match. */
function ordered({ key, at, sign, signAt }: TermHead, values: readonly TermValue[], context: GroupContext): Group {
  if (key === "id" || key === "family" || key === "model" || key === "state") {
    throw badGroup(`${key} has no order; it takes = and !=`, signAt)
  }
  const wanted = values[0]?.text ?? ""
  if (key === "running") {
    return ({ family, running }) => {
      const order = running === null ? null : context.compareVersions(family, running, wanted)
      return order !== null && holds[sign](order)
    }
  }
  const number = Number(wanted)
  if (wanted.trim() === "" || Number.isNaN(number)) {
    throw badGroup(`the label ${key} is compared with a number, not with "${wanted}"`, values[0]?.at ?? at)
  }
  return (member) => {
    const value = valueOf(member, key)
    return value !== null && value.trim() !== "" && holds[sign](Number(value) - number)
  }
}

/** `last_seen > 7d`: silent for longer than that; a device that never came is silent for ever. */
function silentFor({ sign, signAt }: TermHead, values: readonly TermValue[], { now }: GroupContext): Group {
  const [value] = values
  const ms = durationMs(value?.text ?? "")
  if (ms === null) throw badGroup(`last_seen is compared with a time such as 30m, 12h or 7d`, value?.at)
  if (sign === "=" || sign === "!=") throw badGroup("last_seen takes < and >", signAt)
  return ({ lastSeenAt = null }) => holds[sign](lastSeenAt === null ? 1 : now() - lastSeenAt - ms)
}

function savedGroup({ sign, signAt }: TermHead, values: readonly TermValue[], context: GroupContext): Group {
  if (sign !== "=" && sign !== "!=") throw badGroup("group takes = and !=", signAt)
  const groups = values.map(({ text, at }) => {
    const found = context.savedGroup(text)
    if (found === null) throw badGroup(`there is no saved group ${text}`, at)
    return found
  })
  return (member) => groups.some((group) => group(member)) === (sign === "=")
}
