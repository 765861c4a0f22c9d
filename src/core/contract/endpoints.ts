import { type Static, type TSchema, Type } from "typebox"
import { ListView, listQuery, mostRows, Query, usualRows } from "./list.ts"
import { type Permit, permit } from "./permit.ts"
import {
  AuditView,
  AttentionReasonName,
  AttentionView,
  CallerView,
  CauseView,
  CompletionView,
  ContactsView,
  FacetsView,
  FleetSummaryView,
  GroupCheckView,
  ChannelBody,
  ChannelFileView,
  ChannelView,
  DeltaView,
  DeviceAccessView,
  DeviceView,
  DeviceWordBody,
  EnrolmentBody,
  EnrolmentView,
  EventList,
  FamilyView,
  HealthView,
  LimitView,
  MessageView,
  NewDeviceBody,
  NewTokenView,
  OutcomeName,
  PlannedView,
  PlanView,
  RehearsalBody,
  RehearsalView,
  ReleaseStateName,
  ReleaseView,
  RolloutBody,
  RolloutStateName,
  RolloutView,
  TokenBody,
  TokenView,
  UpdateStateName,
  UpdateView,
  WireView,
} from "./schemas.ts"

/** One call of the management API. */
export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** With `:name` for what stands in the path. */
  readonly path: string
  readonly summary: string
  /** Who may call it; null = everybody, without a token. */
  readonly permit: Permit | null
  readonly params?: TSchema
  readonly query?: TSchema
  /** JSON body; `bytes` = the raw bytes of a file (application/octet-stream). */
  readonly body?: TSchema | "bytes"
  /** Largest JSON body, bytes; absent = 256 kB. */
  readonly mostBodyBytes?: number
  readonly response: TSchema
}

const Id = (name: string) => Type.Object({ [name]: Type.String({ maxLength: 200 }) })
const FamilyId = Type.String({ maxLength: 32 })
const GroupExpression = Type.String({
  maxLength: 1000,
  description: "group expression, such as site=north and running<3",
})
const TextFilter = Type.String({ maxLength: 100, description: "what stands somewhere in its words, in any case" })
/** What of the event log is wanted. */
export const EventFilters = {
  device: Type.Optional(Type.String({ maxLength: 64 })),
  rollout: Type.Optional(Type.String({ maxLength: 64 })),
  kind: Type.Optional(
    Type.String({
      maxLength: 300,
      pattern: "^[a-z-]+\\.[a-z*-]+(,[a-z-]+\\.[a-z*-]+)*$",
      description: "kinds separated by commas; update.* = all of that beginning",
    }),
  ),
  text: Type.Optional(TextFilter),
}
const DeltaEnds = Type.Object({
  id: Type.String({ maxLength: 200 }),
  from: Type.String({ maxLength: 200, description: "the release that the patch begins from" }),
})

/** The management API, whole: every row is a route of the server and a call of the client. */
export const endpoints = {
  health: {
    method: "GET",
    path: "/api/health",
    permit: null,
    summary: "Is it up, and can it write? 503 when it cannot",
    response: HealthView,
  },
  limits: {
    method: "GET",
    path: "/api/limits",
    permit: permit("viewer", "everything"),
    summary: "What peers may cost the server, and how often each limit was met",
    response: Type.Array(LimitView),
  },
  whoAmI: {
    method: "GET",
    path: "/api/me",
    permit: permit("viewer", "everything"),
    summary: "Who you are here, and what you may do",
    response: CallerView,
  },
  createToken: {
    method: "POST",
    path: "/api/tokens",
    permit: permit("admin", "fleet"),
    summary: "Make a token; its text is told in this answer and never again",
    body: TokenBody,
    response: NewTokenView,
  },
  listTokens: {
    method: "GET",
    path: "/api/tokens",
    permit: permit("admin", "fleet"),
    summary: "Tokens, without their texts",
    query: listQuery(["created", "name"], {}),
    response: ListView(TokenView),
  },
  revokeToken: {
    method: "POST",
    path: "/api/tokens/:id/revoke",
    permit: permit("admin", "fleet"),
    summary: "Take a token back, at once; `id` may be its name",
    params: Id("id"),
    response: TokenView,
  },
  rotateToken: {
    method: "POST",
    path: "/api/tokens/:id/rotate",
    permit: permit("admin", "fleet"),
    summary: "Give a token a new text; the old one is worth nothing at once",
    params: Id("id"),
    response: NewTokenView,
  },
  listAudit: {
    method: "GET",
    path: "/api/audit",
    permit: permit("admin", "fleet"),
    summary: "The audit log, a page at a time: who did what, from where, what it changed, and the seals of all events",
    query: Type.Object({
      after: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 1000 })),
      device: Type.Optional(Type.String({ maxLength: 64 })),
      calls: Type.Optional(Type.Boolean({ default: false, description: "only what somebody called for" })),
      backwards: Type.Optional(Type.Boolean({ default: false, description: "newest first" })),
    }),
    response: AuditView,
  },
  families: {
    method: "GET",
    path: "/api/families",
    permit: permit("viewer", "everything"),
    summary: "Device families and their models",
    response: Type.Array(FamilyView),
  },
  addDevice: {
    method: "POST",
    path: "/api/devices",
    permit: permit("operator", "new-devices"),
    summary: "Add a device; the answer is what goes into the device",
    body: NewDeviceBody,
    response: DeviceAccessView,
  },
  importDevices: {
    method: "POST",
    path: "/api/devices/import",
    permit: permit("operator", "new-devices"),
    summary: "Add many devices, all or none",
    body: Type.Array(NewDeviceBody, { minItems: 1, maxItems: 100_000 }),
    mostBodyBytes: 32 << 20,
    response: Type.Array(DeviceAccessView),
  },
  listDevices: {
    method: "GET",
    path: "/api/devices",
    permit: permit("viewer", "listed"),
    summary: "Devices, a page at a time",
    query: listQuery(["id", "seen", "added"], { group: Type.Optional(GroupExpression) }),
    response: ListView(DeviceView),
  },
  deviceFacets: {
    method: "GET",
    path: "/api/devices/facets",
    permit: permit("viewer", "listed"),
    summary: "How many devices match by family, model, version, state and label, each without its own clause",
    query: Query({ group: Type.Optional(GroupExpression) }),
    response: FacetsView,
  },
  checkGroup: {
    method: "GET",
    path: "/api/groups/check",
    permit: permit("viewer", "listed"),
    summary: "Whether a group expression is understood, where it is not, and how many devices match",
    query: Query({ group: GroupExpression }),
    response: GroupCheckView,
  },
  completeGroup: {
    method: "GET",
    path: "/api/groups/complete",
    permit: permit("viewer", "listed"),
    summary: "What may stand at a place of a group expression",
    query: Query({
      group: GroupExpression,
      at: Type.Integer({ minimum: 0, maximum: 1000, description: "characters before the caret" }),
    }),
    response: CompletionView,
  },
  fleetSummary: {
    method: "GET",
    path: "/api/fleet/summary",
    permit: permit("viewer", "listed"),
    summary: "The fleet in numbers: states, families, models and versions, and what needs a person",
    response: FleetSummaryView,
  },
  fleetAttention: {
    method: "GET",
    path: "/api/fleet/attention",
    permit: permit("viewer", "listed"),
    summary: "Devices that need a person, each once, and why",
    query: listQuery(["id"], { reason: Type.Optional(AttentionReasonName) }),
    response: ListView(AttentionView),
  },
  fleetContacts: {
    method: "GET",
    path: "/api/fleet/contacts",
    permit: permit("viewer", "fleet"),
    summary: "Contacts of devices in each of the last minutes, since the server started",
    query: Query({ minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440, default: 60 })) }),
    response: ContactsView,
  },
  showDevice: {
    method: "GET",
    path: "/api/devices/:id",
    permit: permit("viewer", "device"),
    summary: "A device: what it runs, how that is known, what it is doing and why",
    params: Id("id"),
    response: DeviceView,
  },
  deviceAccess: {
    method: "GET",
    path: "/api/devices/:id/access",
    permit: permit("operator", "device"),
    summary: "What goes into the device",
    params: Id("id"),
    response: DeviceAccessView,
  },
  deviceWire: {
    method: "GET",
    path: "/api/devices/:id/wire",
    permit: permit("viewer", "device"),
    summary: "What the last contacts with a device said, the oldest first, and what is wrong in them with its cure",
    params: Id("id"),
    query: Type.Object({
      session: Type.Optional(Type.Integer({ minimum: 1, description: "only that contact" })),
      search: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 200,
          description: "only contacts in which a line has this, in any case",
        }),
      ),
      after: Type.Optional(Type.Integer({ minimum: 0, description: "only contacts with a higher number" })),
    }),
    response: WireView,
  },
  removeDevice: {
    method: "DELETE",
    path: "/api/devices/:id",
    permit: permit("operator", "device"),
    summary: "Forget a device",
    params: Id("id"),
    response: Type.Object({ id: Type.String() }),
  },
  acceptDevice: {
    method: "POST",
    path: "/api/devices/:id/accept",
    permit: permit("operator", "device"),
    summary: "Let a device that enrolled itself take part",
    params: Id("id"),
    response: DeviceView,
  },
  setDevice: {
    method: "POST",
    path: "/api/devices/:id/set",
    permit: permit("operator", "device"),
    summary: "Say what a device runs, or that its login is used by one device",
    params: Id("id"),
    body: DeviceWordBody,
    response: DeviceView,
  },
  replaceDevice: {
    method: "POST",
    path: "/api/devices/:id/replace",
    permit: permit("operator", "device"),
    summary: "Another device stands in its place, under the same credentials",
    params: Id("id"),
    response: DeviceView,
  },
  askDevice: {
    method: "POST",
    path: "/api/devices/:id/ask",
    permit: permit("operator", "device"),
    summary: "Ask a device that exchanges messages for something, such as what it runs",
    params: Id("id"),
    body: Type.Object({ request: Type.String({ maxLength: 64 }) }, { additionalProperties: false }),
    response: DeviceView,
  },
  createEnrolment: {
    method: "POST",
    path: "/api/enrolments",
    permit: permit("operator", "fleet"),
    summary: "Make a token with which devices of one family add themselves",
    body: EnrolmentBody,
    response: EnrolmentView,
  },
  listEnrolments: {
    method: "GET",
    path: "/api/enrolments",
    permit: permit("operator", "fleet"),
    summary: "Enrolments",
    query: listQuery(["created", "family"], { family: Type.Optional(FamilyId) }),
    response: ListView(EnrolmentView),
  },
  revokeEnrolment: {
    method: "POST",
    path: "/api/enrolments/:id/revoke",
    permit: permit("operator", "fleet"),
    summary: "Take an enrolment's token back; its devices stay",
    params: Id("id"),
    response: EnrolmentView,
  },
  publishRelease: {
    method: "POST",
    path: "/api/releases",
    permit: permit("releaser", "everything"),
    summary: "Publish firmware: the body is the file",
    query: Query({
      family: FamilyId,
      fileName: Type.String({ maxLength: 255 }),
      version: Type.Optional(Type.String({ maxLength: 64 })),
      models: Type.Optional(Type.String({ maxLength: 500, description: "comma-separated; absent = all" })),
      options: Type.Optional(Type.String({ maxLength: 2000, description: "JSON object of the family's own options" })),
    }),
    body: "bytes",
    response: ReleaseView,
  },
  listReleases: {
    method: "GET",
    path: "/api/releases",
    permit: permit("viewer", "everything"),
    summary: "Releases",
    query: listQuery(["published", "family"], {
      family: Type.Optional(FamilyId),
      state: Type.Optional(ReleaseStateName),
      text: Type.Optional(TextFilter),
    }),
    response: ListView(ReleaseView),
  },
  showRelease: {
    method: "GET",
    path: "/api/releases/:id",
    permit: permit("viewer", "everything"),
    summary: "A release",
    params: Id("id"),
    response: ReleaseView,
  },
  withdrawRelease: {
    method: "POST",
    path: "/api/releases/:id/withdraw",
    permit: permit("releaser", "fleet"),
    summary: "Take a release back: nobody is offered it any more",
    params: Id("id"),
    query: Query({
      erase: Type.Optional(
        Type.Boolean({ description: "also order devices that keep images in a store to delete this one" }),
      ),
    }),
    response: ReleaseView,
  },
  releaseDeltas: {
    method: "GET",
    path: "/api/releases/:id/deltas",
    permit: permit("viewer", "everything"),
    summary: "Patches to a release: made, in the making, given up",
    params: Id("id"),
    query: listQuery(["from"], {}),
    response: ListView(DeltaView),
  },
  makeDelta: {
    method: "POST",
    path: "/api/releases/:id/deltas/:from",
    permit: permit("releaser", "everything"),
    summary: "Make a patch that was cancelled, failed or could not gain again",
    params: DeltaEnds,
    response: DeltaView,
  },
  cancelDelta: {
    method: "DELETE",
    path: "/api/releases/:id/deltas/:from",
    permit: permit("releaser", "fleet"),
    summary: "Do not make a patch, or stop making it",
    params: DeltaEnds,
    response: DeltaView,
  },
  planRollout: {
    method: "POST",
    path: "/api/rollouts/plan",
    permit: permit("viewer", "chosen"),
    summary: "What a rollout would do, in numbers; changes nothing, and can be started by its id for 15 minutes",
    body: RolloutBody,
    response: PlanView,
  },
  planDevices: {
    method: "GET",
    path: "/api/plans/:id/devices",
    permit: permit("viewer", "listed"),
    summary: "What a plan does with each device",
    params: Id("id"),
    query: listQuery(["device"], { outcome: Type.Optional(OutcomeName) }),
    response: ListView(PlannedView),
  },
  startRollout: {
    method: "POST",
    path: "/api/rollouts",
    permit: permit("operator", "chosen"),
    summary: "Start a rollout: a plan that was shown, by its id, or what the body says",
    body: RolloutBody,
    response: RolloutView,
  },
  rehearsePlan: {
    method: "POST",
    path: "/api/rollouts/rehearse",
    permit: permit("operator", "chosen"),
    summary: "Run a plan against a twin of the fleet on a fast clock; no device notices",
    body: RehearsalBody,
    response: RehearsalView,
  },
  listRollouts: {
    method: "GET",
    path: "/api/rollouts",
    permit: permit("viewer", "everything"),
    summary: "Rollouts",
    query: listQuery(["started", "ended"], {
      state: Type.Optional(RolloutStateName),
      text: Type.Optional(TextFilter),
    }),
    response: ListView(RolloutView),
  },
  showRollout: {
    method: "GET",
    path: "/api/rollouts/:id",
    permit: permit("viewer", "everything"),
    summary: "A rollout",
    params: Id("id"),
    response: RolloutView,
  },
  rolloutUpdates: {
    method: "GET",
    path: "/api/rollouts/:id/updates",
    permit: permit("viewer", "listed"),
    summary: "A rollout's updates, device by device",
    params: Id("id"),
    query: listQuery(["device"], {
      state: Type.Optional(UpdateStateName),
      code: Type.Optional(Type.String({ maxLength: 64, description: "the device's own result code" })),
    }),
    response: ListView(UpdateView),
  },
  rolloutCauses: {
    method: "GET",
    path: "/api/rollouts/:id/causes",
    permit: permit("viewer", "listed"),
    summary: "Why a rollout's devices are not done: the reasons, how many devices each, which models",
    params: Id("id"),
    query: listQuery(["devices"], {}),
    response: ListView(CauseView),
  },
  pauseRollout: {
    method: "POST",
    path: "/api/rollouts/:id/pause",
    permit: permit("operator", "rollout"),
    summary: "Begin nothing new",
    params: Id("id"),
    response: RolloutView,
  },
  resumeRollout: {
    method: "POST",
    path: "/api/rollouts/:id/resume",
    permit: permit("operator", "rollout"),
    summary: "Go on",
    params: Id("id"),
    response: RolloutView,
  },
  abortRollout: {
    method: "POST",
    path: "/api/rollouts/:id/abort",
    permit: permit("operator", "rollout"),
    summary: "End it now",
    params: Id("id"),
    response: RolloutView,
  },
  rollBackRollout: {
    method: "POST",
    path: "/api/rollouts/:id/roll-back",
    permit: permit("operator", "rollout"),
    summary: "End it and bring every device that had begun back to what it ran before; answers with the way back",
    params: Id("id"),
    response: RolloutView,
  },
  openGate: {
    method: "POST",
    path: "/api/rollouts/:id/open-gate",
    permit: permit("operator", "rollout"),
    summary: "Open the gate of its next phase",
    params: Id("id"),
    response: RolloutView,
  },
  approveRollout: {
    method: "POST",
    path: "/api/rollouts/:id/approve",
    permit: permit("operator", "rollout"),
    summary: "Approve a rollout that waits for that",
    params: Id("id"),
    response: RolloutView,
  },
  listChannels: {
    method: "GET",
    path: "/api/channels",
    permit: permit("viewer", "everything"),
    summary: "Channels",
    query: listQuery(["name", "changed"], { family: Type.Optional(FamilyId) }),
    response: ListView(ChannelView),
  },
  showChannel: {
    method: "GET",
    path: "/api/channels/:name",
    permit: permit("viewer", "everything"),
    summary: "A channel",
    params: Id("name"),
    response: ChannelView,
  },
  setChannel: {
    method: "PUT",
    path: "/api/channels/:name",
    permit: permit("releaser", "fleet"),
    summary: "Make a channel or change what it offers",
    params: Id("name"),
    body: ChannelBody,
    response: ChannelView,
  },
  removeChannel: {
    method: "DELETE",
    path: "/api/channels/:name",
    permit: permit("releaser", "fleet"),
    summary: "Take a channel away: its login is refused from then on",
    params: Id("name"),
    response: Type.Object({ name: Type.String() }),
  },
  channelFiles: {
    method: "GET",
    path: "/api/channels/:name/files",
    permit: permit("operator", "fleet"),
    summary: "The files of a channel's login, whole, in the order in which to put them on another server",
    params: Id("name"),
    response: Type.Array(ChannelFileView),
  },
  listMessages: {
    method: "GET",
    path: "/api/messages",
    permit: permit("viewer", "listed"),
    summary: "Messages to devices whose fate is not known yet, oldest first",
    query: listQuery(["created"], { device: Type.Optional(Type.String({ maxLength: 64 })) }),
    response: ListView(MessageView),
  },
  listEvents: {
    method: "GET",
    path: "/api/events/list",
    permit: permit("viewer", "listed"),
    summary: "The event log, a page at a time; `GET /api/events` streams it as server-sent events",
    query: Query({
      after: Type.Optional(
        Type.Integer({ minimum: 0, default: 0, description: "only those after this running number" }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: mostRows, default: usualRows })),
      cursor: Type.Optional(Type.String({ maxLength: 32, description: "`next` of the page before" })),
      ...EventFilters,
      backwards: Type.Optional(Type.Boolean({ default: false, description: "newest first" })),
    }),
    response: EventList,
  },
} as const satisfies Readonly<Record<string, Endpoint>>

export type EndpointName = keyof typeof endpoints
type Of<Name extends EndpointName> = (typeof endpoints)[Name]
type Part<Row, Key extends string> = Row extends { readonly [K in Key]: infer Schema }
  ? Schema extends "bytes"
    ? Uint8Array
    : Schema extends TSchema
      ? Static<Schema>
      : never
  : undefined

/** What a call takes. */
export interface Call<Name extends EndpointName> {
  readonly params: Part<Of<Name>, "params">
  readonly query: Part<Of<Name>, "query">
  readonly body: Part<Of<Name>, "body">
}
/** What a call gives. */
export type Answer<Name extends EndpointName> = Static<Of<Name>["response"]>
