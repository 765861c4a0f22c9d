import type { Actor } from "../../../src/core/domain/actor.ts"
import type { AgentRequest, AgentResponse } from "../../../src/agent/agent-api.ts"
import type { IdleClock } from "../../../src/core/families/testing/idle-clock.testing.ts"
import type { SmallFtpView } from "../../../src/core/families/testing/small-ftp-server.testing.ts"
import type { Update } from "../../../src/core/domain/records.ts"
import { addDevice, tokenText } from "../../../src/server/fleet/add-device.ts"
import type { Change, Store } from "../../../src/server/fleet/needs.ts"
import { publishRelease } from "../../../src/server/fleet/publish-release.ts"
import { agentGateway } from "../../../src/server/gateway/agent-gateway.ts"
import { ftpGateway } from "../../../src/server/gateway/ftp-gateway.ts"
import { Rehearsal } from "../../../src/server/gateway/rehearsal.testing.ts"
import { WorkWaits } from "../../../src/server/gateway/work-waits.ts"
import type { DeviceCalls } from "../../../src/server/transports/http/device-call.ts"
import type { FtpHost } from "../../../src/server/transports/ftp/ftp-host.ts"
import type { Moments } from "./moments.testing.ts"

export const ftpPort = 2121
const peer = "192.0.2.7"

/** One process of the server: when it is killed, whatever it was at never comes to an end. */
interface Life {
  readonly killed: AbortController
  readonly agents: DeviceCalls
  readonly ftp: FtpHost
  readonly waits: WorkWaits
}

/** The server's fleet and gateways without sockets, killed without a word and started again on what was stored. */
export class MortalServer {
  readonly #rehearsal = new Rehearsal()
  readonly #clock: IdleClock
  readonly #moments: Moments
  #life: Life | null = null

  constructor(clock: IdleClock, moments: Moments) {
    this.#clock = clock
    this.#moments = moments
    this.#rehearsal.clock.now = clock.now
    this.#rehearsal.clock.monotonic = clock.now
  }

  get isUp(): boolean {
    return this.#life !== null
  }

  async switchOn(): Promise<void> {
    await this.#rehearsal.restart()
    const killed = new AbortController()
    const waits = new WorkWaits()
    const { store } = this.#rehearsal
    const needs = {
      ...this.#rehearsal.needs,
      store: {
        ...readingFrom(store),
        commit: (actor: Actor, changes: readonly Change[]) => this.#commit(killed.signal, actor, changes),
      },
    }
    this.#rehearsal.needs = needs
    const ftpAddress = { host: "127.0.0.1", port: () => ftpPort }
    const agents = agentGateway({ ...needs, waits, ftpAddress, deviceUrl: null })
    this.#life = { killed, waits, agents, ftp: ftpGateway(needs) }
  }

  kill(): void {
    this.#life?.killed.abort(new Error("the server was killed"))
    this.#life = null
  }

  /** A commit of a killed process has been taken in or not; either way the process never hears of it. */
  async #commit(killed: AbortSignal, actor: Actor, changes: readonly Change[]) {
    const { store } = this.#rehearsal
    this.#moments.pass()
    if (killed.aborted) return never
    const events = await store.commit(actor, changes)
    this.#moments.pass()
    return killed.aborted ? never : events
  }

  async addModule(id: string): Promise<string> {
    return tokenText((await addDevice(this.#rehearsal.needs, { id, family: "quectel", model: "AG35" })).access)
  }

  async publish(from: string, to: string, bytes: Uint8Array): Promise<string> {
    const upload = { fileName: "p.zip", bytes, version: to, models: ["AG35"], options: { from } }
    return (await publishRelease(this.#rehearsal.needs, "quectel", upload)).id
  }

  rollOut(releaseId: string): Promise<string> {
    return this.#rehearsal.rollOut(releaseId)
  }

  /** One call of an agent; rejects when nobody answers. */
  async call({ method, path: target, token, body }: AgentRequest, signal: AbortSignal): Promise<AgentResponse> {
    const life = this.#life
    if (life === null) throw new Error("nobody listens")
    await this.#rehearsal.pass(0)
    const [path = "", query = ""] = target.split("?")
    const gone = new AbortController()
    const waitSeconds = Number(new URLSearchParams(query).get("wait") ?? 0)
    if (waitSeconds > 0) void this.#endWait(life.waits, waitSeconds, gone.signal)
    try {
      const origin = { peer, localHost: "127.0.0.1", localPort: 8080, isTls: false }
      const bytes = new TextEncoder().encode(body ?? "")
      const call = { method, path, query, authorization: `Bearer ${token}`, body: bytes, origin, signal: gone.signal }
      const answer = await unless(AbortSignal.any([signal, life.killed.signal]), life.agents.answer(call))
      return { status: answer.status, body: answer.body, retryAfterSeconds: null }
    } finally {
      gone.abort(new Error("the caller has gone"))
    }
  }

  async #endWait(waits: WorkWaits, seconds: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(seconds * 1000, signal).catch(() => undefined)
    waits.endDue(this.#clock.now())
  }

  /** A module logs in over FTP. */
  login(user: string, password: string): SmallFtpView | null {
    const view = this.#life?.ftp.login(user, password, peer)
    if (view instanceof Promise) throw new Error("this gateway answers at once")
    if (view === undefined || view === null) return null
    return {
      find: (path) => {
        const node = view.find(path)
        return node?.kind === "file" ? node : null
      },
      close: () => view.close(),
    }
  }

  /** The newest update as stored. */
  stored(id: string): Promise<Update | undefined> {
    return this.#rehearsal.stored(id)
  }

  /** What the server believes that the module runs, as stored. */
  async record(id: string): Promise<{ readonly version: string | null; readonly evidence: string }> {
    const devices = await this.#rehearsal.store.devices()
    const device = devices.find((known) => known.id === id)
    if (device === undefined) throw new Error(`no device ${id}`)
    return device.running
  }
}

/** All of a store but what changes it. */
function readingFrom(store: Store): Omit<Store, "commit"> {
  return {
    devices: () => store.devices(),
    releases: () => store.releases(),
    rollouts: () => store.rollouts(),
    channels: () => store.channels(),
    messages: () => store.messages(),
    enrolments: () => store.enrolments(),
    tokens: () => store.tokens(),
    users: () => store.users(),
    sessions: () => store.sessions(),
    webhooks: () => store.webhooks(),
    webhookStandings: () => store.webhookStandings(),
    groups: () => store.groups(),
    deltas: () => store.deltas(),
    seen: () => store.seen(),
    counters: () => store.counters(),
    uptime: () => store.uptime(),
    saveUptime: (ms) => store.saveUptime(ms),
    channelPolls: () => store.channelPolls(),
    saveChannelPolls: (rows) => store.saveChannelPolls(rows),
    device: (id) => store.device(id),
    liveUpdates: () => store.liveUpdates(),
    overtakenDevices: (id) => store.overtakenDevices(id),
    updatesOfRollout: (id) => store.updatesOfRollout(id),
    updatesOfDevice: (id, limit) => store.updatesOfDevice(id, limit),
    events: (query) => store.events(query),
    auditEntries: (query) => store.auditEntries(query),
    updatePage: (query, page) => store.updatePage(query, page),
    countUpdates: (query) => store.countUpdates(query),
    newestUpdates: (ids) => store.newestUpdates(ids),
    troubledDevices: () => store.troubledDevices(),
    messagePage: (query, page) => store.messagePage(query, page),
    countMessages: (query) => store.countMessages(query),
    lastEventSeq: () => store.lastEventSeq(),
    saveSeen: (rows) => store.saveSeen(rows),
  }
}

const never = new Promise<never>(() => undefined)

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"))
    if (signal.aborted) stop()
    signal.addEventListener("abort", stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop))
  })
}
