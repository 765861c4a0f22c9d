import type { RunningEvidence } from "../../core/domain/evidence.ts"
import type { Device } from "../../core/domain/records.ts"
import { hasHidden } from "../../core/kit/clean-text.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { AccessWish } from "../../core/families/access.ts"
import type { Family } from "../../core/families/family.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf, requireModel } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { AlreadyTaken, type Change } from "./needs.ts"

export interface NewDevice {
  readonly id: string
  readonly family: string
  readonly model: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** The login that stands in a device already in the field; absent = one is made. */
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** The version it runs, when the operator knows. */
  readonly running?: string | undefined
  /** What the family wants to know of it. */
  readonly options?: Readonly<Record<string, string>> | undefined
}

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "randomText" | "families">
type Making = Needs & OnBehalf

/** Adds one device. */
export async function addDevice(needs: Making, wanted: NewDevice): Promise<Device> {
  const [device] = await addDevices(needs, [wanted])
  return device as Device
}

/** Adds devices, all or none. Of two who add the same id or login at once, one is refused. */
export function addDevices(needs: Making, wanted: readonly NewDevice[]): Promise<readonly Device[]> {
  return untilFree(() => addThese(needs, wanted))
}

/** Tries again with what is there by then when somebody else took an id or a login meanwhile. */
export async function untilFree<Result>(deed: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await deed()
    } catch (error) {
      if (!(error instanceof AlreadyTaken) || tries >= 3) throw error
    }
  }
}

async function addThese(needs: Making, wanted: readonly NewDevice[]): Promise<readonly Device[]> {
  const taken = { ids: new Set<string>(), users: new Set<string>() }
  const devices = wanted.map((one) => {
    const device = makeDevice(needs, one)
    if (taken.ids.has(device.id)) throw new Refusal("device-exists", { device: device.id })
    if (taken.users.has(device.access.user)) {
      throw new Refusal("login-taken", { user: device.access.user, owner: "another device of the same list" })
    }
    taken.ids.add(device.id)
    taken.users.add(device.access.user)
    return device
  })
  const changes = devices.flatMap((device): Change[] => [
    { add: "device", device },
    eventOf({
      at: device.addedAt,
      kind: "device.added",
      deviceId: device.id,
      sentence: `${device.id} was added: ${device.family}, model ${device.model}.`,
    }),
  ])
  await commit(needs, needs.actor, changes)
  return devices.map((device) => needs.live.devices.get(device.id)?.device ?? device)
}

/** Refuses an id that could not stand in a path or a login. */
export function checkDeviceId({ live }: Pick<Needs, "live">, id: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/.test(id)) throw new Refusal("bad-device-id", { device: id })
  if (live.devices.has(id)) throw new Refusal("device-exists", { device: id })
}

function makeDevice(needs: Needs, wanted: NewDevice): Device {
  const family = familyOf(needs.families, wanted.family)
  requireModel(family, wanted.model)
  checkDeviceId(needs, wanted.id)
  return {
    id: wanted.id,
    family: family.id,
    model: wanted.model,
    labels: checkedLabels(wanted.labels ?? {}),
    access: makeAccess(needs, family, wanted),
    familyState: enteredState(family, wanted),
    running: toldRunning(family, wanted.running),
    addedAt: needs.clock.now(),
    admission: "accepted",
  }
}

/** What is remembered of a device by its options; `before` = what is remembered of one that is there. */
export function enteredState(
  family: Family,
  { id, options = {} }: Pick<NewDevice, "id" | "options">,
  before?: JsonObject,
): JsonObject {
  if (family.entry === undefined) {
    const [name] = Object.keys(options)
    if (name === undefined) return before ?? {}
    throw new Refusal("bad-request", { detail: `the family ${family.id} has no option ${name.slice(0, 40)}` })
  }
  const entered = family.entry.enter({ ...options, id }, before)
  if ("fault" in entered) throw new Refusal("bad-request", { detail: entered.fault })
  return entered.familyState
}

function toldRunning(family: Family, text: string | undefined): { version: string | null; evidence: RunningEvidence } {
  if (text === undefined) return { version: null, evidence: "unknown" }
  const parsed = family.versions.parse(text)
  if ("fault" in parsed) throw new Refusal("bad-version", { detail: parsed.fault.sentence })
  return { version: parsed.version, evidence: "told" }
}

function makeAccess(needs: Needs, family: Family, { id, user, password }: NewDevice): Device["access"] {
  const access = accessFor(needs, family, { id, user, secret: password })
  const owner = needs.live.logins.get(access.user)
  if (owner !== undefined) throw new Refusal("login-taken", { user: access.user, owner: ownerName(owner) })
  return access
}

/** Credentials of a device or channel. Refuses those that its family's devices could not carry. */
export function accessFor(
  { live, randomText }: Pick<Needs, "live" | "randomText">,
  family: Family,
  wish: Pick<AccessWish, "id" | "user" | "secret">,
): Device["access"] {
  const made = family.access.make({ ...wish, random: randomText, isTaken: (user) => live.logins.has(user) })
  if ("fault" in made) throw new Refusal("bad-login", { detail: made.fault })
  return made
}

/** The bearer token of an agent or an enrolment. */
export function tokenText({ user, secret }: Device["access"]): string {
  return `${user}.${secret}`
}

export function ownerName(owner: NonNullable<ReturnType<FleetNeeds["live"]["logins"]["get"]>>): string {
  return owner.kind === "device" ? `the device ${owner.device.id}` : `the channel ${owner.channel.name}`
}

const labelPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/

export function checkedLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(labels)
  if (names.length > 32) throw new Refusal("bad-label", { detail: "A device takes at most 32 labels." })
  for (const name of names) {
    if (!labelPattern.test(name)) {
      const detail = `"${name.slice(0, 70)}" cannot be a label: a name takes 1 to 63 letters, digits, '_', '.' or '-', and begins with a letter or '_'.`
      throw new Refusal("bad-label", { detail })
    }
    const value = labels[name] ?? ""
    if (value.length > 200 || hasHidden(value)) {
      const detail = `The label ${name} takes at most 200 characters, none of them a control character or invisible.`
      throw new Refusal("bad-label", { detail })
    }
  }
  return labels
}
