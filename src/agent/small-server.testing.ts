import {
  agentCalls,
  type EnrolBody,
  type NoteBody,
  type OrderView,
  type ReportBody,
} from "../core/contract/agent-api.ts"
import type { StepClock } from "../core/protocols/at/scripted-line.testing.ts"
import type { AgentRequest, AgentResponse, AgentTransport } from "./agent-api.ts"

export const order: OrderView = {
  order: "update-1/t1",
  from: "AG35CEV12",
  to: "AG35CEV13",
  url: "ftp://u:p@192.0.2.1:21/update.zip",
  command: 'AT+QFOTADL="ftp://u:p@192.0.2.1:21/update.zip"',
  sizeBytes: 300_000,
  limits: { startSeconds: 60, downloadSeconds: 300, beginSeconds: 300, endSeconds: 900 },
  retry: { times: 3, pauseSeconds: 10, codes: [601, 701] },
}

/** The server's end of the agent API in memory: one device, its orders in turn, an enrolment. */
export class SmallServer {
  readonly #clock: StepClock
  readonly orders: OrderView[]
  readonly reports: ReportBody[] = []
  readonly notes: NoteBody[] = []
  readonly enrolled: EnrolBody[] = []
  readonly versions: (string | null)[] = []
  readonly calls: { readonly path: string; readonly atMs: number }[] = []
  token = "dev.secret"
  admission: "pending" | "accepted" = "accepted"
  /** Answers instead of the API's for the next calls: a status, or null for a connection that breaks. */
  troubles: (number | null)[] = []
  /** Loses the answers of the next calls after having done what they say. */
  lostAnswers = 0
  isOver = false
  onReport: (report: ReportBody) => void = () => undefined
  onIdle: () => void = () => undefined

  constructor(clock: StepClock, orders: readonly OrderView[] = [order]) {
    this.#clock = clock
    this.orders = [...orders]
  }

  readonly transport: AgentTransport = async (request, signal) => {
    // An agent that was killed in this moment did not make the call.
    await Promise.resolve()
    signal.throwIfAborted()
    this.calls.push({ path: request.path, atMs: this.#clock.now() })
    const trouble = this.troubles.shift()
    if (trouble === null) throw new Error("connect ECONNREFUSED")
    if (trouble !== undefined) return problem(trouble)
    const answer = this.#answer(request)
    if (this.lostAnswers > 0) {
      this.lostAnswers--
      throw new Error("socket hang up")
    }
    return answer
  }

  #answer({ method, path, token, body }: AgentRequest): AgentResponse {
    const [route, query = ""] = path.split("?")
    const name = Object.entries(agentCalls).find(([, call]) => call.method === method && call.path === route)?.[0]
    if (name === "enrol") return this.#enrol(token, JSON.parse(body ?? "") as EnrolBody)
    if (token !== this.token) return problem(401)
    if (name === "report") return this.#report(JSON.parse(body ?? "") as ReportBody)
    if (name === "note") {
      this.notes.push(JSON.parse(body ?? "") as NoteBody)
      return ok({ note: "written" })
    }
    return name === "work" ? this.#work(new URLSearchParams(query)) : problem(404)
  }

  #enrol(token: string, body: EnrolBody): AgentResponse {
    if (token !== "enrol.secret") return problem(401)
    this.enrolled.push(body)
    this.token = `own.${body.secret}`
    return ok({ id: body.id, token: this.token, admission: this.admission })
  }

  #report(report: ReportBody): AgentResponse {
    this.reports.push(report)
    this.onReport(report)
    const isLast = report.state === "failed" || report.state === "verified"
    if (isLast && this.orders[0]?.order === report.order) this.orders.shift()
    return ok({ order: isLast || this.isOver ? "over" : "open" })
  }

  #work(query: URLSearchParams): AgentResponse {
    const version = query.get("version")
    this.versions.push(version)
    const next = this.admission === "accepted" && !this.isOver ? this.orders[0] : undefined
    const fits = next !== undefined && (version === null || version === next.from)
    if (!fits) {
      this.#clock.advanceTo(this.#clock.now() + Number(query.get("wait") ?? 0) * 1000)
      this.onIdle()
    }
    return ok({ admission: this.admission, order: fits ? next : null })
  }
}

function ok(value: object): AgentResponse {
  return { status: 200, body: JSON.stringify(value), retryAfterSeconds: null }
}

function problem(status: number): AgentResponse {
  const detail = `Problem ${status}.`
  return { status, body: JSON.stringify({ title: "trouble", status, detail }), retryAfterSeconds: null }
}
