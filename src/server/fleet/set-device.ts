import type { Device } from "../../core/domain/records.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "./commit.ts"
import { checkedLabels, enteredState } from "./add-device.ts"
import { familyOf, requireModel } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import type { Change } from "./needs.ts"
import { demandVersion, deviceById } from "./remove-device.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families"> & OnBehalf

export interface DeviceWord {
  /** What it runs, as the operator knows; `unknown` = nobody knows. */
  readonly running?: string | undefined
  /** Its login is used by one device, whatever it looks like. */
  readonly single?: boolean | undefined
  /** Labels to set; null takes one away, the others stay. */
  readonly labels?: Readonly<Record<string, string | null>> | undefined
  /** Its model, when it was entered wrongly or another modem was put in. */
  readonly model?: string | undefined
  /** Options of its family to change; the others stay. */
  readonly options?: Readonly<Record<string, string>> | undefined
}

/** Takes in what an operator knows of a device, whole or not at all. Word of what it runs ends every doubt about who uses its login. */
export async function setDevice(
  needs: Needs,
  id: string,
  word: DeviceWord,
  expected: number | null = null,
): Promise<LiveDevice> {
  const live = deviceById(needs, id)
  if (Object.values(word).every((value) => value === undefined || value === false)) {
    throw new Refusal("bad-request", {
      detail: "say what it runs (running), that it is one device (single), or its labels, model or options",
    })
  }
  await withLock(needs, live, async () => {
    demandVersion(live.device, expected)
    const running = word.running === undefined ? null : toldRunning(needs, live.device, word.running)
    const changed = changedDevice(needs, live, word)
    const device = running === null ? changed : { ...changed, running }
    const version = running === null ? null : running.evidence === "unknown" ? "unknown" : running.version
    const event = eventOf({
      at: needs.clock.now(),
      kind: "device.set",
      deviceId: id,
      sentence: `An operator says of ${id}: ${saidWords(version, word).join(", ")}.`,
      data: version === null ? {} : { running: version },
    })
    const endsDoubt = running !== null || word.single === true
    const update = endsDoubt ? undoubted(live) : null
    const changes: Change[] = [{ put: "device", device }, event]
    if (update !== null) changes.push({ put: "update", update })
    await commit(needs, needs.actor, changes)
    if (endsDoubt) live.saidVersions = []
    // What it waited for may be there now, such as an access point.
    if (word.options !== undefined) needs.live.offerNews.add(live)
    // What it may be offered can depend on what it runs.
    if (running !== null) needs.live.toReplan.add(live)
  })
  return live
}

/** The device with its new labels, model and options. Refuses a model while an update of it is under way. */
function changedDevice(needs: Needs, { device, update }: LiveDevice, word: DeviceWord): Device {
  const family = familyOf(needs.families, device.family)
  const { model = device.model, options } = word
  if (model !== device.model) {
    requireModel(family, model)
    if (update !== null && !isOver(update)) {
      throw new Refusal("device-in-rollout", { device: device.id, rollout: update.rolloutId })
    }
  }
  const familyState =
    options === undefined ? device.familyState : enteredState(family, { id: device.id, options }, device.familyState)
  return { ...device, model, labels: checkedLabels(withLabels(device.labels, word.labels)), familyState }
}

/** Labels with others set; null takes one away. */
export function withLabels(
  labels: Device["labels"],
  wanted: NonNullable<DeviceWord["labels"]> = {},
): Record<string, string> {
  const merged = Object.entries({ ...labels, ...wanted })
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null))
}

function saidWords(
  version: string | null,
  { single, labels = {}, model, options = {} }: DeviceWord,
): readonly string[] {
  return [
    ...(version === null ? [] : [version === "unknown" ? "nobody knows what it runs" : `it runs version ${version}`]),
    ...(single === true ? ["its login is used by one device"] : []),
    ...(model === undefined ? [] : [`its model is ${model}`]),
    ...Object.entries(labels).map(([name, value]) =>
      value === null ? `the label ${name} is taken away` : `the label ${name} is ${value}`,
    ),
    // Values may be secret.
    ...Object.keys(options).map((name) => `its ${name} is another`),
  ]
}

function toldRunning({ families }: Pick<Needs, "families">, device: Device, text: string): Device["running"] {
  if (text === "unknown") return { version: null, evidence: "unknown" }
  const parsed = familyOf(families, device.family).versions.parse(text)
  if ("fault" in parsed) throw new Refusal("bad-version", { detail: parsed.fault.sentence })
  return { version: parsed.version, evidence: "told" }
}

/** The device's update without the doubt about who uses its login; null = there is no such doubt. */
function undoubted({ update }: LiveDevice) {
  if (update === null || update.pull.sharing === null) return null
  return { ...update, pull: { ...update.pull, sharing: null, overlaps: 0, doubled: 0, trail: [], quiet: 0 } }
}

/**
 * Another board stands where a device was, under the same login or URL: its credentials, labels and model stay, and all that was
 * known of the old one is forgotten. Refuses while an update of it is under way.
 */
export async function replaceDevice(needs: Needs, id: string): Promise<LiveDevice> {
  const live = deviceById(needs, id)
  if (familyOf(needs.families, live.device.family).conversation !== undefined) {
    throw new Refusal("bad-request", {
      detail: `a ${live.device.family} device is its own SIM and IMEI: remove it and add the other`,
    })
  }
  await withLock(needs, live, async () => {
    const { update } = live
    if (update !== null && !isOver(update)) {
      throw new Refusal("device-in-rollout", { device: id, rollout: update.rolloutId })
    }
    const device: Device = { ...live.device, familyState: {}, running: { version: null, evidence: "unknown" } }
    const event = eventOf({
      at: needs.clock.now(),
      kind: "device.replaced",
      deviceId: id,
      sentence: `An operator says that another device stands in the place of ${id}: what was known of the old one is forgotten, its credentials stay.`,
    })
    const changes: Change[] = [{ put: "device", device }, event]
    // What was concluded of the old one is not offered on.
    if (update !== null)
      changes.push({ put: "update", update: { ...update, pull: freshPull, offer: null, image: null } })
    await commit(needs, needs.actor, changes)
    live.reading = null
    if (update !== null) needs.live.forgetUpdate(id, update.rolloutId)
  })
  return live
}
