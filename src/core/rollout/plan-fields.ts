import { durationMs } from "../domain/duration.ts"
import { parseGroup } from "../domain/group.ts"
import { Refusal } from "../domain/refusal.ts"
import { type UpdateState, updateStates } from "../domain/update.ts"
import type { Cap, Pace, Retries, Silence, Tariff, Tariffs } from "../domain/plan.ts"
import { noCap, usualSilenceMs } from "../domain/plan.ts"
import { isTimeZone, parseWindowHours, type Windows } from "../domain/window.ts"
import { dictionaryOf, eitherMap, type Field, listOf, mapOf, parsed, text, whole } from "./yaml-reader.ts"

/** How single values of a plan file are read. */

const yearMs = 366 * 86_400_000

export const duration = (what: string): Field<number> =>
  parsed(what, "a time such as 30s, 15m, 12h or 7d, at most a year", (written) => {
    const ms = durationMs(written)
    return ms === null || ms > yearMs ? null : ms
  })

export const percent = (what: string): Field<number> =>
  parsed(what, "a share from 0 to 100 percent", (written) => {
    const match = /^(\d+(?:\.\d+)?) ?%?$/.exec(written)
    const share = match === null ? Number.NaN : Number(match[1])
    return share <= 100 ? share : null
  })

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1 << 20,
  GiB: 1 << 30,
}

const bytes = (what: string): Field<number> =>
  parsed(what, "a number of bytes such as 200 MB or 64 KiB", (written) => {
    const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(written)
    const unit = byteUnits[match?.[2] ?? "?"]
    return match === null || unit === undefined ? null : Math.round(Number(match[1]) * unit)
  })

const money = (what: string): Field<number> =>
  parsed(what, "an amount such as 40 or 0.05", (written) => (/^\d+(\.\d+)?$/.test(written) ? Number(written) : null))

export const moment = (what: string): Field<number> =>
  parsed(what, "a moment with its offset, such as 2026-12-01T22:00:00Z", (written) => {
    const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(written)
    const ms = isWhole ? Date.parse(written) : Number.NaN
    return Number.isNaN(ms) ? null : ms
  })

export const flag = (what: string): Field<boolean> =>
  parsed(what, "true or false", (written) => (written === "true" ? true : written === "false" ? false : null))

export const choice = <T extends string>(what: string, ...choices: readonly T[]): Field<T> =>
  parsed(what, choices.join(" or "), (written) => choices.find((one) => one === written) ?? null)

/** A group expression whose words are right; what it means is for the fleet. */
export const groupText: Field<string> = (file, node) => {
  const written = text("group", 1000)(file, node)
  if (written === undefined) return undefined
  try {
    parseGroup(written, { compareVersions: () => null, now: () => 0, savedGroup: () => () => true })
    return written
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return file.mistake(node, error.message)
  }
}

const stateNames = Object.keys(updateStates) as UpdateState[]

export const silence: Field<Silence> = eitherMap<Silence>(
  (file, node) => {
    const defaultMs = duration("silence")(file, node)
    return defaultMs === undefined ? undefined : { defaultMs, states: {}, families: {}, rhythms: null }
  },
  (file, node) => {
    const found = mapOf("silence", {
      default: duration("default"),
      states: statesSilence,
      families: dictionaryOf("families", duration("a family's silence")),
      rhythms: parsed("rhythms", "how many times its own rhythm, from 1 to 100", (written) => {
        const times = Number(written)
        return times >= 1 && times <= 100 ? times : null
      }),
    })(file, node)
    return found === undefined
      ? undefined
      : {
          defaultMs: found.default ?? usualSilenceMs,
          states: found.states ?? {},
          families: found.families ?? {},
          rhythms: found.rhythms ?? null,
        }
  },
)

const waitingStates = stateNames.filter((name) => !updateStates[name].over && name !== "waiting")
const statesSilence: Field<Partial<Record<UpdateState, number>>> = mapOf(
  "states",
  Object.fromEntries(waitingStates.map((name) => [name, duration(name)])) as Record<UpdateState, Field<number>>,
)

export const retries: Field<Retries> = eitherMap<Retries>(
  (file, node) => {
    const times = whole("retries", 0, 20)(file, node)
    return times === undefined ? undefined : { times, afterMs: 3_600_000, growth: 2, of: ["failed", "no-show"] }
  },
  (file, node) => {
    const found = mapOf("retries", {
      times: whole("times", 0, 20),
      after: duration("after"),
      growth: parsed("growth", "a factor from 1 to 10", (written) => {
        const factor = Number(written)
        return factor >= 1 && factor <= 10 ? factor : null
      }),
      of: listOf("of", choice("of", "failed", "no-show"), 2),
    })(file, node)
    return found === undefined
      ? undefined
      : {
          times: found.times ?? 1,
          afterMs: found.after ?? 3_600_000,
          growth: found.growth ?? 2,
          of: found.of ?? ["failed", "no-show"],
        }
  },
)

const rate = (what: string): Field<number> =>
  parsed(what, "devices in a time, such as 100/h, 5/m or 2000/d", (written) => {
    const match = /^(\d+) ?\/ ?([mhd])$/.exec(written)
    const count = Number(match?.[1] ?? 0)
    const hours = { m: 1 / 60, h: 1, d: 24 }[match?.[2] ?? ""] ?? 0
    return match === null || count === 0 ? null : count / hours
  })

export const pace: Field<Pace> = eitherMap<Pace>(
  (file, node) => {
    const perHour = rate("pace")(file, node)
    return perHour === undefined ? undefined : { perHour, doubleEveryMs: null, mostPerHour: null }
  },
  (file, node) => {
    const found = mapOf("pace", {
      start: rate("start"),
      "double-every": parsed("double-every", "a time from 1m to 30d", (written) => {
        const ms = durationMs(written)
        return ms === null || ms < 60_000 || ms > 30 * 86_400_000 ? null : ms
      }),
      most: rate("most"),
    })(file, node)
    if (found === undefined) return undefined
    if (found.start === undefined) return file.mistake(node, "pace needs a start such as 50/h")
    return { perHour: found.start, doubleEveryMs: found["double-every"] ?? null, mostPerHour: found.most ?? null }
  },
)

const zone = (what: string): Field<string> =>
  parsed(what, "a time zone such as Europe/Vienna", (written) => (isTimeZone(written) ? written : null))

const hours = parsed("hours", "hours such as 22:00-05:00 or Mon-Fri 08:00-16:00", parseWindowHours)

export const windows: Field<Windows> = (file, node) => {
  const found = mapOf("windows", {
    "time-zone": zone("time-zone"),
    "zone-label": text("zone-label", 64),
    hours: listOf("hours", hours, 50),
  })(file, node)
  if (found === undefined) return undefined
  if (found.hours === undefined) return file.mistake(node, "windows need hours such as 22:00-05:00")
  return { timeZone: found["time-zone"] ?? "UTC", zoneLabel: found["zone-label"] ?? null, hours: found.hours }
}

const cap =
  (what: string): Field<Cap> =>
  (file, node) => {
    const found = mapOf(what, { bytes: bytes("bytes"), sms: whole("sms", 0, 1e9) })(file, node)
    return found === undefined ? undefined : { ...noCap, ...found }
  }

const tariff: Field<Tariff> = (file, node) => {
  const found = mapOf("a tariff", {
    "per-MB": money("per-MB"),
    "per-SMS": money("per-SMS"),
    bytes: bytes("bytes"),
    sms: whole("sms", 0, 1e9),
  })(file, node)
  if (found === undefined) return undefined
  return {
    perMegabyte: found["per-MB"] ?? 0,
    perSms: found["per-SMS"] ?? 0,
    cap: { bytes: found.bytes ?? null, sms: found.sms ?? null },
  }
}

const tariffs: Field<Tariffs> = (file, node) => {
  const found = mapOf("tariffs", { label: text("label", 64), plans: dictionaryOf("plans", tariff) })(file, node)
  if (found === undefined) return undefined
  const { label, plans } = found
  if (label === undefined || plans === undefined) {
    return file.mistake(node, "tariffs need the label that names a device's SIM plan, and the plans")
  }
  return { label, plans }
}

export const budget = mapOf("budget", {
  bytes: bytes("bytes"),
  sms: whole("sms", 0, 1e9),
  money: money("money"),
  "per-device-and-day": cap("per-device-and-day"),
  tariffs,
})
