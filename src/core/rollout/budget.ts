import type { Budget, Cap, Tariff } from "../domain/plan.ts"
import type { Spent } from "./tally.ts"

const megabyte = 1_000_000

/** The tariff of a device with these labels; null = none is known. */
export function tariffOf({ tariffs }: Budget, labels: Readonly<Record<string, string>>): Tariff | null {
  const plan = tariffs === null ? undefined : labels[tariffs.label]
  return plan === undefined ? null : (tariffs?.plans[plan] ?? null)
}

/** Bytes and messages with what they cost. */
export function priced({ bytes, sms }: Pick<Spent, "bytes" | "sms">, tariff: Tariff | null): Spent {
  return { bytes, sms, money: tariff === null ? 0 : (bytes / megabyte) * tariff.perMegabyte + sms * tariff.perSms }
}

export function sumOf(a: Spent, b: Spent): Spent {
  return { bytes: a.bytes + b.bytes, sms: a.sms + b.sms, money: a.money + b.money }
}

const parts = [
  { part: "bytes", unit: "bytes" },
  { part: "sms", unit: "messages" },
  { part: "money", unit: "in money" },
] as const

/** How many more devices the budget has room for beside what is spent and promised, and the cap that bounds them. */
export function roomFor(
  budget: Budget,
  { spent, reserved, dearest }: { readonly spent: Spent; readonly reserved: Spent; readonly dearest: Spent },
): { readonly devices: number; readonly cap: string | null } {
  let [devices, cap]: [number, string | null] = [Infinity, null]
  for (const { part, unit } of parts) {
    const limit = budget[part]
    if (limit === null) continue
    const left = limit - spent[part] - reserved[part]
    const room = left < 0 ? 0 : dearest[part] === 0 ? Infinity : Math.floor(left / dearest[part] + 1e-9)
    if (room < devices) [devices, cap] = [room, `${limit} ${unit}`]
  }
  return { devices, cap }
}

/** Why the budget stops a rollout: nothing that is under way can make room for one more device. Null = it does not. */
export function brokenBudget(
  budget: Budget,
  { spent, dearest, isWanted }: { readonly spent: Spent; readonly dearest: Spent; readonly isWanted: boolean },
): string | null {
  for (const { part, unit } of parts) {
    const limit = budget[part]
    if (limit === null) continue
    if (spent[part] > limit) return `It has spent ${amount(spent[part])} of ${limit} ${unit}.`
    if (isWanted && spent[part] + dearest[part] > limit) {
      return `It has spent ${amount(spent[part])} of ${limit} ${unit}, and the next device may take ${amount(dearest[part])}.`
    }
  }
  return null
}

/** Whether one more of that cost stays inside a device's or a SIM plan's cap; null = yes, otherwise a sentence's end. */
export function overCap(
  cap: Cap,
  spent: Pick<Spent, "bytes" | "sms">,
  next: Pick<Spent, "bytes" | "sms">,
): string | null {
  for (const part of ["bytes", "sms"] as const) {
    const limit = cap[part]
    if (limit === null || spent[part] + next[part] <= limit) continue
    const unit = part === "bytes" ? "bytes" : "messages"
    return `${spent[part]} of ${limit} ${unit} are spent, and this update takes ${next[part]}`
  }
  return null
}

function amount(value: number): string {
  return String(Math.round(value * 100) / 100)
}
