import type { UpdateState } from "../../core/domain/update.ts"
import { updateStates } from "../../core/domain/update.ts"
import type { LiveDevice, LiveFleet } from "./live-fleet.ts"

/** What may stand at the caret of a group expression. */
export interface Completion {
  /** The part of the expression that an item takes the place of: characters from 0, the end not included. */
  readonly from: number
  readonly to: number
  readonly items: readonly CompletionItem[]
}

export interface CompletionItem {
  readonly text: string
  readonly kind: "key" | "value" | "word"
  /** What it means. */
  readonly says: string
}

const keys: Readonly<Record<string, string>> = {
  id: "the device's id; * stands for any characters",
  family: "the device's family",
  model: "its model",
  running: "the version that it runs",
  state: "its update's state",
  last_seen: "how long it has been silent, such as last_seen>7d",
  group: "a saved group",
}
const mostItems = 20

/**
 * What can be written at the caret. `devices`: those whose values may be told; null = the whole fleet's.
 */
export function completeGroup(
  fleet: LiveFleet,
  { group, at }: { readonly group: string; readonly at: number },
  devices: readonly LiveDevice[] | null,
): Completion {
  const before = group.slice(0, at)
  const word = /(?:"[^"]*|[^\s()=!<>,"]*)$/.exec(before)?.[0] ?? ""
  const head = before.slice(0, before.length - word.length)
  const rest = /^[^\s()=!<>,"]*"?/.exec(group.slice(at))?.[0] ?? ""
  const range = { from: at - word.length, to: at + (word === "" ? 0 : rest.length) }
  const typed = word.replace(/^"/, "").toLowerCase()
  const begins = ({ text }: CompletionItem): boolean => text.replace(/^"/, "").toLowerCase().startsWith(typed)
  const key = keyBefore(head)
  const items =
    key !== null
      ? valuesOf(fleet, key.replace(/^label\./, ""), { typed, devices })
      : /[^\s(,]\s+$/.test(head) && !/\b(and|or|not)\s+$/.test(head)
        ? words
        : keyItems(fleet, devices)
  return { ...range, items: items.filter(begins).slice(0, mostItems) }
}

/** The key whose value is written here: after a sign, or in the list of an `in`. */
function keyBefore(head: string): string | null {
  const bySign = /([^\s()=!<>,"]+)\s*(?:!=|<=|>=|=|<|>)\s*$/.exec(head)?.[1]
  const byList = /([^\s()=!<>,"]+)\s+(?:not\s+)?in\s*\(\s*(?:[^()]*,\s*)?$/.exec(head)?.[1]
  return bySign ?? byList ?? null
}

const words: readonly CompletionItem[] = [
  { text: "and", kind: "word", says: "both must hold" },
  { text: "or", kind: "word", says: "one of both must hold" },
]

function keyItems(fleet: LiveFleet, devices: readonly LiveDevice[] | null): readonly CompletionItem[] {
  const labels = [...labelsOf(fleet, devices).keys()].sort()
  return [
    ...Object.entries(keys).map(([text, says]): CompletionItem => ({ text, kind: "key", says })),
    ...labels.map((text): CompletionItem => ({ text, kind: "key", says: "a label" })),
    { text: "not", kind: "word", says: "what follows must not hold" },
  ]
}

interface Asked {
  readonly typed: string
  readonly devices: readonly LiveDevice[] | null
}

function valuesOf(fleet: LiveFleet, key: string, { typed, devices }: Asked): readonly CompletionItem[] {
  if (key === "id") return idsOf(fleet, typed, devices).map((id) => valueItem(id, "a device"))
  if (key === "last_seen")
    return ["1h", "12h", "1d", "7d", "30d"].map((text) => valueItem(text, "silent for that long"))
  if (key === "state") {
    return (Object.keys(updateStates) as UpdateState[]).map((state) => valueItem(state, updateStates[state].means))
  }
  const counts = countsOf(fleet, key, devices)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([value, count]) => valueItem(value, `${count} device${count === 1 ? "" : "s"}`))
}

function valueItem(value: string, says: string): CompletionItem {
  return { text: /[\s()=!<>,]/.test(value) ? `"${value}"` : value, kind: "value", says }
}

function idsOf(fleet: LiveFleet, typed: string, devices: readonly LiveDevice[] | null): readonly string[] {
  if (devices !== null) return devices.map(({ device }) => device.id).filter((id) => id.toLowerCase().startsWith(typed))
  const found: string[] = []
  for (const id of typed === "" ? fleet.deviceIds.after(null) : fleet.deviceIds.from(typed)) {
    if (found.length >= mostItems || !id.toLowerCase().startsWith(typed)) break
    found.push(id)
  }
  return found
}

function countsOf(fleet: LiveFleet, key: string, devices: readonly LiveDevice[] | null): ReadonlyMap<string, number> {
  if (key !== "family" && key !== "model" && key !== "running") return labelsOf(fleet, devices).get(key) ?? new Map()
  const counts = new Map<string, number>()
  const add = (value: string | null, count: number): void => {
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + count)
  }
  const field = key === "running" ? "version" : key
  if (devices === null) for (const cell of fleet.census.cells()) add(cell[field], cell.devices)
  else for (const { cell } of devices) add(cell?.[field] ?? null, 1)
  return counts
}

function labelsOf(
  fleet: LiveFleet,
  devices: readonly LiveDevice[] | null,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  if (devices === null) return fleet.census.labels()
  const labels = new Map<string, Map<string, number>>()
  for (const { device } of devices) {
    for (const [label, value] of Object.entries(device.labels)) {
      const values = labels.get(label) ?? new Map<string, number>()
      values.set(value, (values.get(value) ?? 0) + 1)
      labels.set(label, values)
    }
  }
  return labels
}
