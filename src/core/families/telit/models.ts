import type { Model } from "../family.ts"

/**
 * The module families of the application note's table 1 and what chapters 4 and 5 say of their software. Versions are
 * written `10.00.xx7`: two fields that name the software, and a third whose last digit counts its releases (fig. 1 shows
 * 10.00.005 and 10.00.006).
 */

export type Variant = "sms" | "combined" | "ip"

export interface TelitModel {
  readonly id: string
  readonly title: string
  /** Products of table 1 that it stands for. */
  readonly products: readonly string[]
  /** The first two fields of its software version. */
  readonly software: string
  /** Last digit of the version that table 1 names. */
  readonly release: number
}

export const telitModels: readonly TelitModel[] = [
  { id: "GE910", title: "GE910-QUAD, GSM/GPRS", products: ["GE910-QUAD"], software: "13.00", release: 3 },
  {
    id: "HE910",
    title: "HE910 family, HSPA",
    products: [
      "HE910",
      "HE910-GA",
      "HE910-D",
      "HE910-EUR",
      "HE910-EUD",
      "HE910-EUG",
      "HE910-NAG",
      "HE910-NAR",
      "HE910-NAD",
    ],
    software: "12.00",
    release: 4,
  },
  {
    id: "GE864",
    title: "GC864, GE864 and GE865 families, GSM/GPRS",
    products: [
      "GC864-QUAD",
      "GE864-QUAD",
      "GE864-QUAD V2",
      "GE864-QUAD Automotive V2",
      "GE864-DUAL V2",
      "GE864-GPS",
      "GE865-QUAD",
    ],
    software: "10.00",
    release: 7,
  },
  { id: "GL865", title: "GL865-DUAL V3, GSM/GPRS", products: ["GL865-DUAL V3"], software: "16.00", release: 2 },
]

/**
 * "Software version equal/greater than", by the first two fields (§4.1.1, §5.1.1). 16.00 stands in table 1 alone: it has
 * the SMS variant, and the note promises it no other.
 */
const firstReleases: Readonly<Record<string, Readonly<Record<"combined" | "ip", number>>>> = {
  "10.00": { combined: 3, ip: 4 },
  "13.00": { combined: 2, ip: 2 },
  "12.00": { combined: 2, ip: 2 },
}

/** The models as the program lists them. */
export const models: readonly Model[] = telitModels.map(({ id, title }) => ({ id, title }))

/** The model that a module means by what it says of itself: an id, or a product of table 1; null = another one. */
export function modelNamed(text: string): TelitModel | null {
  const wanted = text.trim().toUpperCase()
  return telitModels.find(({ id, products }) => [id, ...products].some((name) => name.toUpperCase() === wanted)) ?? null
}

/** The model of an id; an id that is not in the table is a caller's bug. */
export function telitModel(id: string): TelitModel {
  const [first] = telitModels
  const found = id === "any" ? first : telitModels.find((model) => model.id === id)
  if (found === undefined) throw new RangeError(`telit has no model ${id}`)
  return found
}

/** The variants that a software version has; a version of unknown form has the SMS variant alone. */
export function variantsOf(firmware: string): readonly Variant[] {
  const [, software = "", release = ""] =
    /^(\d\d\.\d\d)\.\d*?(\d)$/.exec(firmware.replace(/^(\d\d\.\d\d\.\d\d)\./, "$1")) ?? []
  const first = firstReleases[software]
  if (first === undefined) return ["sms"]
  return ["sms", ...(["combined", "ip"] as const).filter((variant) => Number(release) >= first[variant])]
}
