import { tokenActor } from "../../core/domain/actor.ts"
import type { Admission, Device, Enrolment } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { accessFor, checkDeviceId, checkedLabels, untilFree } from "./add-device.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf, requireModel } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import type { LiveDevice, LiveFleet } from "./live-fleet.ts"
import { deviceById } from "./remove-device.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "randomText" | "families"> & {
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

/** Wrong secrets for the id of a device that is there, in an hour, until even the right one is not listened to. */
const mostWrongSecrets = 10
const wrongSecretsMs = 3_600_000
/** Devices whose secrets are guessed at, at a time. */
const mostGuessedAt = 10_000

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
  await commit(needs, needs.actor, [{ put: "enrolment", enrolment }, event])
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
  await commit(needs, needs.actor, [
    { put: "enrolment", enrolment: revoked },
    eventOf({ at, kind: "enrolment.revoked", sentence }),
  ])
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

/** A device adds itself. The same call again, also at the same moment, gives the same device: its answer may have been lost. */
export function enrolDevice(needs: Needs, enrolment: Enrolment, wanted: Enrolling): Promise<Device> {
  return untilFree(() => enrol(needs, enrolment, wanted))
}

async function enrol(needs: Needs, enrolment: Enrolment, wanted: Enrolling): Promise<Device> {
  const family = familyOf(needs.families, enrolment.family)
  requireModel(family, wanted.model)
  const known = needs.live.devices.get(wanted.id)?.device
  if (known?.family === family.id && (wanted.secret === undefined || isSame(needs, known, wanted.secret))) return known
  checkDeviceId(needs, wanted.id)
  refuseFlood(needs, enrolment)
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
    enrolmentId: enrolment.id,
  }
  const waits = device.admission === "pending" ? `; \`waft device accept ${device.id}\` lets it take part` : ""
  const event = eventOf({
    at: device.addedAt,
    kind: "device.enrolled",
    deviceId: device.id,
    basis: "reported",
    sentence: `${device.id} enrolled itself with ${enrolment.id}: ${family.id}, model ${device.model}${waits}.`,
  })
  return needs.live.whileEnrolling(device, async () => {
    await commit(needs, tokenActor(enrolment.id), [{ add: "device", device }, event])
    return device
  })
}

interface WrongSecrets {
  readonly since: number
  count: number
}

const wrongSecrets = new WeakMap<LiveFleet, Map<string, WrongSecrets>>()

/** Whether the device itself repeats its call. Whoever tries secrets learns nothing any more after a few. */
function isSame({ live, clock }: Needs, known: Device, secret: string): boolean {
  const tried = wrongSecrets.get(live) ?? new Map<string, WrongSecrets>()
  wrongSecrets.set(live, tried)
  const now = clock.monotonic()
  const found = tried.get(known.id)
  const before = found !== undefined && now - found.since < wrongSecretsMs ? found : { since: now, count: 0 }
  if (before.count >= mostWrongSecrets) return false
  if (known.access.secret === secret) return true
  tried.delete(known.id)
  tried.set(known.id, { ...before, count: before.count + 1 })
  const oldest = tried.size > mostGuessedAt ? tried.keys().next().value : undefined
  if (oldest !== undefined) tried.delete(oldest)
  return false
}

/** Whoever has an enrolment's token must not fill the disk, nor stand in the way of another enrolment's devices. */
function refuseFlood({ live, hit }: Needs, { id, admission }: Enrolment): void {
  const { pending, accepted } = live.enrolledBy(id)
  if (admission === "pending" && pending >= limits["enrolment.pending"].most) {
    hit?.("enrolment.pending")
    throw new Refusal("too-many-pending", { count: pending })
  }
  if (admission === "accepted" && accepted >= limits["enrolment.accepted"].most) {
    hit?.("enrolment.accepted")
    throw new Refusal("too-many-enrolled", { count: accepted })
  }
}

/** Lets a device that enrolled itself take part. */
export async function acceptDevice(needs: Needs & OnBehalf, id: string): Promise<LiveDevice> {
  const live = deviceById(needs, id)
  await withLock(needs, live, async () => {
    if (live.device.admission === "accepted") return
    const device: Device = { ...live.device, admission: "accepted" }
    const event = eventOf({
      at: needs.clock.now(),
      kind: "device.accepted",
      deviceId: id,
      sentence: `${id} was accepted.`,
    })
    await commit(needs, needs.actor, [{ put: "device", device }, event])
  })
  return live
}
