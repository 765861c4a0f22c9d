import type { RouteAnswer } from "../../routes.ts"
import { cleanText } from "../../../kit/clean-text.ts"
import { isRecord, objectOf } from "../codec/json-text.ts"
import { badRequest, type DdiContact, done } from "./contact.ts"
import { writeMemory } from "./memory.ts"

/** Labels that a device may have in all. */
const mostLabels = 32

/**
 * What the device is, into its labels: `merge` adds to what it said before, `replace` drops that first, `remove` takes the
 * keys away. A label that an operator gave is never changed by the device.
 */
export function answerConfigData({ request, memory, device }: DdiContact): RouteAnswer {
  const value = objectOf(request.body) as Readonly<Record<string, unknown>>
  const { data, mode = "merge" } = value
  if (!isRecord(data)) return badRequest("data is missing")
  if (mode !== "merge" && mode !== "replace" && mode !== "remove") {
    return badRequest("mode takes merge, replace or remove")
  }
  const own = new Set(memory.attributes)
  const labels: Record<string, string> = {}
  for (const [name, text] of Object.entries(device.labels)) {
    if (mode !== "replace" || !own.has(name)) labels[name] = text
  }
  for (const [key, given] of Object.entries(data)) {
    const name = labelName(key)
    if (name === null || (name in device.labels && !own.has(name))) continue
    if (mode === "remove") delete labels[name]
    else if (name in labels || Object.keys(labels).length < mostLabels)
      labels[name] = cleanText(textOf(given).trim(), "label")
  }
  const attributes = Object.keys(labels).filter((name) => own.has(name) || !(name in device.labels))
  return { ...done, report: { labels, familyState: writeMemory({ ...memory, attributes, wantsConfig: false }) } }
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : ""
}

/** A key as a label's name: what cannot stand there becomes `_`; null = nothing is left. */
function labelName(key: string): string | null {
  const name = key.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 63)
  if (name === "") return null
  return /^[A-Za-z_]/.test(name) ? name : `_${name.slice(0, 62)}`
}
