import type { DeviceView } from "../core/contract/schemas.ts"
import { csvCell } from "../core/kit/clean-text.ts"

/** Devices as `waft device import` reads them: what they are, and a column for each label that any of them has. */
export function devicesAsCsv(devices: readonly DeviceView[]): readonly string[] {
  const names = [...new Set(devices.flatMap(({ labels }) => Object.keys(labels)))].toSorted()
  const rows = devices.map(({ id, family, model, running, labels }) => [
    id,
    family,
    model,
    running.version ?? "",
    ...names.map((name) => labels[name] ?? ""),
  ])
  return [["id", "family", "model", "running", ...names], ...rows].map((cells) => cells.map(csvCell).join(","))
}
