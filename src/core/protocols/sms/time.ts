import type { Field } from "../../kit/layout.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"

/** A service centre's time stamp (3GPP TS 23.040 §9.2.3.11), to the second. */
export interface TimeStamp {
  /** Milliseconds since 1970-01-01 UTC; null when what was received is no date. */
  readonly atMs: number | null
  /** The centre's local time minus UTC, quarters of an hour, -79 to 79. */
  readonly zoneQuarters: number
}

const quarterMs = 15 * 60_000
/** Two digits of a year: from here on the last century. */
const firstYearOfLastCentury = 70

/** Two decimal digits, swapped: 0x62 is 26. §9.2.3.11: a digit that is none is "assumed … to be 0". */
function readSemiOctets(octet: number): number {
  const tens = octet & 0x0f
  const ones = octet >> 4
  return (tens > 9 ? 0 : tens) * 10 + (ones > 9 ? 0 : ones)
}

export function writeSemiOctets(value: number): number {
  return ((value % 10) << 4) | Math.floor(value / 10)
}

/** No octet of a time stamp makes a message unreadable: nothing in it depends on the time at which a centre took it. */
export const timeStamp: Field<TimeStamp> = {
  read(reader) {
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = Array.from(
      reader.octets(6),
      readSemiOctets,
    )
    const zone = reader.uint8()
    const quarters = readSemiOctets(zone & 0xf7) * ((zone & 0x08) === 0 ? 1 : -1)
    const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60
    const fullYear = year + (year >= firstYearOfLastCentury ? 1900 : 2000)
    const localMs = Date.UTC(fullYear, month - 1, day, hour, minute, second)
    // A zone of zero is written with either sign; -0 would not equal 0.
    return { atMs: isDate ? localMs - quarters * quarterMs : null, zoneQuarters: quarters === 0 ? 0 : quarters }
  },
  write(writer, { atMs, zoneQuarters }) {
    if (atMs === null) throw new RangeError("a time stamp that is no date")
    if (!Number.isInteger(zoneQuarters) || Math.abs(zoneQuarters) > 79) throw new RangeError(`no zone: ${zoneQuarters}`)
    const local = new Date(atMs + zoneQuarters * quarterMs)
    const year = local.getUTCFullYear()
    if (year < 1970 || year > 2069) throw new RangeError(`the year ${year} has no two digits`)
    const parts = [
      year % 100,
      local.getUTCMonth() + 1,
      local.getUTCDate(),
      local.getUTCHours(),
      local.getUTCMinutes(),
      local.getUTCSeconds(),
    ]
    for (const part of parts) writer.uint8(writeSemiOctets(part))
    writer.uint8(writeSemiOctets(Math.abs(zoneQuarters)) | (zoneQuarters < 0 ? 0x08 : 0))
  },
}

/** How long a service centre keeps a message for its receiver (§9.2.3.12). */
export type Validity =
  | { readonly format: "none" }
  | { readonly format: "relative"; readonly minutes: number }
  | { readonly format: "absolute"; readonly until: TimeStamp }
  | { readonly format: "enhanced"; readonly isSingleShot: boolean; readonly seconds: number | null }

const minute = 1
const hour = 60
const day = 24 * hour
const week = 7 * day

/** §9.2.3.12.1: octet ranges with their step, minutes. */
const relativeSteps = [
  { first: 0, last: 143, fromMinutes: 5 * minute, stepMinutes: 5 * minute },
  { first: 144, last: 167, fromMinutes: 12 * hour + 30 * minute, stepMinutes: 30 * minute },
  { first: 168, last: 196, fromMinutes: 2 * day, stepMinutes: day },
  { first: 197, last: 255, fromMinutes: 5 * week, stepMinutes: week },
] as const

function relativeMinutes(octet: number): number {
  const step = relativeSteps.find(({ last }) => octet <= last) ?? relativeSteps[3]
  return step.fromMinutes + (octet - step.first) * step.stepMinutes
}

/** The octet of the shortest validity that is at least `minutes`; the longest there is when none is. */
export function relativeOctet(minutes: number): number {
  for (const { first, last, fromMinutes, stepMinutes } of relativeSteps) {
    const octet = first + Math.max(0, Math.ceil((minutes - fromMinutes) / stepMinutes))
    if (octet <= last) return octet
  }
  return 255
}

const relative: Field<Validity> = {
  read: (reader) => ({ format: "relative", minutes: relativeMinutes(reader.uint8()) }),
  write: (writer, value) => void (value.format === "relative" && writer.uint8(relativeOctet(value.minutes))),
}

const absolute: Field<Validity> = {
  read: (reader) => ({ format: "absolute", until: timeStamp.read(reader) }),
  write: (writer, value) => void (value.format === "absolute" && timeStamp.write(writer, value.until)),
}

/** §9.2.3.12.3: a functionality octet and six more. Seconds are written as 1 to 255 or as hours, minutes and seconds. */
const enhanced: Field<Validity> = {
  read(reader) {
    const indicator = reader.uint8()
    const octets = reader.octets(6)
    if ((indicator & 0x80) !== 0) throw new MalformedMessage("an extended validity period, which no release defines")
    const isSingleShot = (indicator & 0x40) !== 0
    return { format: "enhanced", isSingleShot, seconds: enhancedSeconds(indicator & 0x07, octets) }
  },
  write(writer, value) {
    if (value.format !== "enhanced") return
    const { seconds } = value
    const form = seconds === null ? 0 : seconds <= 255 ? 2 : 3
    const octets = new Uint8Array(6)
    if (seconds !== null && form === 2) octets[0] = seconds
    if (seconds !== null && form === 3) {
      if (seconds >= 100 * 3600) throw new RangeError(`an enhanced validity of ${seconds} s`)
      const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
      octets.set(parts.map(writeSemiOctets))
    }
    writer.uint8((value.isSingleShot ? 0x40 : 0) | form).octets(octets)
  },
}

function enhancedSeconds(form: number, octets: Uint8Array): number | null {
  const [first = 0, second = 0, third = 0] = octets
  if (form === 0) return null
  if (form === 1) return relativeMinutes(first) * 60
  if (form === 2) return first
  if (form === 3) {
    const [hours, minutes, seconds] = [first, second, third].map(readSemiOctets)
    return (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
  }
  throw new MalformedMessage(`a validity period of the reserved form ${form}`)
}

/** By TP-VPF (§9.2.3.3). */
export const validityFields: readonly Field<Validity>[] = [
  { read: () => ({ format: "none" }), write: () => undefined },
  enhanced,
  relative,
  absolute,
]

export const validityFormats: readonly Validity["format"][] = ["none", "enhanced", "relative", "absolute"]
