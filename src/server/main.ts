import { randomBytes, randomInt } from "node:crypto"
import { lookup } from "node:dns/promises"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { FastifyInstance } from "fastify"
import type { Logger } from "pino"
import type { WaftEvent } from "../core/domain/events/table.ts"
import type { Device } from "../core/domain/records.ts"
import { families } from "../core/families/index.ts"
import { LimitHits, type LimitName, limits } from "../core/kit/limits.ts"
import { Emitter } from "../core/kit/emitter.ts"
import { ReleaseTrust } from "../signing/release-trust.ts"
import { buildApi, renewCertificate } from "./api/api-server.ts"
import type { Lab } from "./api/lab.ts"
import { takeBackup } from "./backup.ts"
import { type CertifiedListener, watchCertificates } from "./certificates.ts"
import { every, steadyClock, systemClock } from "./clock.ts"
import {
  type HostPort,
  parseHostPort,
  type ServerConfig,
  StartError,
  type SettingGiven,
  shownSettings,
} from "./config.ts"
import {
  adminToken,
  announce,
  databaseFile,
  forgetFormerRun,
  holdsImages,
  imagesFolder,
  prepareDataFolder,
  socketPath,
} from "./data-folder.ts"
import { DeltaQueue } from "./delta-jobs/delta-queue.ts"
import { startConversations } from "./conversations.ts"
import type { FleetNeeds } from "./fleet/fleet-needs.ts"
import { loadFleet } from "./fleet/load-fleet.ts"
import { watchForDeltas } from "./fleet/make-deltas.ts"
import { advanceByTime } from "./fleet/advance-rollout.ts"
import { continueEnrolments } from "./fleet/continue-enrolments.ts"
import { rollBackDue } from "./fleet/roll-back.ts"
import { makeDueOffers, makeOffers, replanOffers } from "./fleet/make-offers.ts"
import { pauseUnsigned } from "./fleet/release-signatures.ts"
import { noticeSilence, saveContacts, savePolls, saveUptime, settleUndecided } from "./fleet/watch-time.ts"
import { agentGateway, type AgentGatewayNeeds } from "./gateway/agent-gateway.ts"
import { ftpGateway } from "./gateway/ftp-gateway.ts"
import { type HttpGatewayNeeds, httpGateway } from "./gateway/http-gateway.ts"
import { type TransportStats, startMetrics } from "./metrics.ts"
import { isSameText } from "./gateway/is-same-text.ts"
import type { GatewayNeeds } from "./gateway/login-session.ts"
import { WorkWaits } from "./gateway/work-waits.ts"
import type { WaftDatabase } from "./store/database.ts"
import { openImageFiles } from "./store/image-files.ts"
import { errorKind, openLog, type PeerLog, peerLog } from "./quiet-log.ts"
import { firstAdmin } from "./people/caller.ts"
import { openidProvider } from "./people/openid-provider.ts"
import { Passwords } from "./people/passwords.ts"
import { hashOf } from "./people/secrets.ts"
import { callerBySession } from "./people/sessions.ts"
import { callerByToken } from "./people/tokens.ts"
import { openWire } from "./wire-file.ts"
import { reachOf } from "./webhooks/forbidden-addresses.ts"
import { type Message, post as postMessage } from "./webhooks/post.ts"
import { startWebhooks } from "./webhooks/start-webhooks.ts"
import { watchReadiness } from "./readiness.ts"
import { uploadExaminer } from "./upload-jobs/examine-uploads.ts"
import { NewerDatabase, openStore } from "./store/sql-store.ts"
import { openSqlite } from "./store/sqlite-database.ts"
import { startFtpServer } from "./transports/ftp/ftp-server.ts"
import { startDeviceHttp } from "./transports/http/device-http-server.ts"

export type { Lab } from "./api/lab.ts"

/** A server that runs: where it listens, and how to end it. */
export interface RunningServer {
  /** `http` (management), `device-http`, `ftp`: `HOST:PORT` each. */
  readonly listeners: Readonly<Record<string, string>>
  /** Base URL of the management API. */
  readonly url: string
  readonly token: string
  /** Reads every listener's certificate anew; null = none has one. */
  readonly reloadCertificates: (() => Promise<void>) | null
  readonly close: () => Promise<void>
}

/** What whoever starts the server gives it beside its settings. */
export interface Beside {
  /** Virtual devices beside the server; null = they are off. */
  readonly lab: Lab | null
  /** Its settings as they were given, for people to read. */
  readonly settings: readonly SettingGiven[]
}

/** Starts everything; resolves once every listener accepts. Rejects with `StartError` for what the operator can cure. */
export async function startServer(
  config: ServerConfig,
  version: string,
  { lab, settings }: Beside = { lab: null, settings: [] },
): Promise<RunningServer> {
  const hits = new LimitHits()
  const log = openLog(config.logLevel, hits)
  const closers: (() => Promise<void>)[] = []
  const drains: Start["drains"] = []
  const close = async (): Promise<void> => {
    await Promise.all(drains.splice(0).map((drain) => drain(config.drainMs)))
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return {
      ...(await start(config, {
        version,
        lab,
        settings,
        log,
        tell: peerLog(log, hits, () => systemClock.monotonic()),
        hits,
        closers,
        drains,
      })),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Start extends Beside {
  readonly version: string
  readonly log: Logger
  /** Takes what peers cause. */
  readonly tell: PeerLog
  readonly hits: LimitHits
  /** What to end, last first. */
  readonly closers: (() => Promise<void>)[]
  /** What may go on for a while before that, all at once: what devices have begun. */
  readonly drains: ((ms: number) => Promise<void>)[]
}

/** What the listeners of devices need beside the fleet. */
type DeviceSide = Pick<Start, "tell" | "hits" | "drains"> & {
  readonly transports: TransportStats
  /** Takes those that have a certificate. */
  readonly certified: CertifiedListener[]
}

async function start(
  config: ServerConfig,
  { version, lab, settings, log, tell, hits, closers, drains }: Start,
): Promise<Omit<RunningServer, "close">> {
  await prepareDataFolder(config.data)
  const { database, needs } = await openFleet(config, closers)
  await forgetFormerRun(config.data)
  const complain = (what: string, error: unknown): void => log.error({ err: error }, what)
  const token = await adminToken(config.data, () => randomText(40))
  const people = {
    passwords: new Passwords(),
    firstTokenHash: hashOf(token),
    sessionMs: config.sessionMs,
    fourEyes: config.fourEyes,
  }
  const webhooks = beginWebhooks(config, needs, complain)
  closers.push(() => webhooks.end())
  const certified: CertifiedListener[] = []
  const listeners: Record<string, string> = {}
  const transports: TransportStats = { http: new Map() }
  const deviceUrl = (): string => config.deviceUrl ?? `http://${reachable(listeners["device-http"] ?? "")}`
  const deltaMaker = new DeltaQueue({ workers: config.deltaWorkers, memoryLimit: config.deltaMemoryBytes })
  closers.push(() => deltaMaker.close())
  const conversations = await startConversations({
    config,
    needs,
    log,
    hits,
    complain,
    closers,
    listeners,
    reachable,
    listenError,
  })
  transports.sms = conversations.smsSent
  const metrics = startMetrics({ ...needs, hits, transports, version, now: () => systemClock.now() })
  closers.push(async () => metrics.close())
  const api = await buildApi({
    needs: {
      ...conversations.needs,
      deltaMaker,
      complain,
      version,
      lab,
      settings: shownSettings(settings),
      listeners: () => listeners,
      deviceUrl,
      hits,
      examine: uploadExaminer(),
      ...people,
      randomKey: () => randomBytes(32).toString("base64"),
      provider: config.oidc === null ? null : openidProvider(config.oidc, () => systemClock.monotonic()),
      post: webhooks.post,
      stirWebhook: webhooks.stir,
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      backup: () => takeBackup(database, config.data),
      whyNotReady: watchReadiness({ database, folder: config.data, monotonic: () => systemClock.monotonic() }),
    },
    metrics,
    callerBy: (given) =>
      isSameText(given, token)
        ? firstAdmin
        : (callerByToken(needs, given) ?? callerBySession({ ...needs, ...people }, given)),
    cookieName: `waft-${people.firstTokenHash.slice(0, 8)}`,
    hosts: config.httpHosts,
    proxies: config.httpProxies,
    uploadLimitBytes: config.uploadLimitBytes,
    tls: config.httpTls,
    consoleFolder: fileURLToPath(new URL("../../dist/console", import.meta.url)),
    complain,
    later: (deed, ms) => void setTimeout(deed, ms).unref(),
    heartbeat: (beat) => {
      const timer = setInterval(beat, 15_000)
      return () => clearInterval(timer)
    },
  })
  listeners["ftp"] = await startFtp(config, { ...needs, complain }, { tell, hits, drains, transports, certified })
  const waits = new WorkWaits()
  const ftpPort = (): number => config.ftpPublic?.port ?? parseHostPort("ftp", listeners["ftp"] ?? "").port
  const ftpHost = config.ftpPublic?.host ?? config.ftpAdvertise
  const agents = {
    ...needs,
    complain,
    waits,
    hit: hits.hit,
    deviceUrl: config.deviceUrl,
    ftpAddress: { host: ftpHost, port: ftpPort },
  }
  await startDeviceListeners(config, agents, { tell, hits, drains, listeners, transports, certified })
  drains.push(() => Promise.resolve(waits.close()))
  listeners["http"] = await listen(api, config.http)
  closers.push(() => api.close())
  if (config.httpTls !== null) {
    const { files } = config.httpTls
    certified.push({ prefix: "http", files, renew: (texts) => renewCertificate(api, texts) })
  } else warnOfPlainText(config, log)
  const certificates = watchCertificates(certified, {
    say: (sentence) => log.info(sentence),
    warn: (sentence) => log.warn(sentence),
    every,
  })
  closers.push(() => certificates.end())
  startTicking(needs, closers, complain)
  closers.push(every(60_000, () => tellHits(log, hits)))
  conversations.begin()
  closers.push(every(1000, () => waits.endDue(needs.clock.monotonic())))
  await pauseUnsigned(needs)
  await resumeRollouts(needs)
  if (config.deltaWorkers > 0) {
    const end = watchForDeltas({ ...needs, deltaMaker, complain })
    closers.push(async () => end())
  }
  const url = `${config.httpTls === null ? "http" : "https"}://${listeners["http"]}`
  const socket = await listenLocally(api, config.data, closers)
  closers.push(await announce(config.data, { url, socket }))
  return { listeners, url, token, reloadCertificates: certified.length === 0 ? null : certificates.reload }
}

/** Tokens, passwords and cookies would cross a network as they are. */
function warnOfPlainText({ http: { host, port } }: ServerConfig, log: Logger): void {
  if (/^(localhost|127\.[\d.]+|::1)$/.test(host)) return
  log.warn(
    `the management API listens beyond this machine, on ${host}:${port}, without TLS: give it --http-tls-cert and --http-tls-key, or let nobody but a reverse proxy with TLS reach that port`,
  )
}

function beginWebhooks(config: ServerConfig, needs: FleetNeeds, complain: (what: string, error: unknown) => void) {
  const mayReach = reachOf(config.webhookAllow)
  const post = (message: Message): Promise<number> =>
    postMessage(
      { mayReach, resolve: (host) => lookup(host, { all: true }), deadline: (ms) => AbortSignal.timeout(ms) },
      message,
    )
  const later = (ms: number, deed: () => void): (() => void) => {
    const timer = setTimeout(deed, ms)
    return () => clearTimeout(timer)
  }
  return { ...startWebhooks({ ...needs, post, later, complain }), post }
}

async function openFleet(
  config: ServerConfig,
  closers: Start["closers"],
): Promise<{ readonly database: WaftDatabase; readonly needs: FleetNeeds }> {
  const database = openSqlite(join(config.data, databaseFile))
  closers.push(() => database.close())
  const opened = demandTables(config.data, database).then(() => openStore(database, "sqlite"))
  const store = await opened.catch((error: unknown) => {
    if (error instanceof NewerDatabase) {
      throw new StartError(
        `The data folder ${config.data} cannot be used: ${error.message}. Start that version, or restore a backup of before.`,
        { cause: error },
      )
    }
    if (!(error as Error).message.includes("database is locked")) throw error
    throw new StartError(`Another waft server uses the data folder ${config.data}; end it or choose another --data.`, {
      cause: error,
    })
  })
  const images = await openImageFiles({ folder: join(config.data, imagesFolder), cacheBytes: config.imageCacheBytes })
  const claimsOf = ({ family, familyState }: Device): readonly string[] =>
    families.find(({ id }) => id === family)?.conversation?.claims(familyState) ?? []
  const isAstray = ({ family, familyState }: Device): boolean =>
    families.find(({ id }) => id === family)?.conversation?.isAstray(familyState) === true
  const live = await loadFleet(store, systemClock, claimsOf, isAstray)
  live.deviceSpeed = config.deviceSpeed
  const trust = new ReleaseTrust(config.releaseKeys, config.releaseSignatures)
  live.demandsSignatures = config.releaseKeys.length > 0
  live.whyNotOffered = (release) => trust.whyNot(release)
  const events = new Emitter<WaftEvent>()
  const wire = await openWire(config.data, live)
  wire.log.isOn = config.wire
  closers.push(() => wire.keep())
  return {
    database,
    needs: { clock: systemClock, store, images, live, events, randomText, families, wire: wire.log },
  }
}

/** A database without a table beside images that somebody published is another's, or what is left of one. */
async function demandTables(data: string, database: WaftDatabase): Promise<void> {
  const cure = "bring it back with `waft restore`, or start with another --data"
  const { sql, parameters } = database.builder
    .selectFrom("sqlite_master" as never)
    .select(({ fn }) => fn.countAll<number>().as("tables"))
    .compile()
  const [found] = await database
    .query<{ readonly tables: number }>({ sql, parameters } as never)
    .catch((error: unknown) => {
      const { message } = error as Error
      if (!/not a database|malformed/.test(message)) throw error
      throw new StartError(`${join(data, databaseFile)} is no sound database (${message}): ${cure}.`, { cause: error })
    })
  if (found?.tables === 0 && (await holdsImages(data))) {
    throw new StartError(
      `The data folder ${data} was used before, but its database ${databaseFile} has no tables: ${cure}.`,
    )
  }
}

/** Letters and digits that nobody mistakes for one another when typing them into a sketch. */
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("")
}

async function startFtp(
  config: ServerConfig,
  needs: GatewayNeeds,
  { tell, hits, drains, transports, certified }: DeviceSide,
): Promise<string> {
  const { min: minPort, max: maxPort } = config.ftpPassivePorts
  try {
    const ftp = await startFtpServer({
      listen: config.ftp,
      passive: {
        minPort,
        maxPort,
        dataPeer: config.ftpDataPeer,
        ...(config.ftpAdvertise === null ? {} : { advertisedAddress: config.ftpAdvertise }),
      },
      tls: config.ftpTls,
      mustResume: (login) => config.ftpTlsNoResume?.includes(login) === false,
      host: ftpGateway(needs),
      clock: steadyClock,
      limits: { maxSessions: shareOf("ftp.connections") },
      hit: hits.hit,
      log: ({ event, ...rest }) => tell(`ftp: ${event}`, rest),
    })
    drains.push((ms) => ftp.close(ms))
    transports.ftp = () => ftp.stats()
    if (config.ftpTls !== null) {
      certified.push({ prefix: "ftp", files: config.ftpTls.files, renew: (tls) => ftp.renewCertificate(tls) })
    }
    const { host, port } = ftp.address
    return addressText({ address: host, port })
  } catch (error) {
    throw listenError("ftp", config.ftp, error)
  }
}

async function startDeviceListeners(
  config: ServerConfig,
  needs: HttpGatewayNeeds & AgentGatewayNeeds,
  { tell, hits, drains, listeners, transports, certified }: DeviceSide & { readonly listeners: Record<string, string> },
): Promise<void> {
  const host = { ...httpGateway(needs), calls: agentGateway(needs) }
  const { deviceHttp, deviceHttps } = config
  const wanted = [
    { flag: "device-http", listen: deviceHttp, tls: null },
    ...(deviceHttps === null ? [] : [{ flag: "device-https", listen: deviceHttps, tls: deviceHttps }]),
  ]
  for (const { flag, listen, tls } of wanted) {
    try {
      const server = await startDeviceHttp({
        listen: { host: listen.host, port: listen.port },
        tls,
        host,
        clock: steadyClock,
        limits: { maxConnections: shareOf("http.connections") },
        hit: hits.hit,
        // A peer's own bytes stand in its errors, and keys in its bytes: only what kind of error it was is told.
        log: ({ event, error, peer }) =>
          tell(`${flag}: ${event}`, event === "failed" ? { peer, err: error } : { peer, error: errorKind(error) }),
      })
      drains.push((ms) => server.close(ms))
      transports.http.set(flag, () => server.stats())
      if (tls !== null)
        certified.push({ prefix: "device", files: tls.files, renew: (fresh) => server.renewCertificate(fresh) })
      listeners[flag] = addressText({ address: server.address.host, port: server.address.port })
    } catch (error) {
      throw listenError(flag, listen, error)
    }
  }
}

/** Once a minute: what was bounded, and how often. */
function tellHits(log: Logger, hits: LimitHits): void {
  for (const { limit, hits: times } of hits.takeNew()) {
    const { most, unit, says } = limits[limit]
    log.warn({ limit, hits: times }, `limit: ${most} ${unit} ${says}`)
  }
}

/** Descriptors for the database, the images and the management port, whatever devices do. */
const reservedDescriptors = 256

/** Connections of one listener: its limit, or its share of what this process may open. */
function shareOf(limit: LimitName): number {
  const most = openFilesLimit()
  const { most: wanted } = limits[limit]
  // An FTP session may have a data connection beside its own; two listeners speak HTTP.
  return Math.max(64, Math.min(wanted, Math.floor((most - reservedDescriptors) / 5)))
}

function openFilesLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
    return found === undefined ? Number.POSITIVE_INFINITY : Number(found)
  } catch {
    // No such file outside Linux: the limits themselves have to do.
    return Number.POSITIVE_INFINITY
  }
}

/** An address at which others reach a listener on all addresses: the first of this machine that is not loopback. */
function reachable(listener: string): string {
  const port = /^(?:0\.0\.0\.0|\[::\]):(\d+)$/.exec(listener)?.[1]
  if (port === undefined) return listener
  const found = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === "IPv4" && !address.internal)
  return `${found?.address ?? "127.0.0.1"}:${port}`
}

async function listen(api: FastifyInstance, { host, port }: HostPort): Promise<string> {
  try {
    await api.listen({ host, port })
  } catch (error) {
    throw listenError("http", { host, port }, error)
  }
  return addressText(api.server.address() as AddressInfo)
}

/** The API once more, where only the data folder's owner can reach it, whatever happens on the network. */
async function listenLocally(api: FastifyInstance, data: string, closers: Start["closers"]): Promise<string> {
  const { path, end } = await socketPath(data)
  const server = createServer((request, response) => api.routing(request, response))
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await end()
  })
  return path
}

/** Why a listener could not start, with its flag. */
export function listenError(flag: string, { host, port }: HostPort, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: "another program uses that port",
    EACCES: "ports below 1024 need root, or the capability to bind them",
    EADDRNOTAVAIL: "this machine has no such address",
    ENOTFOUND: "the host name is not known",
  }
  const cause = why[code ?? ""] ?? message
  return new StartError(`Cannot listen on ${host}:${port}: ${cause}; choose another with --${flag} HOST:PORT.`, {
    cause: error,
  })
}

function addressText({ address, port }: Pick<AddressInfo, "address" | "port">): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * Last contacts saved every tenth of a second, at most: each such write keeps the only core of a small machine for a
 * millisecond or so, in which no device is answered.
 */
const contactsAtOnce = 200

function startTicking(
  needs: FleetNeeds,
  closers: Start["closers"],
  complain: (what: string, error: unknown) => void,
): void {
  const tick = (intervalMs: number, what: string, deed: () => Promise<void>): void => {
    closers.push(every(intervalMs, () => deed().catch((error: unknown) => complain(what, error))))
  }
  closers.push(() => saveContacts(needs))
  closers.push(() => saveUptime(needs))
  tick(10_000, "the uptime was not saved", () => saveUptime(needs))
  closers.push(() => savePolls(needs))
  tick(5000, "polls of channels were not saved", () => savePolls(needs))
  tick(100, "last contacts were not saved", () => saveContacts(needs, contactsAtOnce))
  tick(1000, "devices were not settled", () => settleUndecided(needs))
  tick(100, "offers were not made", () => makeDueOffers(needs))
  tick(1000, "rollouts did not go on", async () => {
    await advanceByTime(needs)
    await rollBackDue(needs)
    await continueEnrolments(needs)
  })
  tick(1000, "offers were not planned anew", () => replanOffers(needs))
  tick(1000, "silent devices were not noticed", () => noticeSilence(needs))
}

/** Goes on where an earlier run of this server was ended, however it was. */
async function resumeRollouts(needs: FleetNeeds): Promise<void> {
  for (const rollout of needs.live.rollouts.values()) {
    if (rollout.rollout.state === "running") await makeOffers(needs, rollout)
  }
}
