import type { Json, JsonObject } from "../../../kit/json.ts"
import type { DeviceEntry } from "../../family.ts"

/** What the server remembers of a device; it outlives the process as the device's `familyState`. */
export interface Memory {
  readonly tenant: string
  /** What it is told to wait between two polls, `HH:MM:SS`. */
  readonly sleep: string
  /** Whether it is asked for what it is. */
  readonly wantsConfig: boolean
  /** Labels that came from itself. */
  readonly attributes: readonly string[]
  /** Whether its updates wait for its word. */
  readonly asksFirst: boolean
  readonly autoConfirm: AutoConfirm | null
  /** The action that it knows of, since it has read it; null = none. */
  readonly action: KnownAction | null
  /** The action whose release it has installed last. */
  readonly installed: InstalledAction | null
  /** Actions that it has closed, newest last. */
  readonly closed: readonly string[]
}

export interface AutoConfirm {
  readonly initiator: string
  readonly remark: string
  /** Ms since 1970 UTC. */
  readonly at: number
}

export interface KnownAction {
  readonly id: string
  readonly updateId: string
  readonly version: string
  readonly isConfirmed: boolean
  /** The device goes on although it was asked to stop. */
  readonly keepsOn: boolean
  /** Polls at which it was asked to stop. */
  readonly cancelPolls: number
  /** What it has said, newest last. */
  readonly messages: readonly string[]
}

export interface InstalledAction {
  readonly id: string
  readonly offer: JsonObject
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}

export const freshMemory: Memory = {
  tenant: "DEFAULT",
  sleep: "00:05:00",
  wantsConfig: true,
  attributes: [],
  asksFirst: false,
  autoConfirm: null,
  action: null,
  installed: null,
  closed: [],
}

/** What was remembered; a device of which nothing was is a new one. */
export function readMemory(state: JsonObject): Memory {
  return { ...freshMemory, ...(state as unknown as Partial<Memory>) }
}

export function writeMemory(memory: Memory): JsonObject {
  return memory as unknown as { readonly [key: string]: Json }
}

const mostMessages = 20
const mostClosed = 8

export function withMessages(action: KnownAction, messages: readonly string[]): KnownAction {
  return { ...action, messages: [...action.messages, ...messages].slice(-mostMessages) }
}

/** The device has come to the end of its action. */
export function withClosed(memory: Memory, id: string): Memory {
  const closed = [...memory.closed.filter((one) => one !== id), id].slice(-mostClosed)
  return { ...memory, action: null, closed }
}

const patterns: Readonly<Record<string, { readonly pattern: RegExp; readonly says: string }>> = {
  tenant: { pattern: /^[A-Za-z0-9._-]{1,40}$/, says: "1 to 40 letters, digits, '.', '_' or '-'" },
  sleep: { pattern: /^\d\d:[0-5]\d:[0-5]\d$/, says: "HH:MM:SS" },
  confirm: { pattern: /^(yes|no)$/, says: "yes or no" },
}

export const entry: DeviceEntry = {
  options: [
    { name: "tenant", value: "NAME", help: "the tenant in its URL; DEFAULT unless told" },
    { name: "sleep", value: "HH:MM:SS", help: "what it waits between two polls; 00:05:00 unless told" },
    { name: "confirm", value: "yes|no", help: "whether its updates wait for its confirmation" },
  ],
  shown: (familyState) => {
    const { tenant, sleep, asksFirst } = readMemory(familyState)
    return { tenant, sleep, confirm: asksFirst ? "yes" : "no" }
  },
  enter: (options, before) => {
    for (const [name, value] of Object.entries(options)) {
      if (name === "id") continue
      const row = Object.hasOwn(patterns, name) ? patterns[name] : undefined
      if (row === undefined) {
        return { fault: `There is no option "${name.slice(0, 40)}"; known are ${Object.keys(patterns).join(", ")}.` }
      }
      if (!row.pattern.test(value)) return { fault: `${name} takes ${row.says}, not "${value.slice(0, 40)}".` }
    }
    const memory = before === undefined ? freshMemory : readMemory(before)
    const { tenant = memory.tenant, sleep = memory.sleep, confirm } = options
    const asksFirst = confirm === undefined ? memory.asksFirst : confirm === "yes"
    return { familyState: writeMemory({ ...memory, tenant, sleep, asksFirst }) }
  },
}
