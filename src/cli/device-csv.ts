import type { DeviceView } from "../core/contract/schemas.ts"
import { csvCell } from "../core/kit/clean-text.ts"

/** Devices as `waft device import` reads them: what they are, a column for each label and (`set.KEY`) each option that any of them has. */
export function devicesAsCsv(devices: readonly DeviceView[]): readonly string[] {
  const names = [...new Set(devices.flatMap(({ labels }) => Object.keys(labels)))].toSorted()
  const keys = [...new Set(devices.flatMap(({ options }) => Object.keys(options)))].toSorted()
  const rows = devices.map(({ id, family, model, running, labels, options }) => [
    id,
    family,
    model,
    running.version ?? "",
    ...names.map((name) => labels[name] ?? ""),
    ...keys.map((key) => options[key] ?? ""),
  ])
  const head = ["id", "family", "model", "running", ...names, ...keys.map((key) => `set.${key}`)]
  return [head, ...rows].map((cells) => cells.map(csvCell).join(","))
}
