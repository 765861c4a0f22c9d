import { createHmac } from "node:crypto"
import { runAgentCore } from "../../src/agent/agent.ts"
import { AgentMemory } from "../../src/agent/agent-memory.ts"
import { memoryHostPort } from "../../src/agent/module-port.ts"
import type { WaftEvent } from "../../src/core/domain/events/table.ts"
import { tokenActor } from "../../src/core/domain/actor.ts"
import type { Device, Update } from "../../src/core/domain/records.ts"
import type { Body } from "../../src/core/families/body.ts"
import type { Family, RunEnd, Upload } from "../../src/core/families/family.ts"
import { MemoryPort } from "../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import type { ContractPartner } from "../../src/core/families/testing/contract-bench.testing.ts"
import { IdleClock } from "../../src/core/families/testing/idle-clock.testing.ts"
import { MemoryNet } from "../../src/core/families/testing/memory-net.testing.ts"
import { MemoryRadio } from "../../src/core/families/testing/memory-radio.testing.ts"
import { PortHost } from "../../src/core/families/testing/port-host.testing.ts"
import { type SmallFtpView, startSmallFtpServer } from "../../src/core/families/testing/small-ftp-server.testing.ts"
import { testBody } from "../../src/core/families/testing/test-body.testing.ts"
import { Emitter } from "../../src/core/kit/emitter.ts"
import { numberOf } from "../../src/core/protocols/sms/address.ts"
import { decodeDataCoding, encodeDataCoding } from "../../src/core/protocols/sms/data-coding.ts"
import { decodeFromMobile } from "../../src/core/protocols/sms/tpdu.ts"
import { addDevice } from "../../src/server/fleet/add-device.ts"
import { advanceByTime } from "../../src/server/fleet/advance-rollout.ts"
import { type ConverseNeeds, findDue, goOn, wakeAfterRestart } from "../../src/server/fleet/converse.ts"
import { explainDevice } from "../../src/server/fleet/explain-device.ts"
import type { OnBehalf } from "../../src/server/fleet/fleet-needs.ts"
import { loadFleet } from "../../src/server/fleet/load-fleet.ts"
import { makeDueOffers, makeOffers, replanOffers } from "../../src/server/fleet/make-offers.ts"
import { MemoryStore } from "../../src/server/fleet/memory-store.testing.ts"
import { Outbox } from "../../src/server/fleet/outbox/outbox.ts"
import { publishRelease } from "../../src/server/fleet/publish-release.ts"
import { SmsBudget } from "../../src/server/fleet/sms-budget.ts"
import { startRollout } from "../../src/server/fleet/start-rollout.ts"
import { noticeSilence, settleUndecided } from "../../src/server/fleet/watch-time.ts"
import { agentGateway } from "../../src/server/gateway/agent-gateway.ts"
import { ftpGateway } from "../../src/server/gateway/ftp-gateway.ts"
import { httpGateway } from "../../src/server/gateway/http-gateway.ts"
import { MemoryImages } from "../../src/server/gateway/rehearsal.testing.ts"
import { smsCarrier, smsReceiver, tellFate } from "../../src/server/gateway/sms-gateway.ts"
import { WorkWaits } from "../../src/server/gateway/work-waits.ts"
import type { FtpHost, FtpView } from "../../src/server/transports/ftp/ftp-host.ts"
import type { OutgoingSms } from "../../src/server/transports/sms/sms-transport.ts"
import type { DeviceHttpHost } from "../../src/server/transports/http/device-http-host.ts"
import { startMemoryHttp } from "./memory-http.ts"

const smsNumber = "+393399990000"
const peer = "10.0.0.7"
const simNumber = "+393354757181"

export interface FleetBenchParts {
  /** The family as the server has it; the device is always that of the list. */
  readonly family: Family
  readonly device: Family["device"]
  readonly model: string
  /** What the device comes from the factory with, where its family cares. */
  readonly firmware: string
  readonly partner?: ContractPartner | undefined
}

type BenchNeeds = ConverseNeeds & OnBehalf & { readonly complain: (what: string, error: unknown) => never }

/**
 * One virtual device and the real fleet with its gateways, joined in memory: what the server concludes, or is told, of what the
 * device really does. Time is the device's own; it passes at once.
 */
export class FleetBench {
  readonly clock = new IdleClock()
  readonly store = new MemoryStore()
  readonly images = new MemoryImages()
  readonly heard: WaftEvent[] = []
  readonly storage = new MemoryStorage()
  readonly #net = new MemoryNet()
  readonly #parts: FleetBenchParts
  readonly #radio = new MemoryRadio({ imsi: "222010000000001", number: simNumber, pin: null })
  readonly #waits = new WorkWaits()
  readonly #ftpPort: number
  readonly #httpPort: number
  needs!: BenchNeeds
  #ftp!: FtpHost
  #http!: DeviceHttpHost
  #ram = new Map<string, unknown>()
  #disk: string | null = null
  #texts = 0
  /** What the device runs, as it has itself said last. */
  running: string

  private constructor(parts: FleetBenchParts) {
    this.#parts = parts
    this.running = parts.firmware
    const { family } = parts
    this.#ftpPort = startSmallFtpServer(this.#net, {
      login: (user, password) => this.#ftpLogin(user, password),
      aliases: family.ftp?.directoryAliases ?? [],
    }).port
    this.#httpPort = startMemoryHttp(this.#net, () => this.#http)
    this.#radio.onSent = (tpdu) => void this.#hearSms(tpdu)
  }

  static async start(parts: FleetBenchParts): Promise<FleetBench> {
    const bench = new FleetBench(parts)
    await bench.restart()
    const { family, model, partner, firmware } = parts
    const options = { ...partner?.entered }
    delete options["id"]
    await addDevice(bench.needs, {
      id: partner?.entered?.["id"] ?? "357464030012345",
      family: family.id,
      model,
      options,
      ...(family.conversation === undefined ? {} : { running: firmware }),
    })
    return bench
  }

  /** Ends the server without a word and starts another on what was stored. */
  async restart(): Promise<void> {
    const { family } = this.#parts
    const events = new Emitter<WaftEvent>()
    events.listen((event) => this.heard.push(event))
    const clock = { now: this.clock.now, monotonic: this.clock.now, breathe: () => Promise.resolve() }
    const complain = (what: string, error: unknown): never => {
      throw new Error(what, { cause: error })
    }
    const claimsOf = (device: Device) => family.conversation?.claims(device.familyState) ?? []
    const fleet = {
      actor: tokenActor("admin"),
      clock,
      store: this.store,
      images: this.images,
      live: await loadFleet(this.store, clock, claimsOf),
      events,
      randomText: (length: number) => String(++this.#texts).padStart(length, "x"),
      families: [family],
      complain,
    }
    const budget = new SmsBudget({ allowed: null, perDay: 1000, monotonic: clock.monotonic, hit: () => undefined })
    const carrier = smsCarrier(() => this.#transport, budget)
    const outbox: Outbox = new Outbox({ ...fleet, carrier, tell: (fate) => tellFate(needs)(fate) })
    const needs: BenchNeeds = {
      ...fleet,
      outbox,
      randomBits: () => ++this.#texts,
      hmac: (key, message) => createHmac("sha256", key).update(message).digest(),
      reach: () => ({
        ftp: { host: "127.0.0.1", port: this.#ftpPort },
        tcp: { host: "127.0.0.1", port: 9 },
        smsNumber,
      }),
    }
    await outbox.resume()
    this.needs = needs
    this.#ftp = ftpGateway(needs)
    this.#http = httpGateway({ ...needs, deviceUrl: null })
    for (const rollout of needs.live.rollouts.values()) await makeOffers(needs, rollout)
    wakeAfterRestart(needs)
  }

  /** Publishes what was uploaded and starts a rollout of it to the device; gives the release's id. */
  async rollOut(upload: Upload): Promise<string> {
    const release = await publishRelease(this.needs, this.#parts.family.id, upload)
    await this.rollOutAgain(release.id)
    return release.id
  }

  async rollOutAgain(releaseId: string): Promise<void> {
    const wish = { releaseIds: [releaseId], group: null, silenceTimeoutMs: 365 * 86_400_000 }
    await startRollout(this.needs, wish)
  }

  /** Time in which the device does nothing. */
  async pass(ms: number): Promise<void> {
    await this.clock.sleep(ms)
    await this.#tick()
  }

  async #tick(): Promise<void> {
    const { needs } = this
    await settleUndecided(needs)
    await replanOffers(needs)
    await noticeSilence(needs)
    await advanceByTime(needs)
    await makeDueOffers(needs)
    findDue(needs)
    await goOn(needs)
    await needs.outbox.tick()
  }

  /** One contact of the device, or for one that rests at a port the time that its host needs. */
  async contact(fault: string | null = null): Promise<RunEnd> {
    const { needsPort } = this.#parts.device
    const end = await (needsPort === true ? this.#rest(fault) : this.#poll(fault))
    this.running = end.running.version
    this.#net.breakAll()
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve))
    await this.live.lock.freed
    await this.#tick()
    return end
  }

  /** A GET at the device's URL by whoever sends these headers; an image is taken whole. */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<{ status: number; text: string }> {
    const origin = { peer, localHost: "127.0.0.1", localPort: this.#httpPort, isTls: false }
    const node = this.#http.find({ method: "GET", path, query: "", headers: { host: "127.0.0.1", ...headers }, origin })
    if (node === null) return { status: 404, text: "" }
    if (node.kind === "exchange") throw new Error(`${path} is no plain GET`)
    if (node.kind === "file") {
      const { sizeBytes, finished } = await node.open(0)
      await finished({ from: 0, to: sizeBytes, sent: sizeBytes, whole: true })
      return { status: 200, text: "" }
    }
    node.read?.()
    await this.live.lock.freed
    return { status: node.status ?? 200, text: node.content }
  }

  /** Switches the device off and on: the RAM is gone. */
  powerOff(): void {
    this.#ram = new Map()
  }

  async #poll(fault: string | null): Promise<RunEnd> {
    const body = testBody({ net: this.#net, storage: this.storage })
    const { signal } = new AbortController()
    const { device, model } = this.#parts
    return device.run(body, { model, server: this.#settings(), fault, speed: 1000, ram: this.#ram, signal })
  }

  #settings(): Readonly<Record<string, string>> {
    const { access } = this.#parts.family
    const { id, access: given, familyState } = this.live.device
    const view = access.view({ id, access: given, familyState, deviceUrl: this.#url })
    const listeners = { "device-http": `127.0.0.1:${this.#httpPort}`, ftp: `127.0.0.1:${this.#ftpPort}` }
    return access.settings(view, listeners)
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#httpPort}`
  }

  async #rest(fault: string | null): Promise<RunEnd> {
    const { device, model, firmware, family } = this.#parts
    const off = new AbortController()
    const hand = new PortHost()
    const port = family.host === undefined || family.conversation !== undefined ? hand.port : new MemoryPort()
    const { net, storage, random, log } = testBodyParts(this.#net, this.storage)
    const body: Body = { net, storage, random, log, clock: this.clock, port, radio: this.#radio }
    const { access, id } = this.live.device
    const server = { firmware, imageBytes: "9000", key: access.secret, imei: id }
    const run = { model, server, fault, speed: 1, ram: this.#ram, signal: off.signal }
    const module = device.run(body, run)
    module.catch(() => undefined)
    const time = this.#keepTime(off.signal)
    try {
      await (port === hand.port ? this.#byHand(hand, module) : this.#byAgent(port, off.signal))
    } finally {
      off.abort(new Error("switched off"))
      port.powerOff(off.signal.reason)
      await time
    }
    return module
  }

  /** The host that the family's contract names, in place of a person. */
  async #byHand(host: PortHost, module: Promise<RunEnd>): Promise<void> {
    const isOffering = (): boolean => this.isUnderWay
    const server = {
      resume: () => undefined,
      ask: () => undefined,
      get isOffering() {
        return isOffering()
      },
    }
    const story = this.#parts.partner?.host({
      host,
      module,
      order: null,
      image: new Uint8Array(0),
      code: "",
      clock: this.clock,
      server,
    })
    // Somebody who waits for two days goes home.
    await story?.catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.includes("does not come to its end")) throw error
    })
  }

  /** Our own agent, for one order. */
  async #byAgent(port: MemoryPort, signal: AbortSignal): Promise<void> {
    const { host } = this.#parts.family
    if (host === undefined) throw new Error("no host side")
    const { user, secret } = this.live.device.access
    const gateway = agentGateway({
      ...this.needs,
      waits: this.#waits,
      ftpAddress: { host: "127.0.0.1", port: () => this.#ftpPort },
      deviceUrl: this.#url,
    })
    for (let tries = 0; tries < 600 && !port.isAttached; tries++) await this.clock.sleep(1000, signal)
    // It speaks once it has started.
    await this.clock.sleep(30_000, signal)
    const life = new AbortController()
    signal.addEventListener("abort", () => life.abort(signal.reason))
    await runAgentCore({
      host,
      port: memoryHostPort(port, this.clock),
      clock: this.clock,
      random: () => 0.5,
      newSecret: () => "a-secret-for-tests-only",
      transport: async ({ method, path, token, body }) => {
        const [plain = "", query = ""] = path.split("?")
        const answer = await gateway.answer({
          method,
          path: plain,
          query,
          authorization: `Bearer ${token}`,
          body: new TextEncoder().encode(body ?? ""),
          origin: { peer, localHost: "127.0.0.1", localPort: this.#httpPort, isTls: false },
          signal: life.signal,
        })
        return { status: answer.status, body: answer.body, retryAfterSeconds: null }
      },
      memory: new AgentMemory({
        read: () => this.#disk,
        write: async (text) => {
          await Promise.resolve()
          this.#disk = text
        },
      }),
      credentials: { token: `${user}.${secret}` },
      tell: () => undefined,
      once: true,
      signal: life.signal,
    })
  }

  /** The server's time goes on while a module is on. */
  async #keepTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tick()
      this.#waits.endDue(this.clock.now())
      const next = Math.min(...this.needs.live.wakes.values(), this.clock.now() + 30_000)
      await this.clock.sleep(Math.max(1000, next - this.clock.now()), signal).catch(() => undefined)
    }
  }

  #ftpLogin(user: string, password: string): SmallFtpView | null {
    const view = this.#ftp.login(user, password, peer)
    return view === null || view instanceof Promise ? null : seen(view)
  }

  readonly #transport = {
    isReady: () => true,
    close: () => Promise.resolve(),
    send: async ({ to, alphabet, messageClass, data }: OutgoingSms) => {
      await Promise.resolve()
      const coding = encodeDataCoding(alphabet, messageClass)
      if (to === simNumber) this.#radio.deliverFrom(smsNumber, { coding, data })
      return { kind: "accepted", reference: String(++this.#texts) } as const
    },
  }

  async #hearSms(tpdu: Uint8Array): Promise<void> {
    const { to, coding, userData } = decodeFromMobile(tpdu)
    if (numberOf(to) !== smsNumber) return
    const { alphabet, messageClass } = decodeDataCoding(coding)
    const sms = { from: simNumber, to: smsNumber, alphabet, messageClass, header: null, data: userData.data }
    await smsReceiver(this.needs, () => undefined).received(sms)
  }

  get live() {
    const [live] = this.needs.live.devices.values()
    if (live === undefined) throw new Error("no device")
    return live
  }

  /** Whether an update of the device is not over. */
  get isUnderWay(): boolean {
    const { update } = this.live
    return update !== null && !ended.has(update.progress.state)
  }

  /** The device's newest update as stored. */
  async update(): Promise<Update | null> {
    return (await this.store.updatesOfDevice(this.live.device.id, 1))[0] ?? null
  }

  async explain(): Promise<string> {
    return explainDevice(this.needs, this.live, this.live.update ?? (await this.update()))
  }
}

const ended: ReadonlySet<string> = new Set(["succeeded", "failed", "declined", "cancelled", "superseded"])

function testBodyParts(net: MemoryNet, storage: MemoryStorage) {
  return testBody({ net, storage })
}

/** A login as the small FTP server sees it. */
function seen(view: FtpView): SmallFtpView {
  return {
    find: (path) => {
      const node = view.find(path)
      return node?.kind === "file" ? { sizeBytes: node.sizeBytes, open: (from) => node.open(from) } : null
    },
    hear: (verb) => view.hear?.(verb),
    close: () => view.close(),
  }
}
