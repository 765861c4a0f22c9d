import type { Generated } from "kysely"

/** The tables as Kysely sees them. JSON stands in text columns; times are ms since 1970 UTC. */
export interface Tables {
  readonly devices: DevicesTable
  readonly seen: SeenTable
  readonly images: ImagesTable
  readonly releases: ReleasesTable
  readonly rollouts: RolloutsTable
  readonly updates: UpdatesTable
  readonly channels: ChannelsTable
  readonly enrolments: EnrolmentsTable
  readonly api_tokens: ApiTokensTable
  readonly users: UsersTable
  readonly sessions: SessionsTable
  readonly webhooks: WebhooksTable
  readonly webhook_standings: WebhookStandingsTable
  readonly saved_groups: SavedGroupsTable
  readonly deltas: DeltasTable
  readonly messages: MessagesTable
  readonly events: EventsTable
  readonly counters: CountersTable
  readonly clocks: ClocksTable
  readonly channel_polls: ChannelPollsTable
}

/** How many devices of a phase are in a state, and what they took. */
interface CountersTable {
  readonly rollout_id: string
  readonly phase: number
  readonly name: string
  readonly n: number
}

interface ChannelPollsTable {
  readonly name: string
  readonly polls: number
}

interface ClocksTable {
  readonly name: string
  readonly ms: number
}

interface DevicesTable {
  readonly id: string
  readonly family: string
  readonly model: string
  readonly labels: string
  readonly access_user: string
  readonly access_secret: string
  readonly family_state: string
  readonly running_version: string | null
  readonly running_evidence: string
  readonly added_at: number
  readonly admission: string
  readonly enrolment_id: string | null
  readonly version: number
}

/** Narrow and without secondary indexes: it is written at every contact, coalesced. */
interface SeenTable {
  readonly device_id: string
  readonly at: number
  readonly peer: string
  readonly rhythm: string | null
  readonly up_at: number | null
}

interface ImagesTable {
  readonly sha256: string
  readonly size_bytes: number
}

interface ReleasesTable {
  readonly id: string
  readonly family: string
  readonly version: string
  readonly models: string
  readonly image_sha256: string
  readonly image_size_bytes: number
  readonly file_name: string
  readonly details: string
  readonly notes: string
  readonly state: string
  readonly published_at: number
  readonly source_version: string | null
  readonly published_by: string | null
  readonly rules: string | null
  readonly signatures: string | null
}

interface RolloutsTable {
  readonly id: string
  readonly number: number
  readonly release_ids: string
  readonly group_expression: string | null
  readonly state: string
  readonly silence_timeout_ms: number
  readonly started_at: number
  readonly ended_at: number | null
  readonly plan: string | null
  readonly marks: string | null
  readonly version: number
}

interface UpdatesTable {
  readonly id: string
  readonly rollout_id: string
  readonly device_id: string
  readonly release_id: string
  readonly state: string
  readonly over: number
  readonly attempt: number
  readonly basis: string
  readonly since: number
  readonly sentence: string
  readonly code: string | null
  readonly offer: string | null
  readonly image_sha256: string | null
  readonly image_size_bytes: number | null
  readonly offer_reason: string | null
  readonly pull: string
  readonly package_id: string | null
  readonly ticket_user: string | null
  readonly ticket_secret: string | null
  readonly place: string | null
  readonly version: number
  readonly due_at: number | null
}

interface ChannelsTable {
  readonly name: string
  readonly family: string
  readonly access_user: string
  readonly access_secret: string
  readonly release_id: string | null
  readonly version: string | null
  readonly offer: string | null
  readonly image_sha256: string | null
  readonly image_size_bytes: number | null
  readonly warning: string | null
  readonly changed_at: number
}

interface EnrolmentsTable {
  readonly id: string
  readonly family: string
  readonly secret: string
  readonly labels: string
  readonly admission: string
  readonly created_at: number
  readonly revoked_at: number | null
}

interface ApiTokensTable {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly group_expression: string | null
  readonly hash: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
}

interface UsersTable {
  readonly name: string
  readonly role: string
  readonly group_expression: string | null
  readonly password_hash: string | null
  readonly subject: string | null
  readonly created_at: number
}

interface SessionsTable {
  readonly id: string
  readonly owner_kind: string
  readonly owner_id: string
  readonly basis: string
  readonly hash: string
  readonly created_at: number
  readonly expires_at: number
  readonly called_from: string
  readonly browser: string
}

interface WebhooksTable {
  readonly name: string
  readonly url: string
  /** JSON */
  readonly kinds: string
  readonly secret: string
  readonly created_at: number
}

interface WebhookStandingsTable {
  readonly name: string
  readonly seq: number
  readonly state: string
  readonly failing_since: number | null
  readonly failures: number
  readonly trouble: string | null
  readonly delivered_at: number | null
}

interface SavedGroupsTable {
  readonly name: string
  readonly filter: string | null
  readonly ids: string | null
  readonly changed_at: number
}

interface DeltasTable {
  readonly key: string
  readonly from_sha256: string
  readonly to_sha256: string
  readonly state: string
  readonly patch_sha256: string | null
  readonly patch_size_bytes: number | null
  readonly took_ms: number
  readonly at: number
}

interface MessagesTable {
  readonly reference: string
  readonly device_id: string
  readonly to_number: string
  readonly payload: string
  readonly coding: string
  readonly validity_seconds: number
  readonly created_at: number
  readonly state: string
  readonly carrier_reference: string | null
  readonly sent_at: number | null
}

interface EventsTable {
  readonly seq: Generated<number>
  readonly at: number
  readonly kind: string
  readonly device_id: string | null
  readonly rollout_id: string | null
  readonly release_id: string | null
  readonly basis: string | null
  readonly sentence: string
  readonly data: string
  readonly actor: string | null
  readonly origin: string | null
  /** JSON; null = none. */
  readonly changes: string | null
  readonly seal: string | null
}
