import { tokenActor } from "../../core/domain/actor.ts"
import type { Admission, Device, Enrolment } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { accessFor, checkDeviceId, checkedLabels } from "./add-device.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf, requireModel } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"
import { deviceById } from "./remove-device.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "randomText" | "families">

/** Devices of one enrolment that may wait to be accepted: whoever has its token must not fill the disk. */
const mostPending = 10_000

export interface EnrolmentWish {
  readonly family: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Whether its devices wait for an operator; `pending` unless told. */
  readonly admission?: Admission | undefined
}

/** Makes a token with which devices of one family add themselves. */
export async function createEnrolment(needs: Needs & OnBehalf, wish: EnrolmentWish): Promise<Enrolment> {
  const family = familyOf(needs.families, wish.family)
  if (!family.access.enrols) throw new Refusal("no-enrolment", { family: family.id })
  const enrolment: Enrolment = {
    id: `enrol-${needs.randomText(8)}`,
    family: family.id,
    secret: needs.randomText(32),
    labels: checkedLabels(wish.labels ?? {}),
    admission: wish.admission ?? "pending",
    createdAt: needs.clock.now(),
    revokedAt: null,
  }
  const sentence = `The enrolment ${enrolment.id} was made: ${family.title} devices may add themselves with its token.`
  const event = eventOf({ at: enrolment.createdAt, kind: "enrolment.created", sentence })
  await commit(needs, needs.actor, [{ put: "enrolment", enrolment }, event], () =>
    needs.live.enrolments.set(enrolment.id, enrolment),
  )
  return enrolment
}

/** Takes an enrolment's token back; devices that have enrolled stay. */
export async function revokeEnrolment(needs: Needs & OnBehalf, id: string): Promise<Enrolment> {
  const enrolment = needs.live.enrolments.get(id)
  if (enrolment === undefined) throw new Refusal("no-such-enrolment", { enrolment: id })
  if (enrolment.revokedAt !== null) return enrolment
  const at = needs.clock.now()
  const revoked = { ...enrolment, revokedAt: at }
  const sentence = `The enrolment ${id} was revoked: nobody can add a device with its token any more.`
  await commit(
    needs,
    needs.actor,
    [{ put: "enrolment", enrolment: revoked }, eventOf({ at, kind: "enrolment.revoked", sentence })],
    () => needs.live.enrolments.set(id, revoked),
  )
  return revoked
}

export interface Enrolling {
  readonly id: string
  readonly model: string
  /** The device's own secret: who repeats the call with it is the same device. Absent = it is known by its enrolment, and gets one. */
  readonly secret?: string | undefined
  /** What is remembered of it from the beginning. */
  readonly familyState?: JsonObject
  readonly version?: string | undefined
}

/** A device adds itself. The same call again gives the same device: its answer may have been lost. */
export async function enrolDevice(needs: Needs, enrolment: Enrolment, wanted: Enrolling): Promise<Device> {
  const family = familyOf(needs.families, enrolment.family)
  requireModel(family, wanted.model)
  const known = needs.live.devices.get(wanted.id)?.device
  if (known?.family === family.id && (wanted.secret === undefined || known.access.secret === wanted.secret))
    return known
  checkDeviceId(needs, wanted.id)
  if (enrolment.admission === "pending") refuseFlood(needs)
  const device: Device = {
    id: wanted.id,
    family: family.id,
    model: wanted.model,
    labels: enrolment.labels,
    access: accessFor(needs, family, { id: wanted.id, secret: wanted.secret }),
    familyState: wanted.familyState ?? {},
    running: { version: wanted.version ?? null, evidence: wanted.version === undefined ? "unknown" : "reported" },
    addedAt: needs.clock.now(),
    admission: enrolment.admission,
  }
  const waits = device.admission === "pending" ? `; \`waft device accept ${device.id}\` lets it take part` : ""
  const event = eventOf({
    at: device.addedAt,
    kind: "device.enrolled",
    deviceId: device.id,
    basis: "reported",
    sentence: `${device.id} enrolled itself with ${enrolment.id}: ${family.id}, model ${device.model}${waits}.`,
  })
  // Taken at once, so that the same id cannot be enrolled twice while the first is being saved.
  const live = needs.live.addDevice(device)
  try {
    await commit(needs, tokenActor(enrolment.id), [{ put: "device", device }, event])
  } catch (error) {
    needs.live.removeDevice(live)
    throw error
  }
  return device
}

function refuseFlood({ live }: Pick<Needs, "live">): void {
  let count = 0
  for (const { device } of live.devices.values()) if (device.admission === "pending") count++
  if (count >= mostPending) throw new Refusal("too-many-pending", { count })
}

/** Lets a device that enrolled itself take part. */
export async function acceptDevice(needs: Needs & OnBehalf, id: string): Promise<LiveDevice> {
  const live = deviceById(needs, id)
  await takeTurns([live], async () => {
    if (live.device.admission === "accepted") return
    const device: Device = { ...live.device, admission: "accepted" }
    const event = eventOf({
      at: needs.clock.now(),
      kind: "device.accepted",
      deviceId: id,
      sentence: `${id} was accepted.`,
    })
    await commit(needs, needs.actor, [{ put: "device", device }, event], () => {
      live.device = device
      live.wake?.()
    })
  })
  return live
}
