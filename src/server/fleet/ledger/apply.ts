import type { LiveFleet } from "../live-fleet.ts"
import type { Change } from "../needs.ts"

/**
 * Takes changes that are durable into memory, in their order. This is the only way in which what is stored changes there, so
 * that whoever replays the same changes, after a restart or in another process, comes to the same memory.
 */
export function applyChanges(fleet: LiveFleet, changes: readonly Change[]): void {
  for (const change of changes) applyChange(fleet, change)
}

function applyChange(fleet: LiveFleet, change: Change): void {
  if ("append" in change) return
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
