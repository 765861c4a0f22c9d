import type { UpdateState } from "../../core/domain/update.ts"
import type { AttentionReason, Cell, DeviceState } from "./index/census.ts"
import type { LiveDevice } from "./live-fleet.ts"

/** Kinds of devices, with how many of each. */
export type Cells = Iterable<Readonly<Cell>>

/** The kinds of just these devices. */
export function cellsOf(devices: readonly LiveDevice[]): Cells {
  const counts = new Map<Cell, number>()
  for (const { cell } of devices) if (cell !== null) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  return [...counts].map(([cell, devices]) => ({ ...cell, devices }))
}

interface Count<Value> {
  readonly value: Value
  readonly devices: number
}

/** What is counted by a value, the most first; values beyond the first few are one. */
export class Tally<Value extends string | null> {
  readonly #counts = new Map<Value, number>()

  add(value: Value, devices: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + devices)
  }

  most(limit: number): Count<Value>[] {
    return [...this.#counts]
      .map(([value, devices]) => ({ value, devices }))
      .sort((a, b) => b.devices - a.devices || String(a.value).localeCompare(String(b.value)))
      .slice(0, limit)
  }
}

const shownValues = 50

/** The fleet in numbers. */
export function summarize(cells: Cells) {
  const states: Record<DeviceState, number> = { pending: 0, new: 0, idle: 0, updating: 0, attention: 0 }
  const updates: Partial<Record<UpdateState, number>> = {}
  const reasons: Partial<Record<AttentionReason, number>> = {}
  const families = new Map<string, FamilyTallies>()
  let devices = 0
  let attention = 0
  for (const cell of cells) {
    devices += cell.devices
    states[cell.state] += cell.devices
    if (cell.updateState !== null) updates[cell.updateState] = (updates[cell.updateState] ?? 0) + cell.devices
    if (cell.reason !== null) {
      reasons[cell.reason] = (reasons[cell.reason] ?? 0) + cell.devices
      attention += cell.devices
    }
    const family = families.get(cell.family) ?? { devices: 0, attention: 0, models: new Tally(), versions: new Tally() }
    family.devices += cell.devices
    family.attention += cell.reason === null ? 0 : cell.devices
    family.models.add(cell.model, cell.devices)
    family.versions.add(cell.version, cell.devices)
    families.set(cell.family, family)
  }
  return {
    devices,
    states,
    updates,
    attention: { devices: attention, reasons },
    families: [...families]
      .map(([family, { models, versions, ...counts }]) => ({
        family,
        ...counts,
        models: models.most(shownValues),
        versions: versions.most(shownValues),
      }))
      .sort((a, b) => b.devices - a.devices),
  }
}

interface FamilyTallies {
  devices: number
  attention: number
  readonly models: Tally<string>
  readonly versions: Tally<string | null>
}
