import { type Static, Type } from "typebox"
import type { ActorKind } from "../domain/actor.ts"
import type { AuditEntry, SealStart } from "../domain/audit.ts"
import type { WaftEvent } from "../domain/events/table.ts"
import type { RolloutPlan } from "../domain/plan.ts"
import type { JsonObject } from "../kit/json.ts"
import { type Role, roles } from "../domain/people.ts"
import { type UpdateState, updateStates } from "../domain/update.ts"

/** What the management API gives and takes. The OpenAPI document, the server's checks and the clients' types come from here. */

const Text = (maxLength: number, description?: string) =>
  Type.String({ maxLength, ...(description === undefined ? {} : { description }) })
const Time = Type.Integer({ description: "ms since 1970-01-01 UTC" })
const Nullable = <T extends ReturnType<typeof Type.Unsafe> | Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const UpdateStateName = Type.Unsafe<UpdateState>(Type.Enum(Object.keys(updateStates)))
export const BasisName = Type.Union([Type.Literal("observed"), Type.Literal("reported"), Type.Literal("concluded")], {
  description: "observed on the wire, reported by the device, or concluded from what it did next",
})

export const UpdateView = Type.Object({
  id: Type.String(),
  deviceId: Type.String(),
  rolloutId: Type.String(),
  releaseId: Type.String(),
  version: Type.String({ description: "version of the release" }),
  state: UpdateStateName,
  basis: BasisName,
  attempt: Type.Integer(),
  since: Time,
  sentence: Type.String(),
  code: Nullable(Type.String({ description: "the device's own result code, raw" })),
  offer: Nullable(Type.Record(Type.String(), Type.Unknown())),
  offerReason: Nullable(Type.String()),
  transfer: Nullable(Type.Object({ takenBytes: Type.Integer(), sizeBytes: Type.Integer() })),
  percent: Nullable(Type.Integer({ description: "how far the device says that it is with installing" })),
  packageId: Nullable(Type.String({ description: "the release whose package is offered on the way" })),
})
export type UpdateView = Static<typeof UpdateView>

export const DeviceView = Type.Object({
  id: Type.String(),
  family: Type.String(),
  model: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  options: Type.Record(Type.String(), Type.String(), {
    description: "what its family was told of it; secrets are left out",
  }),
  state: Type.Union([
    Type.Literal("pending"),
    Type.Literal("new"),
    Type.Literal("idle"),
    Type.Literal("updating"),
    Type.Literal("attention"),
  ]),
  running: Type.Object({
    version: Nullable(Type.String()),
    evidence: Type.Union([
      Type.Literal("unknown"),
      Type.Literal("told"),
      Type.Literal("observed"),
      Type.Literal("reported"),
      Type.Literal("concluded"),
    ]),
  }),
  update: Nullable(UpdateView),
  doubt: Nullable(
    Type.String({
      description: "why its login seems to be shared, so that nothing is concluded; an operator's word ends it",
    }),
  ),
  explain: Type.String(),
  rhythmMs: Nullable(Type.Integer({ description: "median time between its last contacts; null = not learned yet" })),
  lastSeen: Nullable(Time),
  peer: Nullable(Type.String()),
  addedAt: Time,
})
export type DeviceView = Static<typeof DeviceView>

export const AttentionReasonName = Type.Union(
  [
    Type.Literal("pending"),
    Type.Literal("failed"),
    Type.Literal("no-show"),
    Type.Literal("declined"),
    Type.Literal("astray"),
    Type.Literal("shared"),
  ],
  {
    description:
      "why a device needs a person; of several the first: it waits to be accepted, its last update ended so, it has lost its SIM, or others seem to use its login",
  },
)
export const AttentionView = Type.Object({ reason: AttentionReasonName, device: DeviceView })
export type AttentionView = Static<typeof AttentionView>

const Counted = Type.Array(Type.Object({ value: Type.String(), devices: Type.Integer() }))

/** The fleet in numbers, as far as the caller may see it. */
export const FleetSummaryView = Type.Object({
  devices: Type.Integer(),
  states: Type.Object({
    pending: Type.Integer(),
    new: Type.Integer(),
    idle: Type.Integer(),
    updating: Type.Integer(),
    attention: Type.Integer(),
  }),
  updates: Type.Record(Type.String(), Type.Integer(), {
    description: "devices by the state of the update that is under way, or by how the last one ended in trouble",
  }),
  attention: Type.Object({
    devices: Type.Integer({ description: "that need a person, each counted once" }),
    reasons: Type.Record(Type.String(), Type.Integer()),
  }),
  families: Type.Array(
    Type.Object({
      family: Type.String(),
      devices: Type.Integer(),
      attention: Type.Integer(),
      models: Counted,
      versions: Type.Array(Type.Object({ value: Nullable(Type.String()), devices: Type.Integer() }), {
        description: "what they run, the most first; null = not known",
      }),
    }),
  ),
  rollouts: Type.Object({ running: Type.Integer(), paused: Type.Integer(), over: Type.Integer() }),
  releases: Type.Integer({ description: "that are not withdrawn" }),
})
export type FleetSummaryView = Static<typeof FleetSummaryView>

export const FacetsView = Type.Object({
  devices: Type.Integer({ description: "devices that match" }),
  facets: Type.Array(
    Type.Object({
      key: Type.String({ description: "as a group expression names it" }),
      isLabel: Type.Boolean(),
      values: Counted,
    }),
  ),
})
export type FacetsView = Static<typeof FacetsView>

export const GroupCheckView = Type.Object({
  isUnderstood: Type.Boolean(),
  devices: Nullable(Type.Integer({ description: "devices that match; null = it is not understood" })),
  at: Nullable(Type.Integer({ description: "the character, from 1, at which it is not understood" })),
  detail: Nullable(Type.String()),
})
export type GroupCheckView = Static<typeof GroupCheckView>

export const CompletionView = Type.Object({
  from: Type.Integer({ description: "where what an item takes the place of begins, in characters from 0" }),
  to: Type.Integer({ description: "where that ends" }),
  items: Type.Array(
    Type.Object({
      text: Type.String(),
      kind: Type.Union([Type.Literal("key"), Type.Literal("value"), Type.Literal("word")]),
      says: Type.String(),
    }),
  ),
})
export type CompletionView = Static<typeof CompletionView>

export const ContactsView = Type.Object({
  from: Time,
  stepMs: Type.Integer(),
  since: Type.Integer({ description: "when the server started to count, ms since 1970-01-01 UTC" }),
  counts: Type.Array(Type.Integer(), { description: "contacts in each step, oldest first; the last is not over yet" }),
})
export type ContactsView = Static<typeof ContactsView>

export const CauseView = Type.Object({
  state: UpdateStateName,
  code: Nullable(Type.String({ description: "the device's own result code, raw" })),
  sentence: Type.String(),
  devices: Type.Integer(),
  models: Counted,
  example: Type.String({ description: "one of the devices" }),
})
export type CauseView = Static<typeof CauseView>

export const DeviceAccessView = Type.Object(
  {
    id: Type.String(),
    ftp: Type.Optional(Type.Object({ user: Type.String(), password: Type.String() })),
    manifestUrl: Type.Optional(Type.String()),
    agent: Type.Optional(
      Type.Object({
        server: Type.String({ description: "URL of the agent API's server" }),
        token: Type.String({ description: "bearer token of the agent beside this device" }),
      }),
    ),
  },
  { additionalProperties: Type.Unknown({ description: "what a family alone has" }) },
)
export type DeviceAccessView = Static<typeof DeviceAccessView>

export const WireView = Type.Object({
  id: Type.String(),
  sessions: Type.Array(
    Type.Object({
      number: Type.Integer({ description: "counts every contact of the server" }),
      channel: Type.String({ description: "ftp, http, ddi, sms, tcp, or agent: what an agent tells of its module" }),
      peer: Type.String({ description: "the device's address or number" }),
      startedAt: Type.Number(),
      endedAt: Type.Union([Type.Number(), Type.Null()], { description: "null = it goes on" }),
      lines: Type.Array(
        Type.Object({
          at: Type.Number({ description: "ms since 1970 UTC" }),
          from: Type.String({ description: "device, server, or note: what the server saw" }),
          text: Type.String({ description: "one line; secrets are masked" }),
        }),
      ),
      dropped: Type.Integer({ description: "lines beyond the limit of one contact" }),
      repeats: Type.Integer({ description: "later contacts that said the same, line for line" }),
      findings: Type.Array(
        Type.Object({
          rule: Type.String(),
          says: Type.String(),
          cure: Type.String(),
          line: Type.Integer({ description: "the line that shows it, counted from 0" }),
        }),
      ),
    }),
  ),
})
export type WireView = Static<typeof WireView>

export const NewDeviceBody = Type.Object(
  {
    id: Text(64),
    family: Text(32),
    model: Text(32),
    labels: Type.Optional(Type.Record(Type.String(), Text(200))),
    user: Type.Optional(Text(64, "user, or first part of the URL, that stands in the device already")),
    password: Type.Optional(Text(64, "FTP password that stands in the device already")),
    running: Type.Optional(Text(64, "the version it runs, when known")),
    options: Type.Optional(
      Type.Record(Type.String(), Text(200), { description: "what the family wants to know of it, such as its number" }),
    ),
  },
  { additionalProperties: false },
)
export type NewDeviceBody = Static<typeof NewDeviceBody>

export const DeviceWordBody = Type.Object(
  {
    running: Type.Optional(Text(64, "the version it runs, or unknown")),
    single: Type.Optional(Type.Boolean({ description: "its login is used by one device, whatever it looks like" })),
    labels: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Nullable(Type.String({ maxLength: 200 })), {
        description: "labels to set; null takes one away, the others stay",
      }),
    ),
    model: Type.Optional(Text(32, "its model, when it was entered wrongly")),
    options: Type.Optional(
      Type.Record(Type.String(), Text(200), { description: "options of its family to change; the others stay" }),
    ),
  },
  { additionalProperties: false },
)

export type DeviceWordBody = Static<typeof DeviceWordBody>

export const AdmissionName = Type.Union([Type.Literal("accepted"), Type.Literal("pending")], {
  description: "pending: the device enrolled itself and waits for an operator",
})

export const EnrolmentBody = Type.Object(
  {
    family: Text(32),
    labels: Type.Optional(Type.Record(Type.String(), Text(200))),
    admission: Type.Optional(AdmissionName),
  },
  { additionalProperties: false },
)
export type EnrolmentBody = Static<typeof EnrolmentBody>

export const EnrolmentView = Type.Object({
  id: Type.String(),
  family: Type.String(),
  token: Nullable(Type.String({ description: "what agents enrol with: told when it is made, and never again" })),
  labels: Type.Record(Type.String(), Type.String()),
  admission: AdmissionName,
  createdAt: Time,
  revokedAt: Nullable(Time),
})
export type EnrolmentView = Static<typeof EnrolmentView>

export const ReleaseStateName = Type.Union(
  [Type.Literal("unapproved"), Type.Literal("active"), Type.Literal("withdrawn")],
  { description: "unapproved: it waits for a second person" },
)
export const RulesBody = Type.Object(
  {
    floor: Type.Optional(Nullable(Text(64, "the oldest version that it may be installed over; null = any"))),
    forbidden: Type.Optional(
      Type.Array(Text(64), { maxItems: 100, description: "versions that it must not be installed over" }),
    ),
    security: Type.Optional(Nullable(Text(2000, "the advisory of a security release; null = it is none"))),
    mustBeRehearsed: Type.Optional(
      Type.Boolean({ description: "it has to succeed on a virtual device of each model first" }),
    ),
  },
  { additionalProperties: false },
)
export type RulesBody = Static<typeof RulesBody>

export const ReleaseView = Type.Object({
  id: Type.String(),
  family: Type.String(),
  version: Type.String(),
  source: Nullable(Type.String({ description: "the exact version that a package starts from; null = a full image" })),
  models: Type.Array(Type.String()),
  fileName: Type.String(),
  sha256: Type.String(),
  sizeBytes: Type.Integer(),
  details: Type.Record(Type.String(), Type.Unknown()),
  notes: Type.Array(Type.String()),
  state: ReleaseStateName,
  publishedAt: Time,
  rules: Type.Object({
    floor: Nullable(Type.String()),
    forbidden: Type.Array(Type.String()),
    security: Nullable(Type.String()),
    mustBeRehearsed: Type.Boolean(),
  }),
  signedBy: Type.Array(Type.String(), { description: "ids of the keys whose signatures it carries" }),
})
export type ReleaseView = Static<typeof ReleaseView>

export const SignaturesBody = Type.Object(
  {
    envelope: Type.String({ maxLength: 8000, description: "DSSE envelope in JSON, as `waft release sign` writes it" }),
  },
  { additionalProperties: false },
)
export type SignaturesBody = Static<typeof SignaturesBody>

export const DeltaView = Type.Object({
  fromReleaseId: Type.String(),
  fromVersion: Type.String(),
  toVersion: Type.String(),
  format: Type.String({ description: "jojodiff, waft" }),
  devices: Type.Integer({ description: "devices that run the version it begins from, as far as is known" }),
  state: Type.Union([
    Type.Literal("waiting"),
    Type.Literal("running"),
    Type.Literal("done"),
    Type.Literal("no-gain"),
    Type.Literal("failed"),
    Type.Literal("cancelled"),
  ]),
  progress: Type.Number({ description: "0 to 1" }),
  patchBytes: Nullable(Type.Integer()),
  imageBytes: Type.Integer({ description: "size of the whole image" }),
  tookMs: Nullable(Type.Integer()),
  error: Nullable(Type.String()),
})
export type DeltaView = Static<typeof DeltaView>

export const RolloutStateName = Type.Union([
  Type.Literal("running"),
  Type.Literal("paused"),
  Type.Literal("succeeded"),
  Type.Literal("failed"),
  Type.Literal("aborted"),
  Type.Literal("superseded"),
])

export const RolloutView = Type.Object({
  id: Type.String(),
  releaseIds: Type.Array(Type.String()),
  group: Nullable(Type.String()),
  state: RolloutStateName,
  silenceTimeoutMs: Type.Integer(),
  startedAt: Time,
  endedAt: Nullable(Time),
  devices: Type.Integer(),
  counts: Type.Record(Type.String(), Type.Integer()),
  explain: Type.String({ description: "what it does or waits for, in a sentence or two" }),
  phases: Type.Array(
    Type.Object({
      name: Type.String(),
      size: Type.Integer(),
      state: Type.Union([
        Type.Literal("closed"),
        Type.Literal("open"),
        Type.Literal("soaking"),
        Type.Literal("passed"),
      ]),
      counts: Type.Record(Type.String(), Type.Integer()),
      explain: Type.String(),
    }),
  ),
  budget: Type.Object(
    { bytes: Type.Number(), sms: Type.Integer(), money: Type.Number() },
    { description: "spent so far" },
  ),
  plan: Type.Unsafe<RolloutPlan>(
    Type.Object({}, { additionalProperties: true, description: "the plan, every default filled in" }),
  ),
  rollbackOf: Nullable(Type.String()),
  prediction: Type.Unsafe<JsonObject | null>(Nullable(Type.Object({}, { additionalProperties: true }))),
})
export type RolloutView = Static<typeof RolloutView>

export const RolloutBody = Type.Object(
  {
    releaseIds: Type.Optional(Type.Array(Text(64), { minItems: 1, maxItems: 20 })),
    group: Type.Optional(Nullable(Text(1000, "group expression; null = every device that a release fits"))),
    silenceTimeoutMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 366 * 86_400_000 })),
    canary: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000_000, description: "devices that go first" })),
    pauseOnNoShow: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: "percent of a phase" })),
    plan: Type.Optional(Text(65_536, "a plan file, YAML or JSON, in place of all the others")),
    planId: Type.Optional(Text(64, "a plan that was shown, to start just that, in place of all the others")),
    allowDowngrade: Type.Optional(Type.Boolean({ description: "a device may get an older version than it runs" })),
    takeOver: Type.Optional(Type.Boolean({ description: "take devices that other rollouts are updating from there" })),
    again: Type.Optional(Type.Boolean({ description: "offer it also to devices that are believed to run it" })),
  },
  { additionalProperties: false },
)
export type RolloutBody = Static<typeof RolloutBody>

const Share = Type.Number({ minimum: 0, maximum: 1 })

export const RehearsalBody = Type.Object(
  {
    plan: Text(65_536, "a plan file, YAML or JSON"),
    seeds: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 5 })),
    horizonMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 366 * 86_400_000, default: 30 * 86_400_000 })),
    rhythmMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 60 * 86_400_000, default: 6 * 3_600_000 })),
    odds: Type.Optional(
      Type.Object(
        { cut: Type.Optional(Share), failure: Type.Optional(Share), silence: Type.Optional(Share) },
        { additionalProperties: false, description: "what is absent is taken from the last rollouts" },
      ),
    ),
  },
  { additionalProperties: false },
)
export type RehearsalBody = Static<typeof RehearsalBody>

/** The rehearsal whose duration is in the middle, and how far the others are from it. */
export const RehearsalView = Type.Object({
  durationMs: Type.Integer(),
  bytes: Type.Number(),
  sms: Type.Integer(),
  money: Type.Number(),
  succeeded: Type.Integer(),
  failed: Type.Integer(),
  noShow: Type.Integer(),
  unfinished: Type.Integer(),
  end: Type.Union([
    Type.Literal("succeeded"),
    Type.Literal("failed"),
    Type.Literal("superseded"),
    Type.Literal("paused"),
    Type.Literal("running"),
  ]),
  pauses: Type.Array(Type.Object({ atMs: Type.Integer(), reason: Type.String() })),
  phasesOpenedMs: Type.Array(Nullable(Type.Integer())),
  stuck: Type.Array(Type.Object({ device: Type.String(), state: Type.String() })),
  devices: Type.Integer(),
  known: Type.Integer({ description: "devices whose own rhythm is known" }),
  odds: Type.Object({ cut: Share, failure: Share, silence: Share }),
  spread: Type.Object({
    leastDurationMs: Type.Integer(),
    mostDurationMs: Type.Integer(),
    leastBytes: Type.Number(),
    mostBytes: Type.Number(),
    leastSucceeded: Type.Integer(),
    mostSucceeded: Type.Integer(),
  }),
})
export type RehearsalView = Static<typeof RehearsalView>

const SpentView = { bytes: Type.Number(), sms: Type.Integer(), money: Type.Number() }

export const CostPreviewView = Type.Object({
  phases: Type.Array(
    Type.Object({
      name: Type.String(),
      devices: Type.Integer(),
      alreadyThere: Type.Integer(),
      impossible: Type.Integer({ description: "devices that cannot take the release" }),
      ...SpentView,
    }),
  ),
  total: Type.Object(SpentView),
  withoutTariff: Type.Integer({ description: "devices that no tariff is known for, where the plan has tariffs" }),
  exceeds: Nullable(Type.String({ description: "which cap the whole would exceed, as a sentence" })),
})
export type CostPreviewView = Static<typeof CostPreviewView>

export const PlannedView = Type.Object({
  deviceId: Type.String(),
  model: Type.String(),
  releaseId: Type.String(),
  from: Nullable(Type.String()),
  to: Type.String(),
  outcome: Type.Union([
    Type.Literal("update"),
    Type.Literal("already-there"),
    Type.Literal("impossible"),
    Type.Literal("supersedes"),
  ]),
  sentence: Type.String(),
})
export type PlannedView = Static<typeof PlannedView>
export const OutcomeName = PlannedView.properties.outcome

/** What a rollout would do, in numbers; its devices are read a page at a time. */
export const PlanView = Type.Object({
  id: Type.String({ description: "`planId` of the call that starts just this plan" }),
  expiresAt: Time,
  plan: Type.Unsafe<RolloutPlan>(
    Type.Object({}, { additionalProperties: true, description: "the plan, every default filled in" }),
  ),
  devices: Type.Integer(),
  counts: Type.Object({
    update: Type.Integer(),
    supersedes: Type.Integer(),
    "already-there": Type.Integer(),
    impossible: Type.Integer(),
  }),
  models: Type.Array(Type.Object({ family: Type.String(), model: Type.String(), devices: Type.Integer() })),
  samples: Type.Array(PlannedView, { description: "a few devices of each outcome" }),
})
export type PlanView = Static<typeof PlanView>

export const GroupView = Type.Object({
  name: Type.String(),
  filter: Nullable(Type.String({ description: "the expression that it stands for; null = it is a list" })),
  listed: Nullable(Type.Integer({ description: "ids in its list; null = it is an expression" })),
  changedAt: Time,
})
export type GroupView = Static<typeof GroupView>

export const GroupBody = Type.Object(
  {
    filter: Type.Optional(Text(1000, "group expression: whoever matches when it is asked")),
    ids: Type.Optional(Type.Array(Text(64), { minItems: 1, maxItems: 10_000, description: "a list of device ids" })),
    pin: Type.Optional(Type.Boolean({ description: "keep the list of those that match the filter now" })),
    replace: Type.Optional(Type.Boolean({ description: "give a name that is there another meaning" })),
  },
  { additionalProperties: false },
)
export type GroupBody = Static<typeof GroupBody>

export const GroupPreviewBody = Type.Object(
  {
    group: Type.Optional(Nullable(Text(1000, "group expression; null = every device"))),
    releaseIds: Type.Optional(Type.Array(Text(64), { minItems: 1, maxItems: 20 })),
  },
  { additionalProperties: false },
)
export type GroupPreviewBody = Static<typeof GroupPreviewBody>

const DeviceCounts = <Of extends Record<string, ReturnType<typeof Type.String> | ReturnType<typeof Nullable>>>(
  of: Of,
) => Type.Array(Type.Object({ ...of, devices: Type.Integer() }))

export const GroupPreviewView = Type.Object({
  devices: Type.Integer(),
  ids: Type.Array(Type.String(), { description: "the first of them, at most 50; listDevices gives all" }),
  models: DeviceCounts({ family: Type.String(), model: Type.String() }),
  versions: DeviceCounts({ family: Type.String(), version: Nullable(Type.String()) }),
  cannot: Type.Array(
    Type.Object({ devices: Type.Integer(), ids: Type.Array(Type.String()), sentence: Type.String() }),
    { description: "who cannot take the releases, by the reason, with at most 10 ids each" },
  ),
  without: Type.Integer({ description: "devices that none of the releases is for" }),
})
export type GroupPreviewView = Static<typeof GroupPreviewView>

export const ChannelView = Type.Object({
  name: Type.String(),
  family: Type.String(),
  user: Type.String(),
  password: Nullable(Type.String({ description: "null in lists, and to whoever may not see secrets" })),
  releaseId: Nullable(Type.String()),
  version: Nullable(Type.String()),
  warning: Nullable(Type.String({ description: "what the operator should know about this offer" })),
  polls: Type.Integer({ description: "notices that were read" }),
  changedAt: Time,
  manifestUrl: Type.Optional(Type.String()),
})
export type ChannelView = Static<typeof ChannelView>

export const ChannelBody = Type.Object(
  {
    family: Type.Optional(Text(32)),
    user: Type.Optional(Text(64)),
    password: Type.Optional(Text(64)),
    releaseId: Type.Optional(Nullable(Text(64, "null = offer nothing"))),
    version: Type.Optional(Text(64)),
    replace: Type.Optional(
      Type.Boolean({ description: "also change the family, user or password of a channel that is there" }),
    ),
  },
  { additionalProperties: false },
)
export type ChannelBody = Static<typeof ChannelBody>

export const ChannelFileView = Type.Object({
  name: Type.String(),
  role: Type.Union([Type.Literal("notice"), Type.Literal("image")]),
  base64: Type.String(),
})
export type ChannelFileView = Static<typeof ChannelFileView>

export const ActorView = Type.Object({
  kind: Type.Unsafe<ActorKind>(Type.Enum(["operator", "token", "device", "engine"])),
  name: Nullable(Type.String({ description: "who of that kind; null for the engine" })),
})

/** What `data` is, `kind` tells: `docs/reference.md` lists every kind. */
export const EventView = Type.Unsafe<WaftEvent>(
  Type.Object({
    seq: Type.Integer(),
    at: Time,
    kind: Type.String(),
    actor: Nullable(ActorView),
    deviceId: Nullable(Type.String()),
    rolloutId: Nullable(Type.String()),
    releaseId: Nullable(Type.String()),
    basis: Nullable(BasisName),
    sentence: Type.String(),
    data: Type.Record(Type.String(), Type.Unknown()),
  }),
)
export type EventView = WaftEvent

const FieldValue = Nullable(Type.Union([Type.String(), Type.Number()]))
const SealStartView = Type.Object({ seq: Type.Integer(), seal: Type.String() })

export const AuditView = Type.Unsafe<{ readonly start: SealStart | null; readonly entries: readonly AuditEntry[] }>(
  Type.Object({
    start: Nullable(SealStartView),
    entries: Type.Array(
      Type.Object({
        seq: Type.Integer(),
        at: Time,
        kind: Type.String(),
        actor: Nullable(ActorView),
        from: Nullable(Type.String({ description: "the address that the caller called from; local = on the machine" })),
        deviceId: Nullable(Type.String()),
        rolloutId: Nullable(Type.String()),
        releaseId: Nullable(Type.String()),
        basis: Nullable(BasisName),
        sentence: Type.String(),
        data: Type.Record(Type.String(), Type.Unknown()),
        changes: Type.Array(
          Type.Object({ record: Type.String(), field: Type.String(), before: FieldValue, after: FieldValue }),
          { description: "what the deed changed" },
        ),
        seal: Nullable(Type.String({ description: "SHA-256, hex; docs/people.md says over what" })),
      }),
    ),
  }),
)
/** A page of the log, which is followed rather than counted. */
export const EventList = Type.Object({
  items: Type.Array(EventView),
  next: Nullable(Type.String({ description: "`cursor` of the page after this one; null = there is none yet" })),
})
export type EventList = Static<typeof EventList>

/** Without its text: that may tell a secret of the conversation. */
export const MessageView = Type.Object({
  reference: Type.String(),
  deviceId: Type.String(),
  to: Type.String({ description: "international number" }),
  sizeBytes: Type.Integer(),
  state: Type.Union([Type.Literal("waiting"), Type.Literal("sending"), Type.Literal("doubtful"), Type.Literal("sent")]),
  createdAt: Time,
  sentAt: Nullable(Time),
})
export type MessageView = Static<typeof MessageView>

export const FamilyView = Type.Object({
  id: Type.String(),
  title: Type.String(),
  noun: Type.String({ description: "what its users call one of its devices: mote, board, module" }),
  access: Type.String({ description: "what is put where to let one in: login into the device" }),
  versions: Type.String({ description: "what a version looks like" }),
  models: Type.Array(
    Type.Object({ id: Type.String(), title: Type.String(), isUnusual: Type.Optional(Type.Boolean()) }),
  ),
})
export type FamilyView = Static<typeof FamilyView>

export const SettingView = Type.Object({
  flag: Type.String({ description: "without its dashes" }),
  value: Type.String({ description: "empty = off, or not given; passwords in it are masked" }),
  source: Type.Union([
    Type.Literal("flag"),
    Type.Literal("environment"),
    Type.Literal("file"),
    Type.Literal("default"),
  ]),
  from: Type.String({ description: "the flag, the variable or the file that says so" }),
  help: Type.String(),
})
export type SettingView = Static<typeof SettingView>

/** Virtual devices that run beside the server, in a process of their own. */
export const LabView = Type.Object({
  isAllowed: Type.Boolean({ description: "the server was started with --lab on" }),
  families: Type.Array(
    Type.Object({
      family: Type.String(),
      title: Type.String(),
      speaks: Type.String({ description: "its update language in a few words" }),
    }),
    { description: "families whose virtual devices come with firmware to practise with" },
  ),
  practice: Nullable(
    Type.Object({
      families: Type.Array(Type.String()),
      state: Type.Union([Type.Literal("starting"), Type.Literal("running"), Type.Literal("ended")]),
      fault: Nullable(Type.String({ description: "why it ended by itself, or could not start" })),
      group: Nullable(Type.String({ description: "group expression of its devices; null = they are not added yet" })),
      devices: Type.Integer({ description: "how many there are to be" }),
      releaseIds: Type.Array(Type.String(), { description: "what they can be updated to" }),
      log: Type.Array(Type.String(), { description: "what the process said last, oldest first" }),
    }),
  ),
})
export type LabView = Static<typeof LabView>

export const PracticeBody = Type.Object(
  {
    families: Type.Array(Text(32), { minItems: 1, maxItems: 8 }),
    devices: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 50, default: 5, description: "virtual devices of each family" }),
    ),
  },
  { additionalProperties: false },
)
export type PracticeBody = Static<typeof PracticeBody>

export const HealthView = Type.Object({
  status: Type.Literal("ok"),
  version: Type.String(),
  devices: Type.Integer(),
  listeners: Type.Record(Type.String(), Type.String()),
})
export type HealthView = Static<typeof HealthView>

export const LimitView = Type.Object({
  name: Type.String(),
  most: Type.Number(),
  unit: Type.String(),
  says: Type.String({ description: "what is bounded, and what happens beyond it" }),
  hits: Type.Integer({ description: "how often it was met since the server started" }),
})
export type LimitView = Static<typeof LimitView>

export const RoleName = Type.Unsafe<Role>(Type.Enum(Object.keys(roles)))
const GroupText = Nullable(Text(1000, "group expression of the devices that they see and touch; null = all"))

/** Whoever makes a call, as the server knows them. */
export const CallerView = Type.Object({ ...ActorView.properties, role: RoleName, group: GroupText })
export type CallerView = Static<typeof CallerView>

export const TokenBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: "what events call whoever holds it" }),
    role: RoleName,
    group: Type.Optional(Nullable(Text(400, "group expression of the devices that they see and touch; null = all"))),
    expiresInMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 3660 * 86_400_000 })),
  },
  { additionalProperties: false },
)
export type TokenBody = Static<typeof TokenBody>

export const TokenView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: RoleName,
  group: GroupText,
  createdAt: Time,
  expiresAt: Nullable(Time),
  revokedAt: Nullable(Time),
})
export type TokenView = Static<typeof TokenView>

export const NewTokenView = Type.Object({
  ...TokenView.properties,
  token: Type.String({ description: "the bearer token: told once" }),
})
export type NewTokenView = Static<typeof NewTokenView>

/** RFC 9457 problem details. */
const UserName = Type.String({ minLength: 1, maxLength: 64 })
/** Longer than any that is taken: the answer says how long one may be. */
const Password = Type.String({ minLength: 1, maxLength: 1000 })
const Subject = Nullable(Text(255, "how the identity provider knows them; null = it does not"))
const GroupWish = Nullable(Text(400, "group expression of the devices that they see and touch; null = all"))

export const LoginBody = Type.Object(
  {
    user: UserName,
    password: Password,
    keep: Type.Optional(
      Type.Union([Type.Literal("cookie"), Type.Literal("text")], {
        description: "as a cookie of the browser, or as the text that the answer tells; absent = cookie",
      }),
    ),
  },
  { additionalProperties: false },
)

export const LoginMeansView = Type.Object({
  provider: Nullable(
    Type.Object(
      { title: Type.String({ description: "its host" }) },
      { description: "the identity provider; null = none" },
    ),
  ),
})
export type LoginMeansView = Static<typeof LoginMeansView>

export const LoginView = Type.Object({
  ...CallerView.properties,
  expiresAt: Time,
  token: Nullable(Type.String({ description: "the session's text, where it is not a cookie: told once" })),
})
export type LoginView = Static<typeof LoginView>

export const SessionView = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal("user"), Type.Literal("token")]),
  name: Type.String({ description: "the user, or the token that it was opened with" }),
  from: Type.String({ description: "the address that it was opened from" }),
  browser: Type.String(),
  createdAt: Time,
  expiresAt: Time,
  isOwn: Type.Boolean({ description: "this call is part of it" }),
})
export type SessionView = Static<typeof SessionView>

export const UserBody = Type.Object(
  {
    name: UserName,
    role: RoleName,
    group: Type.Optional(GroupWish),
    password: Type.Optional(Password),
    subject: Type.Optional(Subject),
  },
  { additionalProperties: false },
)

export const UserChangeBody = Type.Object(
  {
    role: Type.Optional(RoleName),
    group: Type.Optional(GroupWish),
    password: Type.Optional(Password),
    subject: Type.Optional(Subject),
  },
  { additionalProperties: false, minProperties: 1 },
)

export const PasswordBody = Type.Object({ from: Password, to: Password }, { additionalProperties: false })

export const UserView = Type.Object({
  name: Type.String(),
  role: RoleName,
  group: GroupText,
  hasPassword: Type.Boolean(),
  subject: Subject,
  createdAt: Time,
})
export type UserView = Static<typeof UserView>

export const WebhookBody = Type.Object(
  {
    name: UserName,
    url: Text(2000, "http or https, without credentials"),
    kinds: Type.Optional(
      Type.Array(Type.String({ pattern: "^[a-z.*-]{1,64}$" }), {
        minItems: 1,
        maxItems: 50,
        description: "kinds of events, with * for any rest, such as rollout.*; absent = all",
      }),
    ),
    secret: Type.Optional(Text(120, "whsec_ and the base64 of 24 to 64 bytes; absent = one is made")),
  },
  { additionalProperties: false },
)

export const WebhookView = Type.Object({
  name: Type.String(),
  url: Type.String(),
  kinds: Type.Array(Type.String()),
  createdAt: Time,
  state: Type.Union([Type.Literal("working"), Type.Literal("failing"), Type.Literal("given-up")]),
  seq: Type.Integer({
    description: "running number of the last event that it was told of, or that was none of its kinds",
  }),
  behind: Type.Integer({ description: "events of the log after that" }),
  failures: Type.Integer({ description: "tries that failed one after another" }),
  failingSince: Nullable(Time),
  trouble: Nullable(Type.String({ description: "why the last try failed" })),
  deliveredAt: Nullable(Time),
})
export type WebhookView = Static<typeof WebhookView>

export const NewWebhookView = Type.Object({
  ...WebhookView.properties,
  secret: Type.String({ description: "the key that signs what it is told: told once" }),
})

export const WebhookTestView = Type.Object({
  ok: Type.Boolean(),
  status: Nullable(Type.Integer({ description: "HTTP status of its answer" })),
  trouble: Nullable(Type.String()),
  tookMs: Type.Integer(),
})

export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String({ description: "the refusal's code" }),
  status: Type.Integer(),
  detail: Type.String({ description: "one sentence that names the cause and the cure" }),
})
export type Problem = Static<typeof Problem>
