import type { Enrolment } from "../../core/domain/records.ts"
import type { Family } from "../../core/families/family.ts"
import type { RouteCaller } from "../../core/families/routes.ts"
import { enrolDevice } from "../fleet/enrolment.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import type { LiveChannel, LiveDevice } from "../fleet/live-fleet.ts"
import type { Origin } from "../transports/http/origin.ts"
import { isSameText } from "./is-same-text.ts"

type Needs = Pick<FleetNeeds, "live" | "store" | "clock" | "events" | "randomText" | "families">

/** Who sends a request, once that is believed. */
export type Caller = KnownCaller | EnrollingCaller | { readonly kind: "nobody" }

export interface KnownCaller {
  readonly kind: "known"
  readonly login: LiveDevice | LiveChannel
}

/** A device that an enrolment lets add itself. */
export interface EnrollingCaller {
  readonly kind: "enrolling"
  readonly enrolment: Enrolment
  readonly wanted: Extract<RouteCaller, { by: "enrolment" }>
}

const nobody = { kind: "nobody" } as const

/** Believes who a request says that it is of, or not. */
export function findCaller(
  needs: Pick<Needs, "live">,
  family: Family,
  said: RouteCaller | null,
  origin: Origin,
): Caller {
  if (said === null) return nobody
  if (said.by === "login") {
    const login = needs.live.logins.get(said.user)
    if (login === undefined || familyIdOf(login) !== family.id) return nobody
    return said.secret === undefined || isSameText(said.secret, secretOf(login)) ? { kind: "known", login } : nobody
  }
  const found = needs.live.devices.get(said.id)
  const live = found?.device.family === family.id ? found : undefined
  if (said.by === "device") {
    return live !== undefined && isSameText(said.secret, live.device.access.secret)
      ? { kind: "known", login: live }
      : nobody
  }
  if (said.by === "certificate") {
    return live !== undefined && origin.clientName === said.id ? { kind: "known", login: live } : nobody
  }
  const enrolment = enrolmentOf(needs, family, said.token)
  if (enrolment === null) return nobody
  if (live !== undefined) {
    return said.fits(enrolment.labels, live.device.familyState) ? { kind: "known", login: live } : nobody
  }
  // An id of another family is nobody here.
  if (found !== undefined || !said.fits(enrolment.labels, said.familyState)) return nobody
  return { kind: "enrolling", enrolment, wanted: said }
}

/** Adds the device that enrols. Refuses what `enrolDevice` does. */
export async function enrolCaller(needs: Needs, { enrolment, wanted }: EnrollingCaller): Promise<LiveDevice> {
  const { id, model, familyState } = wanted
  await enrolDevice(needs, enrolment, { id, model, familyState })
  const live = needs.live.devices.get(id)
  if (live === undefined) throw new Error(`${id} was enrolled and is gone`)
  return live
}

function enrolmentOf({ live }: Pick<Needs, "live">, family: Family, token: string): Enrolment | null {
  const at = token.indexOf(".")
  const enrolment = live.enrolments.get(token.slice(0, Math.max(0, at)))
  if (enrolment === undefined || enrolment.revokedAt !== null || enrolment.family !== family.id) return null
  return isSameText(token.slice(at + 1), enrolment.secret) ? enrolment : null
}

function familyIdOf(login: LiveDevice | LiveChannel): string {
  return login.kind === "device" ? login.device.family : login.channel.family
}

function secretOf(login: LiveDevice | LiveChannel): string {
  return login.kind === "device" ? login.device.access.secret : login.channel.access.secret
}
