import type { Device, Update } from "../../../core/domain/records.ts"
import { runsUnknown } from "../../../core/domain/running.ts"
import { isLive, type LiveFleet } from "../live-fleet.ts"
import { type BulkChange, type Change, type Ending, isBulk } from "../needs.ts"

/** Records that are taken in at once: a few milliseconds. */
const sliceSize = 500

/**
 * Takes changes that are durable into memory, in their order. This is the only way in which what is stored changes there, so
 * that whoever replays the same changes, after a restart or in another process, comes to the same memory. It yields where others may
 * have their turn; changes of a few records are taken in without a break.
 */
export function* applyChanges(fleet: LiveFleet, changes: readonly Change[]): Generator<void, void> {
  for (const change of changes) {
    if (isBulk(change)) yield* applyBulk(fleet, change)
    else if ("put" in change && change.put === "rollout") yield* applyRollout(fleet, change)
    else applyOne(fleet, change)
  }
  // Only now: what is said of the device and of its update may come in either order.
  for (const change of changes) {
    if (!("put" in change)) continue
    if (change.put === "device") fleet.forgetDenied(change.device.id)
    if (change.put === "update") fleet.forgetDenied(change.update.deviceId)
  }
}

function* applyBulk(fleet: LiveFleet, change: BulkChange): Generator<void, void> {
  if ("enrol" in change) yield* inSlices(change.enrol, (update) => fleet.setUpdate(update))
  else if ("end" in change) yield* inSlices(change.end, (update) => fleet.setUpdate(endedAs(update, change.as)))
  else {
    yield* inSlices(change.doubt, ({ id }) => {
      const live = fleet.devices.get(id)
      if (live !== undefined) fleet.putDevice(doubted(live.device))
    })
  }
}

/** An update that no device has ended. */
export function endedAs(update: Update, { state, since, sentence }: Ending): Update {
  const { dueAt: _, version = 0, ...rest } = update
  const progress = { ...update.progress, state, basis: "observed" as const, since, sentence }
  return { ...rest, progress, version: version + 1 }
}

/** A device of which nobody can say any more what it runs, as it is saved. */
export function doubted(device: Device): Device {
  return { ...runsUnknown(device), version: (device.version ?? 0) + 1 }
}

/** Once a rollout is over its devices are offered nothing any more. */
function* applyRollout(
  fleet: LiveFleet,
  { rollout }: Extract<Change, { readonly put: "rollout" }>,
): Generator<void, void> {
  const before = fleet.rollouts.get(rollout.id)?.rollout.state
  const live = fleet.setRollout(rollout)
  if (before === undefined || !isLive(before) || isLive(rollout.state)) return
  yield* inSlices(live.states.keys(), (deviceId) => {
    // It may have been taken up again meanwhile.
    if (!isLive(live.rollout.state)) fleet.forgetEnded(live, deviceId)
  })
}

function* inSlices<Item>(items: Iterable<Item>, take: (item: Item) => void): Generator<void, void> {
  let count = 0
  for (const item of items) {
    take(item)
    if (++count % sliceSize === 0) yield
  }
}

function applyOne(fleet: LiveFleet, change: Exclude<Change, BulkChange>): void {
  if ("append" in change || "count" in change) return
  if ("add" in change) return void fleet.putDevice(change.device)
  if ("remove" in change) {
    if (change.remove === "device") fleet.removeDevice(change.id)
    if (change.remove === "channel") fleet.removeChannel(change.id)
    if (change.remove === "user") fleet.users.delete(change.id)
    if (change.remove === "session") fleet.sessions.delete(change.id)
    if (change.remove === "webhook") fleet.webhooks.delete(change.id)
    if (change.remove === "standing") fleet.standings.delete(change.id)
    if (change.remove === "group") fleet.groups.delete(change.id)
    return
  }
  switch (change.put) {
    case "device":
      return void fleet.putDevice(change.device)
    case "update":
      return fleet.setUpdate(change.update)
    case "rollout":
      return void fleet.setRollout(change.rollout)
    case "release":
      return void fleet.releases.set(change.release.id, change.release)
    case "channel":
      return fleet.setChannel(change.channel)
    case "enrolment":
      return void fleet.enrolments.set(change.enrolment.id, change.enrolment)
    case "token":
      return void fleet.tokens.set(change.token.id, change.token)
    case "webhook":
      return void fleet.webhooks.set(change.webhook.name, change.webhook)
    case "standing":
      return void fleet.standings.set(change.standing.name, change.standing)
    case "user":
      return void fleet.users.set(change.user.name, change.user)
    case "session":
      return void fleet.sessions.set(change.session.id, change.session)
    case "group":
      return void fleet.groups.set(change.group.name, change.group)
    case "delta":
      return void fleet.deltas.set(change.delta.key, change.delta)
    // The outbox has the messages, and images are looked up by their SHA-256.
    case "message":
    case "image":
      return
  }
}
