import { type Static, type TSchema, Type } from "typebox"

/**
 * The API on the device HTTP listener for whatever stands beside a module: our agent, or a customer's own host program.
 * Every call carries `Authorization: Bearer TOKEN`. Bodies are JSON of at most `agentBodyBytes`.
 */
const Text = (maxLength: number, description?: string) =>
  Type.String({ maxLength, ...(description === undefined ? {} : { description }) })

/** Longest body of a call, bytes. */
export const agentBodyBytes = 4096
/** Longest wait of one call for work, seconds: shorter than what NAT routers of mobile networks forget. */
export const longestWaitSeconds = 110

/** First contact with an enrolment token. */
export const EnrolBody = Type.Object(
  {
    id: Text(64, "the device's id: its IMEI, or any name of the operator's"),
    model: Text(32),
    secret: Type.String({
      minLength: 20,
      maxLength: 64,
      pattern: "^[A-Za-z0-9_-]*$",
      description: "made at random by the caller and kept: the same call with the same secret may be repeated",
    }),
    version: Type.Optional(Text(64, "firmware that runs, as the module says it")),
  },
  { additionalProperties: false },
)
export type EnrolBody = Static<typeof EnrolBody>

export const EnrolView = Type.Object({
  id: Type.String(),
  token: Type.String({ description: "the device's own token for all further calls" }),
  admission: Type.Union([Type.Literal("pending"), Type.Literal("accepted")], {
    description: "pending: an operator has to accept the device before it gets work",
  }),
})
export type EnrolView = Static<typeof EnrolView>

export const WorkQuery = Type.Object({
  version: Type.Optional(Text(64, "firmware that runs, as the module says it")),
  wait: Type.Optional(
    Type.Integer({ minimum: 0, maximum: longestWaitSeconds, default: 0, description: "wait so long for work, s" }),
  ),
})
export type WorkQuery = Static<typeof WorkQuery>

/**
 * One thing to do. The same order is given again to an agent that asks with the version that it starts from; while the module
 * is being changed nobody knows what runs, and there is no order.
 */
export const OrderView = Type.Object({
  order: Type.String({ description: "names this order; put it into every report" }),
  from: Type.String({ description: "firmware that must run before" }),
  to: Type.String({ description: "firmware that runs after" }),
  url: Type.String({ description: "where the module fetches the package; for this order only" }),
  command: Type.String({ description: "the AT command, whole, without the line end" }),
  sizeBytes: Type.Integer(),
  limits: Type.Object({
    startSeconds: Type.Integer({ description: "from OK to FTPSTART or HTTPSTART" }),
    downloadSeconds: Type.Integer({ description: "from there to FTPEND or HTTPEND" }),
    beginSeconds: Type.Integer({ description: "from there to START" }),
    endSeconds: Type.Integer({ description: "from there to END" }),
  }),
  retry: Type.Object({
    times: Type.Integer({ description: "whole tries at most, the first included" }),
    pauseSeconds: Type.Integer({ description: "before the second try; doubled for each further one" }),
    codes: Type.Array(Type.Integer(), { description: "codes after which a try is repeated; every other is final" }),
    results: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "the same with the event that carries each, `HTTPEND 702`; the same number means other things elsewhere",
      }),
    ),
  }),
  model: Type.Optional(Type.String({ description: "the device's model: whose tables its numbers are read by" })),
})
export type OrderView = Static<typeof OrderView>

export const WorkView = Type.Object({
  admission: Type.Union([Type.Literal("pending"), Type.Literal("accepted")]),
  order: Type.Union([OrderView, Type.Null()], { description: "null: nothing to do; ask again" }),
  transferred: Type.Optional(
    Type.Integer({ description: "bytes that the module has fetched so far in a transfer that is under way" }),
  ),
})
export type WorkView = Static<typeof WorkView>

/** Where a device stands in its order. `failed` and `verified` close it. */
export const reportStates = [
  "accepted",
  "downloading",
  "downloaded",
  "updating",
  "restoring",
  "retrying",
  "failed",
  "verified",
] as const

export const ReportBody = Type.Object(
  {
    order: Text(200),
    state: Type.Unsafe<(typeof reportStates)[number]>(
      Type.Enum([...reportStates], {
        description:
          "accepted: the module said OK; downloading, downloaded: FTPSTART/FTPEND 0; updating: START or UPDATING; " +
          "restoring: RESTORE; retrying: a try ended with `code` and is repeated; failed: given up, `code` or `sentence` " +
          "says why; verified: the module itself says that it runs `version`",
      }),
    ),
    percent: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    urc: Type.Optional(Text(256, "the module's own line, raw")),
    code: Type.Optional(Type.Integer({ description: "the module's own number, raw" })),
    event: Type.Optional(Text(16, "the event that carried the number: FTPEND, HTTPEND, FILEEND or END")),
    version: Type.Optional(Text(64, "firmware that runs, as the module says it; needed for verified")),
    sentence: Type.Optional(Text(300, "what happened, where the module gave no number")),
  },
  { additionalProperties: false },
)
export type ReportBody = Static<typeof ReportBody>

export const ReportView = Type.Object({
  order: Type.Union([Type.Literal("open"), Type.Literal("over")], {
    description: "over: the server wants nothing more of this order; ask for work again",
  }),
})
export type ReportView = Static<typeof ReportView>

/** Something that was seen or done beside a module, whether or not an order stands. */
export const NoteBody = Type.Object(
  {
    mark: Text(64, "names this note: the same mark again is not written a second time while the server runs"),
    event: Type.String({
      pattern: "^[a-z]+(-[a-z]+)*$",
      maxLength: 32,
      description: "in one word, such as `upgraded`",
    }),
    sentence: Text(300, "for people; never a PIN or a password"),
    version: Type.Optional(Text(64, "firmware that runs, as the module says it")),
  },
  { additionalProperties: false },
)
export type NoteBody = Static<typeof NoteBody>

export const NoteView = Type.Object({
  note: Type.Union([Type.Literal("written"), Type.Literal("known")]),
})
export type NoteView = Static<typeof NoteView>

export interface AgentCall {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly summary: string
  readonly query?: TSchema
  readonly body?: TSchema
  readonly response: TSchema
}

/** Every call, in the order in which a device needs them. Refusals are RFC 9457 problem details. */
export const agentCalls = {
  enrol: {
    method: "POST",
    path: "/agent/v1/enrol",
    summary: "First contact with an enrolment token: makes the device and gives it its own token",
    body: EnrolBody,
    response: EnrolView,
  },
  work: {
    method: "GET",
    path: "/agent/v1/work",
    summary: "Say what runs and ask for work; waits for it",
    query: WorkQuery,
    response: WorkView,
  },
  report: {
    method: "POST",
    path: "/agent/v1/report",
    summary: "Say where an order stands",
    body: ReportBody,
    response: ReportView,
  },
  note: {
    method: "POST",
    path: "/agent/v1/note",
    summary: "Say what was seen or done beside the module, for the event log",
    body: NoteBody,
    response: NoteView,
  },
} as const satisfies Readonly<Record<string, AgentCall>>
