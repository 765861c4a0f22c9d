import type { Device, Update } from "../../../core/domain/records.ts"
import { type UpdateState, updateStates } from "../../../core/domain/update.ts"
import { SortedKeys } from "../../../core/kit/sorted-keys.ts"

/** `pending`: enrolled itself and waits for an operator. `new`: never seen. `updating`: an update is under way. `attention`: its last update did not succeed, or it has lost its SIM. */
export type DeviceState = "pending" | "new" | "idle" | "updating" | "attention"
/** Ends of an update of which a person should hear. */
export type TroubleState = "failed" | "no-show" | "declined"
/** Why a device needs a person: of several the first in this order. */
export const attentionReasons = ["pending", "failed", "no-show", "declined", "astray", "shared"] as const
export type AttentionReason = (typeof attentionReasons)[number]

/** What the census looks at in a device. */
export interface Counted {
  readonly device: Device
  readonly update: Update | null
  /** How its newest update ended, where that is nothing to be proud of. */
  readonly trouble: TroubleState | null
  /** Last contact, ms since 1970 UTC; 0 = never. */
  readonly seenAt: number
  /** Where it is counted. */
  cell: Cell | null
}

/** Devices that are alike. */
export interface Cell {
  readonly family: string
  readonly model: string
  readonly version: string | null
  readonly state: DeviceState
  /** State of the update that is under way, or how the last one ended in trouble. */
  readonly updateState: UpdateState | null
  readonly reason: AttentionReason | null
  devices: number
}

const ended: ReadonlySet<UpdateState> = new Set(["succeeded", "cancelled", "superseded"])
const troubles: ReadonlySet<UpdateState> = new Set(["failed", "no-show", "declined"])

export function isTrouble(state: UpdateState): state is TroubleState {
  return troubles.has(state)
}

/** A device in one word, and why it needs a person; null = it does not. */
export function standingOf(
  { device, update, trouble, seenAt }: Omit<Counted, "cell">,
  isAstray: boolean,
): Pick<Cell, "state" | "updateState" | "reason"> {
  const current = update?.progress.state ?? null
  const updateState = current !== null && !ended.has(current) ? current : current === null ? trouble : null
  const isShared = update !== null && !updateStates[update.progress.state].over && update.pull.sharing !== null
  const state = stateOf({ device, updateState, isAstray, seenAt })
  if (device.admission === "pending") return { state, updateState, reason: "pending" }
  if (updateState !== null && isTrouble(updateState)) return { state, updateState, reason: updateState }
  return { state, updateState, reason: isAstray ? "astray" : isShared ? "shared" : null }
}

function stateOf({
  device,
  updateState,
  isAstray,
  seenAt,
}: Pick<Counted, "device" | "seenAt"> & Pick<Cell, "updateState"> & { readonly isAstray: boolean }): DeviceState {
  if (device.admission === "pending") return "pending"
  if (updateState !== null) return isTrouble(updateState) ? "attention" : "updating"
  if (isAstray) return "attention"
  return seenAt === 0 ? "new" : "idle"
}

function keyOf({ family, model, version, state, updateState, reason }: Omit<Cell, "devices">): string {
  return JSON.stringify([family, model, version, state, updateState, reason])
}

function isSameCell(cell: Cell | null, other: Omit<Cell, "devices">): boolean {
  return (
    cell !== null &&
    cell.family === other.family &&
    cell.model === other.model &&
    cell.version === other.version &&
    cell.state === other.state &&
    cell.updateState === other.updateState &&
    cell.reason === other.reason
  )
}

/**
 * The fleet in numbers: how many devices are alike, which need a person, which labels they carry. Kept true by each change of a
 * device, so that whoever asks waits for no look at all of them.
 */
export class Census {
  readonly #cells = new Map<string, Cell>()
  readonly #labels = new Map<string, Map<string, number>>()
  /** Ids of devices that need a person, in order. */
  readonly attention = new SortedKeys()
  readonly #isAstray: (device: Device) => boolean

  constructor(isAstray: (device: Device) => boolean) {
    this.#isAstray = isAstray
  }

  /** Every kind of device there is, with how many there are. */
  cells(): Iterable<Readonly<Cell>> {
    return this.#cells.values()
  }

  /** Values of each label, and how many devices have them. */
  labels(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#labels
  }

  /** Where a device belongs, looked at anew. */
  standing(counted: Counted): Omit<Cell, "devices"> {
    const { family, model, running } = counted.device
    return { family, model, version: running.version, ...standingOf(counted, this.#isAstray(counted.device)) }
  }

  /** Counts a device as it is now; `before` = the record that it had. */
  count(counted: Counted, before: Device | null): void {
    const { device } = counted
    const standing = this.standing(counted)
    if (isSameCell(counted.cell, standing)) return this.#recountLabels(device, before)
    const key = keyOf(standing)
    const cell = this.#cells.get(key) ?? { ...standing, devices: 0 }
    this.#leave(counted.cell)
    cell.devices += 1
    this.#cells.set(key, cell)
    counted.cell = cell
    if (cell.reason === null) this.attention.delete(device.id)
    else this.attention.add(device.id)
    this.#recountLabels(device, before)
  }

  #recountLabels(device: Device, before: Device | null): void {
    if (before?.labels === device.labels) return
    if (before !== null) this.#countLabels(before, -1)
    this.#countLabels(device, 1)
  }

  /** Counts a device no more. */
  forget(counted: Counted): void {
    this.#leave(counted.cell)
    counted.cell = null
    this.attention.delete(counted.device.id)
    this.#countLabels(counted.device, -1)
  }

  #leave(cell: Cell | null): void {
    if (cell === null) return
    cell.devices -= 1
    if (cell.devices > 0) return
    this.#cells.delete(keyOf(cell))
  }

  #countLabels({ labels }: Device, by: 1 | -1): void {
    for (const [label, value] of Object.entries(labels)) {
      const values = this.#labels.get(label) ?? new Map<string, number>()
      const count = (values.get(value) ?? 0) + by
      if (count > 0) values.set(value, count)
      else values.delete(value)
      if (values.size > 0) this.#labels.set(label, values)
      else this.#labels.delete(label)
    }
  }
}
