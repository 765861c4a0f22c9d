import type { ReleaseSignature } from "../../core/domain/release-manifest.ts"
import type { Insertable, Selectable } from "kysely"
import { actorText, parseActor } from "../../core/domain/actor.ts"
import type { Basis } from "../../core/domain/evidence.ts"
import type { ApiToken, Role, Session, User, Webhook, WebhookStanding } from "../../core/domain/people.ts"
import type { AuditEntry, FieldChange, FieldValue } from "../../core/domain/audit.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { RunningEvidence } from "../../core/domain/evidence.ts"
import { freshPull, readPullState } from "../../core/domain/pull-state.ts"
import type {
  Admission,
  Channel,
  DeltaRecord,
  Device,
  Enrolment,
  ImageRef,
  OutgoingMessage,
  Release,
  ReleaseRules,
  Rollout,
  RolloutMarks,
  RolloutState,
  SavedGroup,
  Update,
  UpdatePlace,
} from "../../core/domain/records.ts"
import { firstPlace, freshMarks, waitingProgress } from "../../core/domain/marks.ts"
import { type RolloutPlan, simplePlan } from "../../core/domain/plan.ts"
import { type UpdateState, updateStates } from "../../core/domain/update.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import type { Tables } from "./tables.ts"

/** Records to rows and back, one pair a table. The casts trust only what this file itself wrote. */

type Row<Name extends keyof Tables> = Selectable<Tables[Name]>
type NewRow<Name extends keyof Tables> = Insertable<Tables[Name]>

/** What many thousand rows say alike stands in memory once. */
const said = new Map<string, string>()

function once<Text extends string | null>(text: Text): Text {
  if (text === null) return text
  const known = said.get(text)
  if (known !== undefined) return known as Text
  if (said.size < 1000) said.set(text, text)
  return text
}

/** Sentences that neighbouring rows have in common: what a device said alone must not fill the memory. */
const sentences = new Map<string, string>()

function spoken(sentence: string): string {
  const known = sentences.get(sentence)
  if (known !== undefined) return known
  if (sentences.size >= 1000) sentences.clear()
  sentences.set(sentence, sentence)
  return sentence
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({})

const object = (text: string): JsonObject => JSON.parse(text) as JsonObject

/** What many devices have in common, such as an offer or labels, stands in memory once: records are never changed in place. */
const common = new Map<string, unknown>()

function shared<Value>(text: string): Value {
  const known = common.get(text)
  if (known !== undefined) return known as Value
  const value: unknown = JSON.parse(text)
  if (common.size >= 2000) common.clear()
  common.set(text, value)
  return value as Value
}

function imageRef(sha256: string | null, sizeBytes: number | null): ImageRef | null {
  if (sha256 === null || sizeBytes === null) return null
  return shared(JSON.stringify({ sha256, sizeBytes }))
}

export function deviceRow(device: Device): NewRow<"devices"> {
  return {
    id: device.id,
    family: device.family,
    model: device.model,
    labels: JSON.stringify(device.labels),
    access_user: device.access.user,
    access_secret: device.access.secret,
    family_state: JSON.stringify(device.familyState),
    running_version: device.running.version,
    running_evidence: device.running.evidence,
    added_at: device.addedAt,
    admission: device.admission,
    enrolment_id: device.enrolmentId ?? null,
    version: device.version ?? 1,
  }
}

export function deviceOf(row: Row<"devices">): Device {
  return {
    id: row.id,
    family: once(row.family),
    model: once(row.model),
    labels: row.labels === "{}" ? noLabels : shared<Record<string, string>>(row.labels),
    access: { user: row.access_user, secret: row.access_secret },
    familyState: object(row.family_state),
    running: { version: once(row.running_version), evidence: once(row.running_evidence as RunningEvidence) },
    addedAt: row.added_at,
    version: row.version,
    admission: once(row.admission as Admission),
    ...(row.enrolment_id === null ? {} : { enrolmentId: once(row.enrolment_id) }),
  }
}

export function releaseRow(release: Release): NewRow<"releases"> {
  return {
    id: release.id,
    family: release.family,
    version: release.version,
    models: JSON.stringify(release.models),
    image_sha256: release.image.sha256,
    image_size_bytes: release.image.sizeBytes,
    file_name: release.fileName,
    details: JSON.stringify(release.details),
    notes: JSON.stringify(release.notes),
    state: release.state,
    published_at: release.publishedAt,
    source_version: release.source,
    published_by: release.publishedBy ?? null,
    rules: release.rules === undefined ? null : JSON.stringify(release.rules),
    signatures: release.signatures === undefined ? null : JSON.stringify(release.signatures),
  }
}

export function releaseOf(row: Row<"releases">): Release {
  return {
    id: row.id,
    family: row.family,
    version: row.version,
    models: JSON.parse(row.models) as string[],
    image: { sha256: row.image_sha256, sizeBytes: row.image_size_bytes },
    fileName: row.file_name,
    details: object(row.details),
    notes: JSON.parse(row.notes) as string[],
    state: row.state as Release["state"],
    publishedAt: row.published_at,
    source: row.source_version,
    ...(row.published_by === null ? {} : { publishedBy: row.published_by }),
    ...(row.rules === null ? {} : { rules: JSON.parse(row.rules) as ReleaseRules }),
    ...(row.signatures === null ? {} : { signatures: JSON.parse(row.signatures) as ReleaseSignature[] }),
  }
}

export function rolloutRow(rollout: Rollout): NewRow<"rollouts"> {
  return {
    id: rollout.id,
    number: rollout.number,
    release_ids: JSON.stringify(rollout.releaseIds),
    group_expression: rollout.group,
    state: rollout.state,
    silence_timeout_ms: rollout.silenceTimeoutMs,
    started_at: rollout.startedAt,
    ended_at: rollout.endedAt,
    plan: JSON.stringify(rollout.plan),
    marks: JSON.stringify(rollout.marks),
    version: rollout.version ?? 1,
  }
}

/** A rollout of a version of the server that knew no plans: one phase, everybody at once. */
function planOf(row: Row<"rollouts">): Pick<Rollout, "plan" | "marks"> {
  if (row.plan !== null && row.marks !== null) {
    return { plan: JSON.parse(row.plan) as RolloutPlan, marks: JSON.parse(row.marks) as RolloutMarks }
  }
  const releases = JSON.parse(row.release_ids) as string[]
  const plan = simplePlan({ releases, group: row.group_expression, silenceMs: row.silence_timeout_ms })
  return { plan, marks: freshMarks(plan, { rankMultiplier: 1, openedAt: row.started_at }) }
}

/** What is as it was at first is not written: there are as many rows as devices. */
function differing(place: UpdatePlace): Partial<UpdatePlace> {
  return Object.fromEntries(
    Object.entries(place).filter(([name, value]) => value !== firstPlace[name as keyof UpdatePlace]),
  )
}

/** Places that many devices have in common stand in memory once. */
const places = new Map<string, UpdatePlace>()

function placeOf(text: string): UpdatePlace {
  const known = places.get(text)
  if (known !== undefined) return known
  const place: UpdatePlace = { ...firstPlace, ...(JSON.parse(text) as Partial<UpdatePlace>) }
  if (places.size < 1000) places.set(text, place)
  return place
}

function oldPlace(row: Row<"updates">): UpdatePlace {
  return {
    ...firstPlace,
    offers: row.state === "waiting" ? 0 : 1,
    hasBegun: row.state !== "waiting" && row.state !== "offered",
  }
}

export function rolloutOf(row: Row<"rollouts">): Rollout {
  return {
    id: row.id,
    number: row.number,
    releaseIds: JSON.parse(row.release_ids) as string[],
    group: row.group_expression,
    state: row.state as RolloutState,
    silenceTimeoutMs: row.silence_timeout_ms,
    ...planOf(row),
    version: row.version,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}

export function updateRow(update: Update): NewRow<"updates"> {
  const { progress } = update
  return {
    id: update.id,
    rollout_id: update.rolloutId,
    device_id: update.deviceId,
    release_id: update.releaseId,
    state: progress.state,
    over: updateStates[progress.state].over ? 1 : 0,
    attempt: progress.attempt,
    basis: progress.basis,
    since: progress.since,
    sentence: progress.sentence === waitingProgress.sentence ? "" : progress.sentence,
    code: progress.code,
    offer: update.offer === null ? null : JSON.stringify(update.offer),
    image_sha256: update.image?.sha256 ?? null,
    image_size_bytes: update.image?.sizeBytes ?? null,
    offer_reason: update.offerReason,
    pull: update.pull === freshPull ? "{}" : JSON.stringify(update.pull),
    package_id: update.packageId,
    ticket_user: update.ticket?.user ?? null,
    ticket_secret: update.ticket?.secret ?? null,
    place: JSON.stringify(differing(update.place)),
    version: update.version ?? 1,
    due_at: update.dueAt ?? null,
  }
}

export function updateOf(row: Row<"updates">): Update {
  return {
    id: row.id,
    rolloutId: row.rollout_id,
    deviceId: row.device_id,
    releaseId: row.release_id,
    progress: {
      state: row.state as UpdateState,
      attempt: row.attempt,
      basis: row.basis as Basis,
      since: row.since,
      sentence: row.sentence === "" ? waitingProgress.sentence : spoken(row.sentence),
      code: row.code,
    },
    offer: row.offer === null ? null : shared<JsonObject>(row.offer),
    image: imageRef(row.image_sha256, row.image_size_bytes),
    offerReason: row.offer_reason === null ? null : spoken(row.offer_reason),
    pull: row.pull === "{}" ? freshPull : readPullState(JSON.parse(row.pull)),
    place: row.place === null ? oldPlace(row) : placeOf(row.place),
    packageId: row.package_id,
    version: row.version,
    ...(row.due_at === null ? {} : { dueAt: row.due_at }),
    ticket:
      row.ticket_user === null || row.ticket_secret === null
        ? null
        : { user: row.ticket_user, secret: row.ticket_secret },
  }
}

export function channelRow(channel: Channel): NewRow<"channels"> {
  return {
    name: channel.name,
    family: channel.family,
    access_user: channel.access.user,
    access_secret: channel.access.secret,
    release_id: channel.releaseId,
    version: channel.version,
    offer: channel.offer === null ? null : JSON.stringify(channel.offer),
    image_sha256: channel.image?.sha256 ?? null,
    image_size_bytes: channel.image?.sizeBytes ?? null,
    warning: channel.warning,
    changed_at: channel.changedAt,
  }
}

export function channelOf(row: Row<"channels">): Channel {
  return {
    name: row.name,
    family: row.family,
    access: { user: row.access_user, secret: row.access_secret },
    releaseId: row.release_id,
    version: row.version,
    offer: row.offer === null ? null : object(row.offer),
    image: imageRef(row.image_sha256, row.image_size_bytes),
    warning: row.warning,
    changedAt: row.changed_at,
  }
}

export function enrolmentRow(enrolment: Enrolment): NewRow<"enrolments"> {
  return {
    id: enrolment.id,
    family: enrolment.family,
    secret: enrolment.secret,
    labels: JSON.stringify(enrolment.labels),
    admission: enrolment.admission,
    created_at: enrolment.createdAt,
    revoked_at: enrolment.revokedAt,
  }
}

export function enrolmentOf(row: Row<"enrolments">): Enrolment {
  return {
    id: row.id,
    family: row.family,
    secret: row.secret,
    labels: JSON.parse(row.labels) as Record<string, string>,
    admission: row.admission as Admission,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }
}

export function groupRow({ name, devices, changedAt }: SavedGroup): NewRow<"saved_groups"> {
  return {
    name,
    filter: devices.by === "filter" ? devices.filter : null,
    ids: devices.by === "list" ? JSON.stringify(devices.ids) : null,
    changed_at: changedAt,
  }
}

export function groupOf(row: Row<"saved_groups">): SavedGroup {
  const devices: SavedGroup["devices"] =
    row.filter === null
      ? { by: "list", ids: JSON.parse(row.ids ?? "[]") as string[] }
      : { by: "filter", filter: row.filter }
  return { name: row.name, devices, changedAt: row.changed_at }
}

export function deltaRow(delta: DeltaRecord): NewRow<"deltas"> {
  return {
    key: delta.key,
    from_sha256: delta.fromSha256,
    to_sha256: delta.toSha256,
    state: delta.state,
    patch_sha256: delta.patch?.sha256 ?? null,
    patch_size_bytes: delta.patch?.sizeBytes ?? null,
    took_ms: delta.tookMs,
    at: delta.at,
  }
}

export function deltaOf(row: Row<"deltas">): DeltaRecord {
  return {
    key: row.key,
    fromSha256: row.from_sha256,
    toSha256: row.to_sha256,
    state: row.state as DeltaRecord["state"],
    patch: imageRef(row.patch_sha256, row.patch_size_bytes),
    tookMs: row.took_ms,
    at: row.at,
  }
}

export function messageRow(message: OutgoingMessage): NewRow<"messages"> {
  return {
    reference: message.reference,
    device_id: message.deviceId,
    to_number: message.to,
    payload: message.payload,
    coding: message.coding,
    validity_seconds: message.validitySeconds,
    created_at: message.createdAt,
    state: message.state,
    carrier_reference: message.carrierReference,
    sent_at: message.sentAt,
  }
}

export function messageOf(row: Row<"messages">): OutgoingMessage {
  return {
    reference: row.reference,
    deviceId: row.device_id,
    to: row.to_number,
    payload: row.payload,
    coding: row.coding as OutgoingMessage["coding"],
    validitySeconds: row.validity_seconds,
    createdAt: row.created_at,
    state: row.state as OutgoingMessage["state"],
    carrierReference: row.carrier_reference,
    sentAt: row.sent_at,
  }
}

export function tokenRow({
  id,
  name,
  role,
  group,
  hash,
  createdAt,
  expiresAt,
  revokedAt,
}: ApiToken): NewRow<"api_tokens"> {
  return {
    id,
    name,
    role,
    group_expression: group,
    hash,
    created_at: createdAt,
    expires_at: expiresAt,
    revoked_at: revokedAt,
  }
}

export function tokenOf(row: Row<"api_tokens">): ApiToken {
  const { id, name, role, group_expression: group, hash } = row
  return {
    id,
    name,
    role: role as Role,
    group,
    hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}

export function userRow({ name, role, group, passwordHash, subject, createdAt }: User): NewRow<"users"> {
  return { name, role, group_expression: group, password_hash: passwordHash, subject, created_at: createdAt }
}

export function userOf(row: Row<"users">): User {
  const { name, role, group_expression: group, password_hash: passwordHash, subject } = row
  return { name, role: role as Role, group, passwordHash, subject, createdAt: row.created_at }
}

export function sessionRow(session: Session): NewRow<"sessions"> {
  return {
    id: session.id,
    owner_kind: session.owner.kind,
    owner_id: session.owner.id,
    basis: session.basis,
    hash: session.hash,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
    called_from: session.from,
    browser: session.browser,
  }
}

export function sessionOf(row: Row<"sessions">): Session {
  return {
    id: row.id,
    owner: { kind: row.owner_kind as Session["owner"]["kind"], id: row.owner_id },
    basis: row.basis,
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    from: row.called_from,
    browser: row.browser,
  }
}

export function webhookRow({ name, url, kinds, secret, createdAt }: Webhook): NewRow<"webhooks"> {
  return { name, url, kinds: JSON.stringify(kinds), secret, created_at: createdAt }
}

export function webhookOf({ name, url, kinds, secret, created_at }: Row<"webhooks">): Webhook {
  return { name, url, kinds: JSON.parse(kinds) as string[], secret, createdAt: created_at }
}

export function standingRow(standing: WebhookStanding): NewRow<"webhook_standings"> {
  const { name, seq, state, failingSince, failures, trouble, deliveredAt } = standing
  return { name, seq, state, failing_since: failingSince, failures, trouble, delivered_at: deliveredAt }
}

export function standingOf(row: Row<"webhook_standings">): WebhookStanding {
  return {
    name: row.name,
    seq: row.seq,
    state: row.state as WebhookStanding["state"],
    failingSince: row.failing_since,
    failures: row.failures,
    trouble: row.trouble,
    deliveredAt: row.delivered_at,
  }
}

export function eventRow(event: AuditEntry): NewRow<"events"> {
  return {
    seq: event.seq,
    at: event.at,
    actor: event.actor === null ? null : actorText(event.actor),
    kind: event.kind,
    device_id: event.deviceId,
    rollout_id: event.rolloutId,
    release_id: event.releaseId,
    basis: event.basis,
    sentence: event.sentence,
    data: JSON.stringify(event.data),
    origin: event.from,
    changes: event.changes.length === 0 ? null : JSON.stringify(event.changes.map(changeCells)),
    seal: event.seal,
  }
}

const changeCells = ({ record, field, before, after }: FieldChange) => [record, field, before, after]

type ChangeCells = readonly [record: string, field: string, before: FieldValue, after: FieldValue]

export function auditEntryOf(row: Row<"events">): AuditEntry {
  const cells = row.changes === null ? [] : (JSON.parse(row.changes) as readonly ChangeCells[])
  const changes = cells.map(([record, field, before, after]): FieldChange => ({ record, field, before, after }))
  return { ...eventOf(row), from: row.origin, changes, seal: row.seal }
}

export function eventOf(row: Row<"events">): WaftEvent {
  const event = {
    seq: row.seq,
    at: row.at,
    kind: row.kind,
    deviceId: row.device_id,
    rolloutId: row.rollout_id,
    releaseId: row.release_id,
    basis: row.basis as Basis | null,
    sentence: row.sentence,
    data: object(row.data),
    actor: parseActor(row.actor),
  }
  return event as unknown as WaftEvent
}
