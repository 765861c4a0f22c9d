import { type Static, type TSchema } from "typebox"
import { Value } from "typebox/value"
import {
  agentBodyBytes,
  agentCalls,
  EnrolBody,
  type EnrolView,
  NoteBody,
  type NoteView,
  type OrderView,
  ReportBody,
  type ReportView,
  WorkQuery,
  type WorkView,
} from "../../core/contract/agent-api.ts"
import type { Enrolment } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { cleanTexts } from "../../core/kit/clean-text.ts"
import type { LimitName } from "../../core/kit/limits.ts"
import { tokenText } from "../fleet/add-device.ts"
import { noteHandedOut, sayRunning, type Work, workFor } from "../fleet/ask-for-work.ts"
import { enrolDevice } from "../fleet/enrolment.ts"
import { familyOf } from "../fleet/families.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import type { LiveDevice } from "../fleet/live-fleet.ts"
import { takeNote } from "../fleet/take-note.ts"
import { takeReport } from "../fleet/take-report.ts"
import type { CallAnswer, CallHead, DeviceCall, DeviceCalls } from "../transports/http/device-call.ts"
import { originUrl, ticketDirectory } from "./http-gateway.ts"
import { isSameText } from "./is-same-text.ts"
import type { WorkWaits } from "./work-waits.ts"

export type AgentGatewayNeeds = FleetNeeds & {
  readonly waits: WorkWaits
  /** Where modules reach the FTP server; null = the address at which the agent's request came. */
  readonly ftpAddress: { readonly host: string | null; readonly port: () => number }
  /** Scheme, host and port as modules reach the device HTTP listener; null = as the agent did. */
  readonly deviceUrl: string | null
  readonly complain: (what: string, error: unknown) => void
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

/** Joins the agent API to the fleet: token -> device -> work and reports. */
export function agentGateway(needs: AgentGatewayNeeds): DeviceCalls {
  return {
    prefix: "/agent/",
    maxBodyBytes: agentBodyBytes,
    turnAway: (head) => {
      try {
        demandKnown(needs, head)
        return null
      } catch (error) {
        if (error instanceof Refusal) return problem(error)
        throw error
      }
    },
    answer: async (call) => {
      try {
        return await answer(needs, call)
      } catch (error) {
        if (error instanceof Refusal) return problem(error)
        needs.complain(`the call ${call.method} ${call.path} failed`, error)
        return { status: 503, contentType: "application/problem+json", body: bugProblem }
      }
    },
  }
}

const bugProblem = JSON.stringify({
  type: "about:blank",
  title: "bug",
  status: 503,
  detail: "Something failed inside the server; nothing of this call was recorded. Repeat it later.",
})

function problem({ code, status, message }: Refusal): CallAnswer {
  const body = JSON.stringify({ type: "about:blank", title: code, status, detail: message })
  return { status, contentType: "application/problem+json", body }
}

function answer(needs: AgentGatewayNeeds, call: DeviceCall): Promise<CallAnswer> {
  const name = `${call.method} ${call.path}`
  if (name === `POST ${agentCalls.enrol.path}`) return enrol(needs, call)
  if (name === `GET ${agentCalls.work.path}`) return work(needs, call)
  if (name === `POST ${agentCalls.report.path}`) return report(needs, call)
  if (name === `POST ${agentCalls.note.path}`) return note(needs, call)
  throw new Refusal("no-such-route", { path: call.path.slice(0, 200) })
}

/** Whoever has no token is answered by nothing else, and nothing of it is read. */
function demandKnown(needs: AgentGatewayNeeds, head: CallHead): void {
  if (`${head.method} ${head.path}` === `POST ${agentCalls.enrol.path}`) enrolmentOf(needs, head)
  else deviceOf(needs, head)
}

const json = (view: EnrolView | WorkView | ReportView | NoteView): CallAnswer => ({
  status: 200,
  contentType: "application/json",
  body: JSON.stringify(view),
})

async function enrol(needs: AgentGatewayNeeds, call: DeviceCall): Promise<CallAnswer> {
  const enrolment = enrolmentOf(needs, call)
  const device = await enrolDevice(needs, enrolment, parsed(EnrolBody, jsonBody(call)))
  const { id, access, admission } = device
  return json({ id, token: tokenText(access), admission })
}

async function work(needs: AgentGatewayNeeds, call: DeviceCall): Promise<CallAnswer> {
  const live = deviceOf(needs, call)
  const { version, wait = 0 } = parsed(WorkQuery, queryValues(call.query))
  needs.live.touch(live, call.origin.peer)
  if (version !== undefined) await sayRunning(needs, live, version)
  const until = needs.clock.monotonic() + wait * 1000
  let found = workFor(needs, live)
  while (found === null && needs.clock.monotonic() < until && !call.signal.aborted) {
    await needs.waits.wait(live, until, call.signal)
    found = workFor(needs, live)
    if (needs.waits.isClosed) break
  }
  if (wait > 0) needs.live.touch(live, call.origin.peer)
  const { admission } = live.device
  if (found === null || call.signal.aborted) {
    const transferred = live.transfer === null ? {} : { transferred: live.transfer.takenBytes }
    return json({ admission, order: null, ...transferred })
  }
  const order = orderView(needs, live, { work: found, call })
  const contact = { deviceId: live.device.id, channel: "agent", peer: call.origin.peer } as const
  needs.wire?.say(contact, "server", `order ${order.from} -> ${order.to}: ${order.command}`)
  await noteHandedOut(needs, live, found)
  return json({ admission, order, ...(live.transfer === null ? {} : { transferred: live.transfer.takenBytes }) })
}

/** The order as the agent gets it. Refuses when the server's own address does not fit the device's limits. */
function orderView(
  needs: AgentGatewayNeeds,
  { device }: LiveDevice,
  { work: { order, offer, sizeBytes, ticket }, call }: { readonly work: Work; readonly call: DeviceCall },
): OrderView {
  const { agent } = familyOf(needs.families, device.family)
  const made = agent?.order({
    model: device.model,
    offer,
    sizeBytes,
    ticket,
    ftp: { host: needs.ftpAddress.host ?? call.origin.localHost, port: needs.ftpAddress.port() },
    httpDirectory: ticketDirectory(needs.deviceUrl ?? originUrl(call.origin), ticket),
  })
  if (made === undefined) throw new Error(`the family ${device.family} has no agents`)
  if ("fault" in made) throw new Refusal("offer-impossible", { detail: made.fault.sentence })
  const { codes, results, ...retry } = made.retry
  const named = results === undefined ? {} : { results: [...results] }
  return { order, ...made, model: device.model, retry: { ...retry, codes: [...codes], ...named } }
}

async function report(needs: AgentGatewayNeeds, call: DeviceCall): Promise<CallAnswer> {
  const live = deviceOf(needs, call)
  const body = parsed(ReportBody, jsonBody(call))
  needs.live.touch(live, call.origin.peer)
  takeDown(needs, { live, call }, [
    ...(body.urc === undefined ? [] : [body.urc]),
    [
      `report: ${body.state}`,
      ...(body.event === undefined && body.code === undefined ? [] : [`${body.event ?? ""} ${body.code ?? ""}`.trim()]),
      ...(body.percent === undefined ? [] : [`${body.percent} %`]),
      ...(body.version === undefined ? [] : [`runs ${body.version}`]),
      ...(body.sentence === undefined ? [] : [body.sentence]),
    ].join(", "),
  ])
  return json({ order: await takeReport(needs, live, body) })
}

async function note(needs: AgentGatewayNeeds, call: DeviceCall): Promise<CallAnswer> {
  const live = deviceOf(needs, call)
  needs.live.touch(live, call.origin.peer)
  const body = parsed(NoteBody, jsonBody(call))
  takeDown(needs, { live, call }, [`${body.event}: ${body.sentence}`])
  return json({ note: await takeNote(needs, live, body) })
}

/** What the agent tells of its module, as the module's own words where it has them. */
function takeDown(
  { wire }: AgentGatewayNeeds,
  { live, call }: { readonly live: LiveDevice; readonly call: DeviceCall },
  lines: readonly string[],
): void {
  for (const line of lines) {
    wire?.say({ deviceId: live.device.id, channel: "agent", peer: call.origin.peer }, "device", line)
  }
}

function bearer({ authorization }: CallHead): { readonly user: string; readonly secret: string } {
  const match = /^Bearer +([A-Za-z0-9-]{1,40})\.([A-Za-z0-9_-]{1,80})$/i.exec(authorization)
  return { user: match?.[1] ?? "", secret: match?.[2] ?? "" }
}

function deviceOf({ live, families }: AgentGatewayNeeds, call: CallHead): LiveDevice {
  const { user, secret } = bearer(call)
  const login = live.logins.get(user)
  const isKnown = login?.kind === "device" && isSameText(secret, login.device.access.secret)
  if (!isKnown || !familyOf(families, login.device.family).access.hasAgent) throw new Refusal("bad-agent-token")
  return login
}

function enrolmentOf({ live }: AgentGatewayNeeds, call: CallHead): Enrolment {
  const { user, secret } = bearer(call)
  const enrolment = live.enrolments.get(user)
  if (enrolment === undefined || enrolment.revokedAt !== null || !isSameText(secret, enrolment.secret)) {
    throw new Refusal("bad-agent-token")
  }
  return enrolment
}

function jsonBody({ body }: DeviceCall): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))
  } catch (error) {
    throw new Refusal("bad-request", { detail: `the body is not JSON (${(error as Error).message})` })
  }
}

/** Values of a query string; numbers as numbers. */
function queryValues(query: string): Record<string, string | number> {
  const values: Record<string, string | number> = {}
  for (const [key, value] of new URLSearchParams(query))
    values[key] = /^\d{1,6}$/.test(value) && key === "wait" ? Number(value) : value
  return values
}

/** What a call says, its texts as they are kept: what is compared later is the same. */
function parsed<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  if (Value.Check(schema, value)) return cleanTexts(value, "words")
  const [first] = Value.Errors(schema, value)
  throw new Refusal("bad-request", { detail: `${first?.instancePath ?? ""} ${first?.message ?? "is wrong"}`.trim() })
}
