import { beforeEach, describe, expect, it } from "vitest"
import type { ReportBody, WorkView } from "../../core/contract/agent-api.ts"
import { doubtOf } from "../fleet/explain-device.ts"
import { setDevice } from "../fleet/set-device.ts"
import { addDevice, tokenText } from "../fleet/add-device.ts"
import { limits } from "../../core/kit/limits.ts"
import { acceptDevice, createEnrolment, revokeEnrolment } from "../fleet/enrolment.ts"
import { publishRelease } from "../fleet/publish-release.ts"
import { abortRollout, pauseRollout, resumeRollout, withdrawRelease } from "../fleet/steer-rollout.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import type { TransferContent } from "../transports/content.ts"
import type { CallAnswer } from "../transports/http/device-call.ts"
import { agentGateway } from "./agent-gateway.ts"
import { ftpGateway } from "./ftp-gateway.ts"
import { httpGateway } from "./http-gateway.ts"
import { Rehearsal, retrieve } from "./rehearsal.testing.ts"
import { WorkWaits } from "./work-waits.ts"

const origin = { peer: "192.0.2.7", localHost: "203.0.113.1", localPort: 8081, isTls: false }

/** The agent gateway beside a rehearsal's fleet, and calls to it as an agent makes them. */
class AgentRehearsal {
  readonly server: Rehearsal
  readonly waits = new WorkWaits()

  constructor(server: Rehearsal) {
    this.server = server
  }

  async call(method: string, target: string, { token = "", body }: { token?: string; body?: object | string } = {}) {
    const [path = "", query = ""] = target.split("?")
    const gateway = agentGateway({
      ...this.server.needs,
      waits: this.waits,
      ftpAddress: { host: null, port: () => 2121 },
      deviceUrl: null,
    })
    const head = { method, path, authorization: token === "" ? "" : `Bearer ${token}` }
    const turnedAway = gateway.turnAway(head)
    if (turnedAway !== null) return { ...turnedAway, unread: true }
    return gateway.answer({
      ...head,
      query,
      body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body ?? null)),
      origin,
      signal: this.gone.signal,
    })
  }

  gone = new AbortController()

  async addModule(id = "m1", model = "AG35"): Promise<string> {
    return tokenText((await addDevice(this.server.needs, { id, family: "quectel", model })).access)
  }

  /** Publishes packages like "A>B"; gives the last one's id. */
  async publish(...pairs: readonly string[]): Promise<string> {
    let id = ""
    for (const pair of pairs) {
      const [from = "", to = ""] = pair.split(">")
      const bytes = new TextEncoder().encode(`package ${pair}`)
      const upload = { fileName: "p.zip", bytes, version: to, models: ["AG35"], options: { from } }
      id = (await publishRelease(this.server.needs, "quectel", upload)).id
    }
    return id
  }

  async rollOut(releaseId: string): Promise<string> {
    const order = { releaseIds: [releaseId], group: null, silenceTimeoutMs: 3_600_000 }
    return (await startRollout(this.server.needs, order)).rollout.id
  }

  async work(token: string, version?: string, wait = 0): Promise<WorkView> {
    const query = `wait=${wait}${version === undefined ? "" : `&version=${version}`}`
    return view(await this.call("GET", `/agent/v1/work?${query}`, { token }))
  }

  async report(token: string, order: string, rest: Omit<ReportBody, "order">): Promise<string> {
    const answer = await this.call("POST", "/agent/v1/report", { token, body: { order, ...rest } })
    return view<{ order: string }>(answer).order
  }

  state(id = "m1"): string | undefined {
    return this.server.update(id)?.progress.state
  }
}

function view<View>({ status, body }: CallAnswer): View {
  if (status !== 200) throw new Error(`${status} ${body}`)
  return JSON.parse(body) as View
}

const title = ({ status, body }: CallAnswer): string => `${status} ${(JSON.parse(body) as { title: string }).title}`

let agents: AgentRehearsal
let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
  agents = new AgentRehearsal(server)
})

/** A module on A in a rollout to B. */
async function ordered(): Promise<{ token: string; order: string; rollout: string }> {
  const token = await agents.addModule()
  const rollout = await agents.rollOut(await agents.publish("A>B"))
  const { order } = await agents.work(token, "A")
  return { token, order: order?.order ?? "", rollout }
}

it("versions that are said by turns are a doubt about who has the token, until the operator says what holds", async () => {
  // Another module keeps the rollout running.
  await agents.addModule("m2")
  const { token } = await ordered()
  const doubt = () => {
    const live = server.needs.live.devices.get("m1")
    return live === undefined ? null : doubtOf(live, live.update)
  }
  for (const version of ["C", "D", "C", "C"]) await agents.work(token, version)
  expect(doubt()).toBeNull()
  await agents.work(token, "D")
  expect(doubt()).toMatch(/by turns.*no update lies between/)
  expect(server.heard.at(-1)?.kind).toBe("device.doubted")
  await setDevice(server.needs, "m1", { single: true })
  expect(doubt()).toBeNull()
})

describe("a note of what was seen beside a device", () => {
  const note = { mark: "a-1", event: "upgraded", sentence: "It runs\u001b[31m new firmware.", version: "13.00.004" }
  const say = (token: string, body: object) => agents.call("POST", "/agent/v1/note", { token, body })
  const written = async () => {
    const events = await server.store.events({ after: 0, limit: 1000 })
    return events.filter(({ kind }) => kind.startsWith("agent."))
  }

  it("is written into the event log once, however often it comes, and moves nothing", async () => {
    const { token } = await ordered()
    const before = agents.state()
    expect(view(await say(token, note))).toEqual({ note: "written" })
    expect(view(await say(token, note))).toEqual({ note: "known" })
    expect(await written()).toMatchObject([
      { kind: "agent.upgraded", deviceId: "m1", basis: "reported", sentence: "It runs\\u{1b}[31m new firmware." },
    ])
    expect(agents.state()).toBe(before)
    expect(server.needs.live.devices.get("m1")?.device.running.version).toBe("A")
  })

  it("is refused without the device's token, with an odd event, and when sixty came in this minute", async () => {
    const token = await agents.addModule()
    expect(title(await say("x.y", note))).toBe("401 bad-agent-token")
    expect(title(await say(token, { ...note, event: "Up graded" }))).toBe("400 bad-request")
    for (let n = 0; n < 60; n++) await say(token, { ...note, mark: `b-${n}` })
    expect(title(await say(token, { ...note, mark: "late" }))).toBe("429 too-many-notes")
    server.clock.monotonic = (
      (now) => () =>
        now() + 60_000
    )(server.clock.monotonic)
    expect(view(await say(token, { ...note, mark: "late" }))).toEqual({ note: "written" })
    expect(await written()).toHaveLength(61)
  })
})

describe("an agent that asks for work", () => {
  it("gets the command whole, with credentials that fetch exactly this package", async () => {
    const token = await agents.addModule()
    await agents.rollOut(await agents.publish("A>B"))
    const { order } = await agents.work(token, "A")
    expect(order?.command).toMatch(/^AT\+QFOTADL="ftp:\/\/\w{12}:\w{12}@203\.0\.113\.1:2121\/update\.zip"$/)
    expect(order).toMatchObject({ from: "A", to: "B", sizeBytes: 11 })
    const [, user = "", password = ""] = /ftp:\/\/(\w+):(\w+)@/.exec(order?.url ?? "") ?? []
    const login = ftpGateway(server.needs).login(user, password, "192.0.2.8")
    if (login === null || login instanceof Promise) throw new Error("no login")
    expect(new TextDecoder().decode(await retrieve(login, "/update.zip"))).toBe("package A>B")
    expect(agents.state()).toBe("downloaded")
    expect(ftpGateway(server.needs).login(user, "wrong", "192.0.2.8")).toBeNull()
    expect(ftpGateway(server.needs).login(token.split(".")[0] ?? "", token.split(".")[1] ?? "", "x")).toBeNull()
  })

  it("gets an HTTP URL where the model or the release wants one, and nobody can guess another's", async () => {
    const token = await agents.addModule()
    const bytes = new Uint8Array(9)
    const options = { from: "A", transport: "http" }
    const upload = { fileName: "p.zip", bytes, version: "B", models: ["AG35"], options }
    await agents.rollOut((await publishRelease(server.needs, "quectel", upload)).id)
    const url = new URL((await agents.work(token, "A")).order?.url ?? "")
    expect(url.host).toBe("203.0.113.1:8081")
    const host = httpGateway({ ...server.needs, deviceUrl: null })
    const find = (path: string) => host.find({ method: "GET", path, query: "", headers: {}, origin })
    expect(find(url.pathname)?.kind).toBe("file")
    const guess = url.pathname.replace(/.(?=\/update)/, "0")
    expect(find(guess)).toBeNull()
  })

  it("gets nothing while nobody knows what it runs, and its order as soon as it says so", async () => {
    const token = await agents.addModule()
    await agents.rollOut(await agents.publish("A>B"))
    expect((await agents.work(token)).order).toBeNull()
    expect(agents.state()).toBe("waiting")
    expect(await server.explain("m1")).toMatch(/waits for its agent to say what it runs/)
    expect((await agents.work(token, "A")).order?.to).toBe("B")
  })

  it("is sent nothing when no package starts from what it runs, and explain says so", async () => {
    const token = await agents.addModule()
    await agents.rollOut(await agents.publish("A>B"))
    expect((await agents.work(token, "X")).order).toBeNull()
    expect(agents.state("m1") ?? (await server.stored("m1"))?.progress.state).toBe("failed")
    expect(await server.explain("m1")).toMatch(/No package leads from X.*no package starts from there/)
  })

  it("never gets a package for another version than it has just said", async () => {
    const token = await agents.addModule()
    await agents.publish("A>B", "C>B")
    await agents.rollOut(await agents.publish("A>B"))
    expect((await agents.work(token, "A")).order?.from).toBe("A")
    expect((await agents.work(token, "C")).order?.from).toBe("C")
    expect((await agents.work(token, "A")).order?.from).toBe("A")
  })

  it("waits for work until there is some", async () => {
    const token = await agents.addModule()
    const waiting = agents.work(token, "A", 60)
    await Promise.resolve()
    await agents.rollOut(await agents.publish("A>B"))
    expect((await waiting).order?.to).toBe("B")
    expect(agents.waits.size).toBe(0)
  })

  it("is told that there is none when its time is up, when it asks again, and when the server goes down", async () => {
    const token = await agents.addModule()
    await agents.work(token, "A")
    const first = agents.work(token, "A", 60)
    const second = agents.work(token, "A", 60)
    const turn = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await Promise.resolve()
    }
    await turn()
    expect(agents.waits.size).toBe(1)
    server.clock.pass(60_000)
    agents.waits.endDue(server.clock.monotonic())
    expect(await Promise.all([first, second])).toMatchObject([{ order: null }, { order: null }])
    const third = agents.work(token, "A", 60)
    await turn()
    agents.waits.close()
    expect((await third).order).toBeNull()
  })

  it("is forgotten when it goes away while waiting", async () => {
    const token = await agents.addModule()
    await agents.work(token, "A")
    const waiting = agents.work(token, "A", 60)
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect(agents.waits.size).toBe(1)
    agents.gone.abort()
    expect((await waiting).order).toBeNull()
    expect(agents.waits.size).toBe(0)
  })
})

describe("an agent that reports", () => {
  it("moves its update step by step, and its version at the end is a report", async () => {
    const { token, order, rollout } = await ordered()
    const steps: [Omit<ReportBody, "order">, string][] = [
      [{ state: "accepted" }, "accepted"],
      [{ state: "downloading", urc: '+QIND: "FOTA","FTPSTART"' }, "downloading"],
      [{ state: "downloaded", urc: '+QIND: "FOTA","FTPEND",0' }, "downloaded"],
      [{ state: "updating", percent: 7 }, "installing"],
      [{ state: "updating", percent: 93 }, "installing"],
    ]
    for (const [report, state] of steps) {
      expect(await agents.report(token, order, report)).toBe("open")
      expect(agents.state()).toBe(state)
    }
    expect(server.needs.live.devices.get("m1")?.percent).toBe(93)
    expect(server.device("m1").running.evidence).toBe("unknown")
    expect(await agents.report(token, order, { state: "verified", version: "B" })).toBe("over")
    expect(server.device("m1").running).toEqual({ version: "B", evidence: "reported" })
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "reported" })
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("succeeded")
    expect(server.needs.live.tickets.size).toBe(0)
    const raw = server.heard.find(({ kind }) => kind === "update.transfer-finished")
    expect(raw?.kind === "update.transfer-finished" && raw.data.raw).toBe('+QIND: "FOTA","FTPEND",0')
  })

  it("changes nothing by repeating itself, nor by reporting an order that is over", async () => {
    const { token, order } = await ordered()
    await agents.report(token, order, { state: "accepted" })
    const events = server.heard.length
    await agents.report(token, order, { state: "accepted" })
    expect(server.heard).toHaveLength(events)
    await agents.report(token, order, { state: "verified", version: "B" })
    const after = server.heard.length
    expect(await agents.report(token, order, { state: "failed", code: 510 })).toBe("over")
    expect(server.heard).toHaveLength(after)
    expect(server.device("m1").running.version).toBe("B")
  })

  it("keeps an unknown code raw and fails, and says a known one in words", async () => {
    const { token, order } = await ordered()
    await agents.report(token, order, { state: "failed", code: 777 })
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "failed", code: "HTTPEND 777" })
    expect(await server.explain("m1")).toMatch(/777.*do not list/)
  })

  it("is not set back by a report of what the server has seen already", async () => {
    const token = await agents.addModule()
    await agents.rollOut(await agents.publish("A>B"))
    const { order } = await agents.work(token, "A")
    const [, user = "", password = ""] = /ftp:\/\/(\w+):(\w+)@/.exec(order?.url ?? "") ?? []
    const login = ftpGateway(server.needs).login(user, password, "192.0.2.8")
    if (login === null || login instanceof Promise) throw new Error("no login")
    await retrieve(login, "/update.zip")
    await agents.report(token, order?.order ?? "", { state: "accepted" })
    await agents.report(token, order?.order ?? "", { state: "downloading" })
    expect(server.update("m1")?.progress).toMatchObject({ state: "downloaded", attempt: 1 })
  })

  it("counts a repeated try, and stays in the update", async () => {
    const { token, order } = await ordered()
    await agents.report(token, order, { state: "accepted" })
    await agents.report(token, order, { state: "retrying", code: 601 })
    expect(server.update("m1")?.progress).toMatchObject({ state: "accepted", attempt: 2, code: "FTPEND 601" })
    expect((await agents.work(token, "A")).order?.order).toBe(order)
  })

  it("pauses the rollout when the package does not fit, so that no further module is sent it", async () => {
    const second = await agents.addModule("m2")
    const { token, order, rollout } = await ordered()
    await agents.report(token, order, { state: "failed", code: 510 })
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("paused")
    expect((await agents.work(second, "A")).order).toBeNull()
    expect(server.heard.some(({ kind }) => kind === "release.flagged")).toBe(true)
  })

  it("does not believe an END without the version", async () => {
    const { token, order } = await ordered()
    await agents.report(token, order, { state: "verified", version: "A" })
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "failed", basis: "reported" })
    expect(server.device("m1").running).toEqual({ version: "A", evidence: "reported" })
  })
})

describe("a module that installs after it was given up", () => {
  const sentence =
    "The module took the command, refused the next ones, and was not heard of for hours; whether it updates is not known."
  /** The module opens its package; what is done with it is the caller's. */
  const opened = async (url: string): Promise<TransferContent> => {
    const [, user = "", password = ""] = /ftp:\/\/(\w+):(\w+)@/.exec(url) ?? []
    const login = ftpGateway(server.needs).login(user, password, "192.0.2.8")
    if (login === null || login instanceof Promise) throw new Error("no login")
    const node = login.find("/update.zip")
    if (node?.kind !== "file") throw new Error("no package")
    return node.open(0)
  }

  it("was busy, not refusing: the record is corrected when it says what it runs", async () => {
    const token = await agents.addModule()
    const rollout = await agents.rollOut(await agents.publish("A>B"))
    const { order } = await agents.work(token, "A")
    const name = order?.order ?? ""
    await agents.report(token, name, { state: "accepted" })
    // What the agent's clock goes by while the module refuses a second command.
    const { sizeBytes, ...content } = await opened(order?.url ?? "")
    content.progress?.(4)
    expect((await agents.work(token, "A")).transferred).toBe(4)
    await content.finished({ from: 0, to: sizeBytes, sent: sizeBytes, whole: true })
    expect(agents.state()).toBe("downloaded")
    await server.pass((2 * 3_600_000) / 4)
    await agents.report(token, name, { state: "failed", sentence })
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "failed", sentence, code: null })
    expect(server.device("m1").running.evidence).toBe("unknown")
    await server.restart()
    await server.pass(3_600_000)
    expect((await agents.work(token, "B")).order).toBeNull()
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "reported" })
    expect(server.device("m1").running).toEqual({ version: "B", evidence: "reported" })
    expect(server.needs.live.rollouts.get(rollout)?.states.get("m1")).toBe("succeeded")
    expect(server.heard.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["update.installed"]))
  })

  it("was silent for longer than its rollout waits: the same", async () => {
    const { token, order, rollout } = await ordered()
    await agents.report(token, order, { state: "accepted" })
    await server.pass(3 * 3_600_000)
    expect((await server.stored("m1"))?.progress.state).toBe("no-show")
    await agents.work(token, "B")
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "reported" })
    expect(server.needs.live.rollouts.get(rollout)?.states.get("m1")).toBe("succeeded")
  })

  it("stays failed when it says that it runs what it ran", async () => {
    const { token, order } = await ordered()
    await agents.report(token, order, { state: "accepted" })
    await agents.report(token, order, { state: "failed", sentence })
    await agents.work(token, "A")
    expect((await server.stored("m1"))?.progress.state).toBe("failed")
    expect(server.device("m1").running).toEqual({ version: "A", evidence: "reported" })
  })
})

describe("a way of several hops", () => {
  it("is gone hop by hop, each with credentials of its own, and back again by the reverse packages", async () => {
    const token = await agents.addModule()
    const back = await agents.publish("C>B", "B>A")
    await agents.rollOut(await agents.publish("A>B", "B>C"))
    for (const [from, to] of [
      ["A", "B"],
      ["B", "C"],
    ]) {
      const { order } = await agents.work(token, from)
      expect(order).toMatchObject({ from, to })
      await agents.report(token, order?.order ?? "", { state: "verified", version: to ?? "" })
      expect(server.needs.live.tickets.size).toBe(to === "B" ? 1 : 0)
    }
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
    await agents.rollOut(back)
    for (const version of ["B", "A"]) {
      const { order } = await agents.work(token)
      expect(order?.to).toBe(version)
      await agents.report(token, order?.order ?? "", { state: "verified", version })
    }
    expect(server.device("m1").running).toEqual({ version: "A", evidence: "reported" })
  })

  it("goes on after a restart of the server at every step", async () => {
    const token = await agents.addModule()
    await agents.publish("B>C")
    await agents.rollOut((await agents.publish("A>B"), await agents.publish("B>C")))
    const steps: (() => Promise<unknown>)[] = [
      () => agents.work(token, "A"),
      () => reportCurrent({ state: "downloaded" }),
      () => reportCurrent({ state: "verified", version: "B" }),
      () => agents.work(token, "B"),
      () => reportCurrent({ state: "verified", version: "C" }),
    ]
    const reportCurrent = async (report: Omit<ReportBody, "order">): Promise<unknown> => {
      const update = server.update("m1")
      return agents.report(token, `${update?.id}/${update?.ticket?.user}`, report)
    }
    for (const step of steps) {
      await step()
      const before = { ...server.update("m1")?.progress }
      await server.restart()
      expect({ ...server.update("m1")?.progress }).toEqual(before)
    }
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
  })

  it("is planned anew when a package on it is withdrawn before it is begun", async () => {
    const token = await agents.addModule()
    const first = await agents.publish("A>B")
    const dear = await agents.publish("A>C")
    expect(server.needs.live.releases.get(dear)?.source).toBe("A")
    await agents.rollOut(await agents.publish("B>C"))
    expect((await agents.work(token, "A")).order?.to).toBe("C")
    await withdrawRelease(server.needs, first)
    await withdrawRelease(server.needs, dear)
    expect((await agents.work(token, "A")).order).toBeNull()
    expect(await server.explain("m1")).toMatch(/No package leads from A/)
  })
})

describe("a rollout that changes", () => {
  it("paused: hands out nothing new, lets a begun update finish", async () => {
    const { token, order, rollout } = await ordered()
    const second = await agents.addModule("m2")
    await agents.report(token, order, { state: "downloading" })
    await pauseRollout(server.needs, rollout)
    expect((await agents.work(second, "A")).order).toBeNull()
    expect((await agents.work(token, "A")).order?.order).toBe(order)
    await resumeRollout(server.needs, rollout)
  })

  it("aborted: the agent learns it from its next report, and the credentials are dead", async () => {
    const { token, order, rollout } = await ordered()
    await abortRollout(server.needs, rollout)
    expect(await agents.report(token, order, { state: "downloading" })).toBe("over")
    expect(server.needs.live.tickets.size).toBe(0)
  })
})

describe("a device that enrols itself", () => {
  const secret = "abcdefghij0123456789"

  it("waits to be accepted, then takes part; the same call again is the same device", async () => {
    const enrolment = await createEnrolment(server.needs, { family: "quectel", labels: { site: "north" } })
    const call = {
      token: `${enrolment.id}.${enrolment.secret}`,
      body: { id: "867", model: "AG35", secret, version: "A" },
    }
    const first = view<{ token: string }>(await agents.call("POST", "/agent/v1/enrol", call))
    expect(first).toMatchObject({ id: "867", admission: "pending" })
    expect(view(await agents.call("POST", "/agent/v1/enrol", call))).toEqual(first)
    expect(await server.explain("867")).toMatch(/waits for an operator/)
    await expect(agents.rollOut(await agents.publish("A>B"))).rejects.toThrow(/No device matches/)
    await acceptDevice(server.needs, "867")
    await server.restart()
    await agents.rollOut(await agents.publish("A>B"))
    expect((await agents.work(first.token)).order?.to).toBe("B")
    expect(server.device("867").labels).toEqual({ site: "north" })
  })

  it("cannot take another's id, another family's model, or come with a revoked token", async () => {
    const enrolment = await createEnrolment(server.needs, { family: "quectel" })
    const token = `${enrolment.id}.${enrolment.secret}`
    await agents.addModule("m1")
    const enrol = (body: object, with_ = token) => agents.call("POST", "/agent/v1/enrol", { token: with_, body })
    expect(title(await enrol({ id: "m1", model: "AG35", secret }))).toBe("409 device-exists")
    expect(title(await enrol({ id: "m2", model: "XY", secret }))).toBe("400 no-such-model")
    expect(title(await enrol({ id: "m2", model: "AG35", secret }, `${token}x`))).toBe("401 bad-agent-token")
    await revokeEnrolment(server.needs, enrolment.id)
    expect(title(await enrol({ id: "m2", model: "AG35", secret }))).toBe("401 bad-agent-token")
  })
})

describe("whoever has an enrolment's token", () => {
  const secret = "abcdefghij0123456789"
  const enrolling = async (admission: "pending" | "accepted") => {
    const enrolment = await createEnrolment(server.needs, { family: "quectel", admission })
    const token = `${enrolment.id}.${enrolment.secret}`
    return (id: string, own = secret) =>
      agents.call("POST", "/agent/v1/enrol", { token, body: { id, model: "AG35", secret: own } })
  }

  it("fills its own enrolment only: another's devices enrol on, also after a restart", async () => {
    const flood = await enrolling("pending")
    const other = await enrolling("pending")
    const { most } = limits["enrolment.pending"]
    for (let n = 0; n < most; n++) expect((await flood(`f${n}`)).status).toBe(200)
    expect(title(await flood("one-more"))).toBe("429 too-many-pending")
    expect((await other("867")).status).toBe(200)
    await server.restart()
    agents = new AgentRehearsal(server)
    expect(title(await flood("one-more"))).toBe("429 too-many-pending")
    await acceptDevice(server.needs, "f0")
    expect((await flood("one-more")).status).toBe(200)
  })

  it("learns nothing about a device's secret by trying", async () => {
    const enrol = await enrolling("accepted")
    await enrol("867", "right-secret-of-867-0")
    for (let n = 0; n < 30; n++) expect(title(await enrol("867", `wrong-secret-number-${n}`))).toBe("409 device-exists")
    expect(title(await enrol("867", "right-secret-of-867-0"))).toBe("409 device-exists")
    server.clock.pass(3_600_000)
    expect((await enrol("867", "right-secret-of-867-0")).status).toBe(200)
  })

  it("cannot fill the log by what a device says of itself", async () => {
    const enrol = await enrolling("pending")
    const { token } = view<{ token: string }>(await enrol("867"))
    const written = () => server.heard.filter(({ kind }) => kind === "device.version-reported")
    for (let n = 0; n < 2000; n++) await agents.work(token, `v${n}`)
    expect(written()).toHaveLength(limits["device.events"].most)
    server.clock.pass(60_000)
    await agents.work(token, "last")
    expect(written().at(-1)?.sentence).toBe(
      "867 says that it runs last. It said 1970 other versions before, too often to be taken in.",
    )
    expect(server.device("867").running.version).toBe("last")
  })
})

describe("hostile calls", () => {
  it("are refused with a reason, and change nothing", async () => {
    const { token, order } = await ordered()
    const calls: [string, Promise<CallAnswer>][] = [
      ["401 bad-agent-token", agents.call("GET", "/agent/v1/work")],
      ["401 bad-agent-token", agents.call("GET", "/agent/v1/work", { token: "agent-x.y" })],
      ["404 no-such-route", agents.call("GET", "/agent/v2/work", { token })],
      ["404 no-such-route", agents.call("DELETE", "/agent/v1/work", { token })],
      ["400 bad-request", agents.call("GET", "/agent/v1/work?wait=9999", { token })],
      ["400 bad-request", agents.call("GET", "/agent/v1/work?wait=-1", { token })],
      ["400 bad-request", agents.call("POST", "/agent/v1/report", { token, body: "{" })],
      ["400 bad-request", agents.call("POST", "/agent/v1/report", { token, body: { order, state: "done" } })],
      ["400 bad-request", agents.call("POST", "/agent/v1/report", { token, body: { order, state: "failed", x: 1 } })],
    ]
    for (const [expected, answer] of calls) expect(title(await answer)).toBe(expected)
    expect(agents.state()).toBe("offered")
  })
})
