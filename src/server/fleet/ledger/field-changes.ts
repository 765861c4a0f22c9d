import type { FieldChange, FieldValue } from "../../../core/domain/audit.ts"
import type { ApiToken, User, Webhook } from "../../../core/domain/people.ts"
import type { Channel, Device, Enrolment, Release, Rollout } from "../../../core/domain/records.ts"
import type { LiveFleet } from "../live-fleet.ts"
import { type Change, isBulk } from "../needs.ts"

type Fields = Readonly<Record<string, FieldValue>>

/** Changes as they are to be stored: their events say what was before, and what is after. */
export function withFieldChanges(fleet: LiveFleet, changes: readonly Change[]): readonly Change[] {
  const ofDevices = new Map<string, FieldChange[]>()
  const others: FieldChange[] = []
  for (const change of changes) {
    const told = toldOf(fleet, change)
    if (told === null) continue
    const found = [...differences(told)]
    if (told.deviceId === undefined) others.push(...found)
    else ofDevices.set(told.deviceId, [...(ofDevices.get(told.deviceId) ?? []), ...found])
  }
  return changes.map((change) => {
    if (!("append" in change)) return change
    const { deviceId } = change.append
    const own = (deviceId === null ? undefined : ofDevices.get(deviceId)) ?? []
    ofDevices.delete(deviceId ?? "")
    // What is no device's is told with the first event.
    const fields = [...own, ...others.splice(0)].slice(0, mostFields)
    return fields.length === 0 ? change : { ...change, changes: fields }
  })
}

/** One event tells so many changed fields at most; who changes more at once is told of them one by one elsewhere. */
const mostFields = 200

interface Told {
  readonly record: string
  readonly deviceId?: string
  readonly before: Fields
  readonly after: Fields
}

function* differences({ record, before, after }: Told): Iterable<FieldChange> {
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[field] ?? null, after[field] ?? null]
    if (was === is) continue
    const isSecret = field.startsWith(secretMark)
    yield {
      record,
      field: isSecret ? field.slice(secretMark.length) : field,
      before: isSecret && was !== null ? hidden : was,
      after: isSecret && is !== null ? hidden : is,
    }
  }
}

/** Fields whose values are compared and never told. */
const secretMark = "secret:"
const hidden = "(kept secret)"

/** A record before and after a change; null = it was not there before, or nobody is told of its kind. */
function toldOf(fleet: LiveFleet, change: Change): Told | null {
  if ("append" in change || "add" in change || "count" in change || isBulk(change)) return null
  if ("remove" in change) {
    const webhook = change.remove === "webhook" ? fleet.webhooks.get(change.id) : undefined
    if (webhook !== undefined) return { record: `webhook ${webhook.name}`, before: webhookFields(webhook), after: {} }
    const user = change.remove === "user" ? fleet.users.get(change.id) : undefined
    if (user !== undefined) return { record: `user ${user.name}`, before: userFields(user), after: {} }
    const live = change.remove === "device" ? fleet.devices.get(change.id) : undefined
    if (live === undefined) return null
    return { record: `device ${change.id}`, deviceId: change.id, before: deviceFields(live.device), after: {} }
  }
  switch (change.put) {
    case "device": {
      const { device } = change
      return told(`device ${device.id}`, deviceFields, fleet.devices.get(device.id)?.device, device, device.id)
    }
    case "release":
      return told(`release ${change.release.id}`, releaseFields, fleet.releases.get(change.release.id), change.release)
    case "rollout": {
      const { rollout } = change
      return told(`rollout ${rollout.id}`, rolloutFields, fleet.rollouts.get(rollout.id)?.rollout, rollout)
    }
    case "channel": {
      const { channel } = change
      return told(`channel ${channel.name}`, channelFields, fleet.channels.get(channel.name)?.channel, channel)
    }
    case "enrolment": {
      const { enrolment } = change
      return told(`enrolment ${enrolment.id}`, enrolmentFields, fleet.enrolments.get(enrolment.id), enrolment)
    }
    case "webhook":
      return told(
        `webhook ${change.webhook.name}`,
        webhookFields,
        fleet.webhooks.get(change.webhook.name),
        change.webhook,
      )
    case "user":
      return told(`user ${change.user.name}`, userFields, fleet.users.get(change.user.name), change.user)
    case "token":
      return told(`token ${change.token.name}`, tokenFields, fleet.tokens.get(change.token.id), change.token)
    default:
      return null
  }
}

function told<Record>(
  record: string,
  fields: (record: Record) => Fields,
  before: Record | undefined,
  after: Record,
  deviceId?: string,
): Told | null {
  if (before === undefined) return null
  return { record, ...(deviceId === undefined ? {} : { deviceId }), before: fields(before), after: fields(after) }
}

function deviceFields({ model, labels, access, running, admission }: Device): Fields {
  return {
    model,
    ...labelFields(labels),
    login: access.user,
    [`${secretMark}secret`]: access.secret,
    running: running.version,
    admission,
  }
}

function labelFields(labels: Readonly<Record<string, string>>): Fields {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [`labels.${name}`, value]))
}

const releaseFields = ({ state }: Release): Fields => ({ state })

function rolloutFields({ state, marks }: Rollout): Fields {
  const gates = marks.phases.map(({ gateOpenedAt }, i) => [`phases.${i + 1}.gateOpenedAt`, gateOpenedAt])
  return { state, reason: marks.reason, approvedAt: marks.approvedAt, ...Object.fromEntries(gates) }
}

function channelFields({ family, access, releaseId, version }: Channel): Fields {
  return { family, login: access.user, [`${secretMark}password`]: access.secret, release: releaseId, version }
}

const enrolmentFields = ({ revokedAt, admission }: Enrolment): Fields => ({ revokedAt, admission })

function tokenFields({ role, group, hash, expiresAt, revokedAt }: ApiToken): Fields {
  return { role, group, [`${secretMark}text`]: hash, expiresAt, revokedAt }
}

function userFields({ role, group, passwordHash, subject }: User): Fields {
  return { role, group, [`${secretMark}password`]: passwordHash, subject }
}

function webhookFields({ url, kinds, secret }: Webhook): Fields {
  return { url, kinds: kinds.join(","), [`${secretMark}secret`]: secret }
}
