import { rhythmOf } from "../../core/rollout/rhythm.ts"
import type {
  ChannelView,
  DeltaView,
  DeviceAccessView,
  DeviceView,
  EnrolmentView,
  EventView,
  MessageView,
  PlanView,
  RehearsalView,
  ReleaseView,
  RolloutView,
  TokenView,
  UpdateView,
} from "../../core/contract/schemas.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import { noRules } from "../../core/domain/marks.ts"
import type { ApiToken } from "../../core/domain/people.ts"
import type { Device, Enrolment, OutgoingMessage, Release, Update } from "../../core/domain/records.ts"
import { tokenText } from "../fleet/add-device.ts"
import { deviceState, doubtOf, explainDevice } from "../fleet/explain-device.ts"
import { familyOf } from "../fleet/families.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import type { DeltaStanding } from "../fleet/make-deltas.ts"
import { type LiveChannel, type LiveDevice, neverSeen, tally } from "../fleet/live-fleet.ts"
import { explainUpdate, reportRollout } from "../fleet/explain-rollout.ts"
import type { Rehearsal } from "../../core/rollout/rehearse.ts"
import { type ShownPlan, summaryOf } from "../fleet/shown-plans.ts"
import type { RehearsalReport } from "../fleet/rehearse-rollout.ts"
import type { LiveRollout } from "../fleet/live-rollout.ts"

/** Records as the API shows them. */

type Needs = Pick<FleetNeeds, "clock" | "live" | "families">

export function updateView(needs: Pick<FleetNeeds, "live" | "clock">, update: Update): UpdateView {
  const { live } = needs
  const device = live.devices.get(update.deviceId)
  const { progress } = update
  return {
    id: update.id,
    deviceId: update.deviceId,
    rolloutId: update.rolloutId,
    releaseId: update.releaseId,
    version: live.releases.get(update.releaseId)?.version ?? "",
    state: progress.state,
    basis: progress.basis,
    attempt: progress.attempt,
    since: progress.since,
    sentence: explainUpdate(needs, update),
    code: progress.code,
    offer: update.offer,
    offerReason: update.offerReason,
    transfer: device?.update?.id === update.id ? device.transfer : null,
    percent: device?.update?.id === update.id ? device.percent : null,
    packageId: update.packageId,
  }
}

/** `update` is the device's newest. */
export function deviceView(needs: Needs, live: LiveDevice, update: Update | null): DeviceView {
  const { device } = live
  return {
    id: device.id,
    family: device.family,
    model: device.model,
    labels: device.labels,
    options: familyOf(needs.families, device.family).entry?.shown(device.familyState) ?? {},
    state: deviceState(needs, live, update),
    running: device.running,
    update: update === null ? null : updateView(needs, update),
    doubt: doubtOf(live, update),
    explain: explainDevice(needs, live, update),
    rhythmMs: wholeMs(rhythmOf(live.rhythm)?.medianMs),
    lastSeen: live.seenAt === neverSeen ? null : live.seenAt,
    peer: live.seenAt === neverSeen ? null : live.peer,
    addedAt: device.addedAt,
  }
}

function wholeMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

/** What goes into the device or the agent beside it, as its family says. */
export function accessView(
  needs: Pick<FleetNeeds, "families"> & { readonly deviceUrl: () => string },
  { id, family, access, familyState }: Device,
): DeviceAccessView {
  return {
    id,
    ...familyOf(needs.families, family).access.view({ id, access, familyState, deviceUrl: needs.deviceUrl() }),
  }
}

/** `isNew`: its token is told, this once. */
export function enrolmentView(enrolment: Enrolment, isNew = false): EnrolmentView {
  const { id, family, secret, labels, admission, createdAt, revokedAt } = enrolment
  const token = isNew ? tokenText({ user: id, secret }) : null
  return { id, family, token, labels, admission, createdAt, revokedAt }
}

export function releaseView(release: Release): ReleaseView {
  const { id, family, version, source, models, fileName, details, notes, state, publishedAt, image } = release
  const { forbidden, ...rules } = release.rules ?? noRules
  return {
    id,
    family,
    version,
    source,
    models: [...models],
    fileName,
    sha256: image.sha256,
    sizeBytes: image.sizeBytes,
    details,
    notes: [...notes],
    state,
    publishedAt,
    rules: { ...rules, forbidden: [...forbidden] },
    signedBy: (release.signatures ?? []).map(({ keyId }) => keyId),
  }
}

export function deltaView({ from, to, recipe, ...standing }: DeltaStanding): DeltaView {
  const { devices, state, progress, patchBytes, tookMs, error } = standing
  return {
    fromReleaseId: from.id,
    fromVersion: from.version,
    toVersion: to.version,
    format: recipe.format,
    devices,
    state,
    progress,
    patchBytes,
    imageBytes: to.image.sizeBytes,
    tookMs,
    error,
  }
}

export function rolloutView({ clock }: Pick<Needs, "clock">, live: LiveRollout): RolloutView {
  const { rollout } = live
  const { explain, phases, spent } = reportRollout({ clock }, live)
  return {
    id: rollout.id,
    releaseIds: [...rollout.releaseIds],
    group: rollout.group,
    state: rollout.state,
    silenceTimeoutMs: rollout.silenceTimeoutMs,
    startedAt: rollout.startedAt,
    endedAt: rollout.endedAt,
    devices: Math.max(live.size, rollout.marks.enrolling?.devices ?? 0),
    counts: tally(live),
    explain,
    phases: phases.map((phase) => ({ ...phase })),
    budget: spent,
    plan: rollout.plan,
    rollbackOf: rollout.marks.rollbackOf,
    prediction: rollout.marks.prediction,
  }
}

/** `reveals`: with its password, or the URL that nobody can guess. */
export function channelView(
  needs: Pick<FleetNeeds, "families"> & { readonly deviceUrl: () => string },
  { channel, polls }: LiveChannel,
  reveals: boolean,
): ChannelView {
  const { access } = familyOf(needs.families, channel.family)
  const { manifestUrl } = access.view({ id: channel.name, access: channel.access, deviceUrl: needs.deviceUrl() })
  return {
    name: channel.name,
    family: channel.family,
    user: channel.access.user,
    password: reveals ? channel.access.secret : null,
    releaseId: channel.releaseId,
    version: channel.version,
    warning: channel.warning,
    polls,
    changedAt: channel.changedAt,
    ...(manifestUrl === undefined || !reveals ? {} : { manifestUrl }),
  }
}

/** Without what is compared with a token's text. */
export function tokenView({ hash: _hash, ...view }: ApiToken): TokenView {
  return view
}

export function messageView(message: OutgoingMessage): MessageView {
  const { reference, deviceId, to, payload, state, createdAt, sentAt } = message
  return { reference, deviceId, to, sizeBytes: Buffer.byteLength(payload, "base64"), state, createdAt, sentAt }
}

export function eventView(event: WaftEvent): EventView {
  return { ...event }
}

/** A plan in numbers. */
export function planView(shown: ShownPlan): PlanView {
  const { id, expiresAt, plan } = shown
  return { id, expiresAt, plan, ...summaryOf(shown) }
}

/** A rehearsal as the API shows it: the typical one, and how far the others are from it. */
export function rehearsalView({ typical, all, devices, known, odds }: RehearsalReport): RehearsalView {
  const ends = (of: (one: Rehearsal) => number): readonly [number, number] => {
    const values = all.map(of)
    return [Math.min(...values), Math.max(...values)]
  }
  const [leastDurationMs, mostDurationMs] = ends(({ durationMs }) => durationMs)
  const [leastBytes, mostBytes] = ends(({ bytes }) => bytes)
  const [leastSucceeded, mostSucceeded] = ends(({ succeeded }) => succeeded)
  return {
    ...typical,
    pauses: [...typical.pauses],
    phasesOpenedMs: [...typical.phasesOpenedMs],
    stuck: [...typical.stuck],
    devices,
    known,
    odds,
    spread: { leastDurationMs, mostDurationMs, leastBytes, mostBytes, leastSucceeded, mostSucceeded },
  }
}
