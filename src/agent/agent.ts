import { longestWaitSeconds, type OrderView, type WorkView } from "../core/contract/agent-api.ts"
import { isSameModule, knownAs } from "../core/families/exact-version.ts"
import type { DeviceIdentity, HostEnd, HostPort, HostSide } from "../core/families/host.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"
import { AgentApi, type AgentTransport, type CallResult } from "./agent-api.ts"
import { type AgentMemory, withModule } from "./agent-memory.ts"
import { Backoff } from "./backoff.ts"
import { Notes } from "./notes.ts"
import { Reports } from "./reports.ts"
import { AgentTrouble } from "./wrong-use.ts"

/** How the agent proves who it is. */
export type Credentials =
  | { readonly token: string }
  /** An enrolment token; id and model are what the module says unless they are given. */
  | { readonly enrol: string; readonly id?: string; readonly model?: string }

/** What an agent needs from outside; `main.ts` brings the machine's, tests and rehearsals their own. */
export interface AgentNeeds {
  readonly host: HostSide
  readonly port: HostPort
  readonly clock: AtClock
  /** 0 <= value < 1. */
  readonly random: () => number
  /** A secret that nobody can guess, 20 to 64 characters of A-Z a-z 0-9 _ -. */
  readonly newSecret: () => string
  readonly transport: AgentTransport
  readonly memory: AgentMemory
  readonly credentials: Credentials
  readonly tell: (event: AgentEvent) => void
  /** Serial number of the module that this agent's device is from now on; absent = the one that it was, or the first met. */
  readonly imei?: string
  /** End after the first order, or when there is none. */
  readonly once?: boolean
  readonly signal: AbortSignal
}

/** One line of progress. */
export interface AgentEvent {
  readonly event: "module" | "server" | "order" | "line" | "end"
  readonly text: string
  /** What the module itself says that it runs, where this tells of it. */
  readonly version?: string
}

/** What `once` came to. */
export interface AgentEnd {
  readonly order: string | null
  readonly end: HostEnd | null
  readonly version: string | null
}

/** A module that stays away is looked for again after this; the server is asked meanwhile. */
const moduleAbsentSeconds = 30
/** A module that stands still is asked again which firmware runs after this: somebody else may have updated it. */
const askModuleAgainMs = 60 * 60_000
/** An order is taken at its word for so long. */
const freshOrderMs = 60_000
/** An answer without work that came sooner than this is followed by a pause of as long. */
const shortestPollMs = 5000

/** Runs an agent until the signal ends it (rejects with its reason) or, with `once`, its one order is over. */
export function runAgentCore(needs: AgentNeeds): Promise<AgentEnd> {
  return new Agent(needs).run()
}

class Agent {
  readonly #needs: AgentNeeds
  readonly #api: AgentApi
  readonly #backoff: Backoff
  readonly #reports: Reports
  readonly #notes: Notes
  #identity: DeviceIdentity | null = null
  #askedMs = Number.NEGATIVE_INFINITY
  #admission: WorkView["admission"] | null = null
  /** Other modules that were met and told of. */
  readonly #others = new Set<string>()

  constructor(needs: AgentNeeds) {
    this.#needs = needs
    const { clock, memory, random, signal } = needs
    this.#api = new AgentApi(needs.transport)
    this.#backoff = new Backoff(random)
    const tell = (text: string): void => needs.tell({ event: "server", text })
    const backoff = new Backoff(random)
    const server = { api: this.#api, clock, tell, signal, token: (): string => this.#token }
    this.#reports = new Reports({ ...server, memory, backoff })
    this.#notes = new Notes({ ...server, backoff: new Backoff(random), run: "" })
  }

  async run(): Promise<AgentEnd> {
    const { memory, signal, once } = this.#needs
    await this.#bindAsTold()
    this.#reports.deliver()
    const unfinished = memory.state.order
    if (unfinished !== null) {
      const end = await this.#goOn(unfinished)
      if (once === true) return this.#ended(unfinished.order, end)
    }
    for (;;) {
      signal.throwIfAborted()
      await this.#askModule()
      if (this.#token === "" && !(await this.#enrol())) continue
      const order = await this.#askServer()
      if (order !== null) {
        const end = await this.#carryOut(order)
        if (once === true) return this.#ended(order.order, end)
      } else if (once === true) return this.#ended(null, null)
    }
  }

  get #token(): string {
    const { credentials, memory } = this.#needs
    return "token" in credentials ? credentials.token : (memory.state.enrolment?.token ?? "")
  }

  /** A module has several texts for the firmware that it runs; the one the server used last is kept to. */
  get #version(): string | undefined {
    return this.#identity === null ? undefined : knownAs(this.#identity, this.#needs.memory.state.known)
  }

  /** The module that this agent's device is; null = none was met yet. */
  get #imei(): string | null {
    return this.#needs.memory.state.modules.at(-1)?.imei ?? null
  }

  #ended(order: string | null, end: HostEnd | null): AgentEnd {
    return { order, end, version: end?.version ?? this.#version ?? null }
  }

  /** Opens the port for as long as the questions take: between two orders others may use it. */
  async #askModule(): Promise<void> {
    const { clock, port, tell, once } = this.#needs
    const nowMs = clock.now()
    if (this.#identity !== null && nowMs - this.#askedMs < askModuleAgainMs) return
    this.#askedMs = nowMs
    const before = this.#identity
    this.#identity = null
    const names = await port.names()
    for (const name of names) {
      const found = await this.#identifyAt(name)
      if (found === null || !(await this.#isOurs(name, found))) continue
      this.#identity = found
      const { model, imei, version: build } = found
      const version = this.#version ?? ""
      if (before?.version === build) return
      return tell({ event: "module", text: `${name}: ${model ?? "module"} ${imei ?? ""} runs ${version}`, version })
    }
    const where = names.length === 0 ? "there is no such port" : `nobody answers at ${names.join(", ")}`
    if (once === true) throw new AgentTrouble(`the module does not answer: ${where}`)
    tell({ event: "module", text: `The module does not answer: ${where}.` })
  }

  async #identifyAt(name: string): Promise<DeviceIdentity | null> {
    const { clock, host, port } = this.#needs
    const line = await port.open(name)
    if (line === null) return null
    try {
      return await host.identify(line, clock)
    } finally {
      await line.close()
    }
  }

  /** The first module that is met is this agent's device; another one is another device, and nothing is typed at it. */
  async #isOurs(name: string, { imei }: DeviceIdentity): Promise<boolean> {
    const ours = this.#imei
    if (imei === null) return ours === null
    if (ours === null) {
      await this.#bind(imei)
      return true
    }
    if (isSameModule(imei, ours)) return true
    if (this.#others.has(imei)) return false
    this.#others.add(imei)
    const text = `At ${name} stands the module ${imei}, and this device is ${ours}: nothing is typed there. If it was replaced on purpose, start the agent with --imei ${imei}.`
    this.#needs.tell({ event: "module", text })
    this.#tellServer(`other-${imei}`, text)
    return false
  }

  async #bind(imei: string): Promise<void> {
    const { memory, clock } = this.#needs
    const modules = withModule(memory.state, imei, clock.now())
    // What an order brought another module to says nothing of this one; nor does an order that was for it.
    const isFirst = memory.state.modules.length === 0
    await memory.change(isFirst ? { modules } : { modules, known: null, order: null, journal: null, isOver: false })
  }

  async #bindAsTold(): Promise<void> {
    const { imei, tell } = this.#needs
    const before = this.#imei
    if (imei === undefined || (before !== null && isSameModule(imei, before))) return
    await this.#bind(imei)
    if (before === null) return
    const text = `This device is the module ${imei} from now on; it was ${before}.`
    tell({ event: "module", text })
    this.#tellServer(`now-${imei}`, text)
  }

  /** For the server's event log, until it has answered; it has been told beside the module in any case. */
  #tellServer(mark: string, text: string): void {
    this.#notes.add({ event: "other-module", text, version: null, mark: mark.slice(0, 64) })
  }

  /** First contact: the secret is on disk before it is sent, so that a repeated call is the same call. */
  async #enrol(): Promise<boolean> {
    const { credentials, memory, newSecret, signal, tell, clock } = this.#needs
    if ("token" in credentials) throw new AgentTrouble("the token is empty")
    const id = credentials.id ?? this.#identity?.imei ?? null
    const model = credentials.model ?? this.#identity?.model ?? null
    if (id === null || model === null) {
      tell({
        event: "server",
        text: "The agent enrols when the module has said who it is, or with an id and a model given.",
      })
      await clock.sleep(moduleAbsentSeconds * 1000, signal)
      return false
    }
    const known = memory.state.enrolment
    const enrolment = known?.id === id ? known : { id, secret: newSecret(), token: null }
    if (enrolment !== known) await memory.change({ enrolment })
    const version = this.#version
    const body = { id, model, secret: enrolment.secret, ...(version === undefined ? {} : { version }) }
    const result = await this.#api.enrol(credentials.enrol, body, signal)
    if (result.kind !== "ok") {
      await this.#pauseAfter(result)
      return false
    }
    this.#backoff.reset()
    await memory.change({ enrolment: { ...enrolment, token: result.value.token } })
    tell({ event: "server", text: `Enrolled as ${result.value.id}.` })
    this.#noteAdmission(result.value.admission)
    return true
  }

  /** One long poll; null = nothing to do, or no answer. */
  async #askServer(): Promise<OrderView | null> {
    const { clock, signal, once, tell } = this.#needs
    const beganMs = clock.now()
    const version = this.#version
    const longest = this.#identity === null ? moduleAbsentSeconds : longestWaitSeconds
    const query = { wait: once === true ? 0 : longest, ...(version === undefined ? {} : { version }) }
    const result = await this.#api.work(this.#token, query, signal)
    if (result.kind !== "ok") {
      if (result.kind === "refused" && result.status === 401) await this.#forgetToken()
      await this.#pauseAfter(result)
      return null
    }
    this.#backoff.reset()
    this.#noteAdmission(result.value.admission)
    const { order } = result.value
    if (order !== null) {
      tell({ event: "order", text: `Order ${order.order}: ${order.from} -> ${order.to}, ${order.sizeBytes} bytes.` })
    } else if (once !== true && clock.now() - beganMs < shortestPollMs) {
      await clock.sleep(shortestPollMs * (1 + this.#needs.random()), signal)
    }
    return order
  }

  /** A device that was removed from the server enrols again, if it may; a token that was given stays as it is. */
  async #forgetToken(): Promise<void> {
    const { credentials, memory } = this.#needs
    const { enrolment } = memory.state
    if ("enrol" in credentials && enrolment !== null) await memory.change({ enrolment: { ...enrolment, token: null } })
  }

  #noteAdmission(admission: WorkView["admission"]): void {
    if (admission === this.#admission) return
    this.#admission = admission
    const text =
      admission === "pending" ? "An operator has to accept this device before it gets work." : "The device is accepted."
    this.#needs.tell({ event: "server", text })
  }

  async #pauseAfter(result: Exclude<CallResult<unknown>, { readonly kind: "ok" }>): Promise<void> {
    const { clock, signal, once, tell } = this.#needs
    if (once === true) throw new AgentTrouble(result.sentence.replace(/\.$/, ""))
    const pauseMs = this.#backoff.nextMs(result.kind === "unreachable" ? result.retryAfterSeconds : null)
    tell({ event: "server", text: `${result.sentence} Next try in ${Math.round(pauseMs / 1000)} s.` })
    await clock.sleep(pauseMs, signal)
  }

  async #carryOut(order: OrderView): Promise<HostEnd> {
    await this.#needs.memory.change({ order, journal: null, isOver: false })
    return this.#runOrder(order)
  }

  /**
   * An order that a killed agent left. The server gives it again with what may have changed, or gives another; a server
   * that is away stops nobody.
   */
  async #goOn(stored: OrderView): Promise<HostEnd> {
    const { memory, signal, tell } = this.#needs
    tell({ event: "order", text: `Going on with order ${stored.order}.` })
    const result = await this.#api.work(this.#token, { wait: 0 }, signal)
    const order = result.kind === "ok" ? result.value.order : null
    // None is given while the module is in the middle of it; another one means that this one is over.
    if (order !== null) await memory.change(order.order === stored.order ? { order } : { isOver: true })
    return this.#runOrder(memory.state.order ?? stored)
  }

  /**
   * Whether the server still gives this order to a module that runs what it starts from: asked again right before the
   * command, unless it has just come. A server that is away forbids nothing.
   */
  async #isWanted(order: OrderView, givenMs: number): Promise<boolean> {
    const { memory, clock, signal } = this.#needs
    if (memory.state.isOver) return false
    if (clock.now() - givenMs < freshOrderMs) return true
    const result = await this.#api.work(this.#token, { wait: 0, version: order.from }, signal)
    return result.kind !== "ok" || result.value.order?.order === order.order
  }

  /** Bytes of the package in a transfer that the server has under way. */
  async #transferred(): Promise<number | null> {
    const result = await this.#api.work(this.#token, { wait: 0 }, this.#needs.signal)
    return result.kind === "ok" ? (result.value.transferred ?? null) : null
  }

  async #runOrder(order: OrderView): Promise<HostEnd> {
    const { host, port, clock, memory, tell, signal } = this.#needs
    const { known } = memory.state
    const givenMs = memory.state.journal === null ? clock.now() : Number.NEGATIVE_INFINITY
    const end = await host.run({
      order,
      port,
      clock,
      signal,
      journal: { load: () => memory.state.journal, save: (journal) => memory.change({ journal }) },
      report: (report) => this.#reports.add(order.order, report),
      imei: this.#imei,
      known,
      isWanted: () => this.#isWanted(order, givenMs),
      transferred: () => this.#transferred(),
      log: (text) => tell({ event: "line", text }),
    })
    const version = end.version === null ? {} : { version: end.version }
    tell({ event: "end", text: `Order ${order.order}: ${end.state}. ${end.sentence}`, ...version })
    // The server gives the same order again until it has heard of its end.
    await this.#reports.delivered()
    const build = end.state === "verified" ? end.build : undefined
    const learnt = build === undefined ? {} : { known: { version: order.to, build } }
    await memory.change({ order: null, journal: null, isOver: false, ...learnt })
    this.#askedMs = Number.NEGATIVE_INFINITY
    return end
  }
}
