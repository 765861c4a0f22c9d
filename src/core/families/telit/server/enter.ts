import type { JsonObject } from "../../../kit/json.ts"
import type { DeviceEntry } from "../../family.ts"
import { bind, type Binding } from "./bindings.ts"
import { freshMemory, isMode, type ModuleMemory, readMemory, writeMemory } from "./memory.ts"
import type { Variant } from "../models.ts"
import type { Bearer } from "../codec/pfm-table.ts"

type Options = Readonly<Record<string, string>>
type Entered = { readonly familyState: JsonObject } | { readonly fault: string }

interface OptionRow {
  readonly says: string
  readonly pattern: RegExp
  /** What is remembered, as it would be typed; null = nothing, or it is secret. */
  readonly shown: (memory: ModuleMemory) => string | null
  /** What a good value changes; the whole set is handed in for options that belong together. */
  readonly put: (memory: ModuleMemory, value: string) => ModuleMemory
}

const variants: Readonly<Record<string, Variant>> = { sms: "sms", combined: "combined", "tcp-ip": "ip" }

/**
 * What an operator may tell of a module: all that a registration would (§3.2: "IMEI, the phone number, Firmware version,
 * model and APN"; the IMEI is the device's id, firmware and model are said to every family), and how it is to be updated.
 */
const optionTable: Readonly<Record<string, OptionRow>> = {
  number: {
    says: "the number of its SIM in international form, such as +39335475718",
    pattern: /^\+\d{5,15}$/,
    shown: ({ bindings: [newest] }) => newest?.number || null,
    put: (memory, number) => ({ ...memory, isKnown: true, bindings: bind(memory.bindings, { ...noSim, number }, 0) }),
  },
  variant: {
    says: "sms, combined or tcp-ip",
    pattern: /^(sms|combined|tcp-ip)$/,
    shown: ({ variant }) => Object.keys(variants).find((name) => variants[name] === variant) ?? null,
    put: (memory, value) => ({ ...memory, variant: variants[value] ?? "sms" }),
  },
  mode: {
    says: "automatic or manual",
    pattern: /^(automatic|manual)$/,
    shown: ({ mode }) => mode,
    put: (memory, mode) => (isMode(mode) ? { ...memory, mode } : memory),
  },
  "answer-seconds": {
    says: "5 to 3600 seconds",
    pattern: /^([5-9]|[1-9]\d{1,2}|[12]\d{3}|3[0-5]\d{2}|3600)$/,
    shown: ({ answerSeconds }) => String(answerSeconds),
    put: (memory, value) => ({ ...memory, answerSeconds: Number(value) }),
  },
  coding: {
    says: "8-bit or 7-bit",
    pattern: /^[78]-bit$/,
    shown: ({ coding }) => (coding === "8-bit-class-0" ? "8-bit" : "7-bit"),
    put: (memory, value) => ({ ...memory, coding: value === "8-bit" ? "8-bit-class-0" : "7-bit-no-class" }),
  },
  apn: {
    says: "1 to 32 letters, digits, '.', '-' or '_'",
    pattern: /^[A-Za-z0-9._-]{1,32}$/,
    shown: ({ bearer }) => (bearer?.bearer === "gprs" ? bearer.access : null),
    put: (memory, access) => ({ ...memory, bearer: { ...bearerOf(memory), bearer: "gprs", access } }),
  },
  "csd-number": {
    says: "the number to call, such as +39011223344",
    pattern: /^\+?\d{3,20}$/,
    shown: ({ bearer }) => (bearer?.bearer === "csd" ? bearer.access : null),
    put: (memory, access) => ({ ...memory, bearer: { ...bearerOf(memory), bearer: "csd", access } }),
  },
  "apn-user": {
    says: "at most 16 printable characters",
    pattern: /^[\x20-\x7e]{0,16}$/,
    shown: ({ bearer }) => bearer?.user || null,
    put: (memory, user) => ({ ...memory, bearer: { ...bearerOf(memory), user } }),
  },
  "apn-password": {
    says: "at most 16 printable characters",
    pattern: /^[\x20-\x7e]{0,16}$/,
    shown: () => null,
    put: (memory, password) => ({ ...memory, bearer: { ...bearerOf(memory), password } }),
  },
}

const noSim: Pick<Binding, "imsi" | "number" | "plmn"> = { imsi: "", number: "", plmn: "" }

function bearerOf({ bearer }: ModuleMemory): Bearer {
  return bearer ?? { bearer: "gprs", access: "", user: "", password: "" }
}

export const entry: DeviceEntry = {
  options: Object.entries(optionTable).map(([name, { says }]) => ({ name, value: "VALUE", help: says })),
  shown: (familyState) => {
    const memory = readMemory(familyState)
    const rows = Object.entries(optionTable).map(([name, { shown }]) => [name, shown(memory)] as const)
    return Object.fromEntries(rows.filter((row): row is readonly [string, string] => row[1] !== null))
  },
  enter,
}

/** What is remembered of a module that an operator enters, or tells more of; `id` is its IMEI. */
export function enter({ id = "", ...options }: Options, before?: JsonObject): Entered {
  if (!/^\d{15}$/.test(id)) {
    return { fault: `A Telit module is named by its IMEI, 15 digits (AT+CGSN gives them), not "${id.slice(0, 40)}".` }
  }
  let memory = before === undefined ? freshMemory : readMemory(before)
  for (const [name, value] of Object.entries(options)) {
    const row = Object.hasOwn(optionTable, name) ? optionTable[name] : undefined
    if (row === undefined) {
      return { fault: `There is no option "${name.slice(0, 40)}"; known are ${Object.keys(optionTable).join(", ")}.` }
    }
    if (!row.pattern.test(value)) return { fault: `${name} takes ${row.says}, not "${value.slice(0, 40)}".` }
    memory = row.put(memory, value)
  }
  if ("apn" in options && "csd-number" in options) {
    return { fault: "A module downloads over an APN or over a CSD number; give one of them." }
  }
  if (memory.bearer !== null && memory.bearer.access === "") {
    return { fault: "apn-user and apn-password go with an apn or a csd-number." }
  }
  return { familyState: writeMemory(memory) }
}
