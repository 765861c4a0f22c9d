import { type Budget, type Cap, noCap, type Tariff } from "../domain/plan.ts"
import { inMillionths, type PlanTally, type Spent } from "./tally.ts"

const megabyte = 1_000_000

/** The tariff of a device with these labels; null = none is known. */
export function tariffOf({ tariffs }: Budget, labels: Readonly<Record<string, string>>): Tariff | null {
  const plan = tariffs === null ? undefined : labels[tariffs.label]
  return plan === undefined ? null : (tariffs?.plans[plan] ?? null)
}

/** Bytes and messages with what they cost. */
export function priced({ bytes, sms }: Pick<Spent, "bytes" | "sms">, tariff: Tariff | null): Spent {
  const money = tariff === null ? 0 : (bytes / megabyte) * tariff.perMegabyte + sms * tariff.perSms
  return { bytes, sms, money: inMillionths(money) }
}

export function sumOf(a: Spent, b: Spent): Spent {
  return { bytes: a.bytes + b.bytes, sms: a.sms + b.sms, money: inMillionths(a.money + b.money) }
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

/** How many more devices the SIM plans' own caps have room for, and the cap that bounds them. */
export function roomOfPlans(
  { tariffs }: Budget,
  simPlans: Readonly<Record<string, PlanTally>> = {},
): { readonly devices: number; readonly cap: string | null } {
  let least: { readonly devices: number; readonly cap: string | null } = { devices: Infinity, cap: null }
  for (const [name, tally] of Object.entries(simPlans)) {
    const cap = tariffs?.plans[name]?.cap
    if (cap === undefined || tally.waiting === 0) continue
    const room = roomFor(capOnly(cap), tally)
    if (room.devices < least.devices)
      least = { devices: room.devices, cap: `${room.cap ?? ""} of the SIM plan ${name}` }
  }
  return least
}

/** Why a SIM plan's own cap stops a rollout; null = none does. `isIdle`: nobody is under way. */
export function brokenPlan(
  { tariffs }: Budget,
  simPlans: Readonly<Record<string, PlanTally>> = {},
  isIdle: boolean,
): string | null {
  for (const [name, tally] of Object.entries(simPlans)) {
    const cap = tariffs?.plans[name]?.cap
    if (cap === undefined) continue
    const reason = brokenBudget(capOnly(cap), { ...tally, isWanted: isIdle && tally.waiting > 0 })
    if (reason !== null) return `SIM plan ${name}: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`
  }
  return null
}

const capOnly = (cap: Cap): Budget => ({ ...cap, money: null, perDeviceAndDay: noCap, tariffs: null })

const dayMs = 86_400_000

/**
 * Until when a device rests because what it took since `day.since` leaves no room for `next` inside its cap, ms since 1970 UTC;
 * null = it need not.
 */
export function restsUntil(
  cap: Cap,
  day: { readonly since: number; readonly bytes: number; readonly sms: number } | null,
  next: { readonly bytes: number; readonly sms: number },
  now: number,
): number | null {
  const isToday = day !== null && now >= day.since && now < day.since + dayMs
  if (!isToday) return null
  const isFull = (limit: number | null, spent: number, more: number): boolean =>
    limit !== null && (spent >= limit || (spent > 0 && spent + more > limit))
  return isFull(cap.bytes, day.bytes, next.bytes) || isFull(cap.sms, day.sms, next.sms) ? day.since + dayMs : null
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
