import { createHmac, randomInt } from "node:crypto"
import type { Logger } from "pino"
import { every, steadyClock } from "./clock.ts"
import { type HostPort, parseHostPort, type ServerConfig } from "./config.ts"
import { type ConverseNeeds, findDue, goOn, wakeAfterRestart } from "./fleet/converse.ts"
import type { FleetNeeds } from "./fleet/fleet-needs.ts"
import { Outbox } from "./fleet/outbox/outbox.ts"
import type { LimitHits } from "../core/kit/limits.ts"
import { allowedNumbers, SmsBudget } from "./fleet/sms-budget.ts"
import { messageGateway } from "./gateway/message-gateway.ts"
import { smsCarrier, smsReceiver, tellFate } from "./gateway/sms-gateway.ts"
import type { SmsTransport } from "./transports/sms/sms-transport.ts"
import { startSms } from "./start-sms.ts"
import { isNew } from "./gateway/strangers.ts"
import { errorKind } from "./quiet-log.ts"
import { startMessageServer } from "./transports/tcp/message-server.ts"

export interface ConversationsStart {
  readonly config: ServerConfig
  readonly needs: FleetNeeds
  readonly log: Logger
  readonly hits: LimitHits
  readonly complain: (what: string, error: unknown) => void
  /** What to end, last first. */
  readonly closers: (() => Promise<void>)[]
  readonly listeners: Record<string, string>
  /** Address at which other machines reach a listener. */
  readonly reachable: (listener: string) => string
  readonly listenError: (flag: string, address: HostPort, error: unknown) => Error
}

export interface Conversations {
  readonly needs: ConverseNeeds
  /** Short messages handed to the carrier since the start. */
  readonly smsSent: () => number
  /** Begins to talk, once every listener is up. */
  readonly begin: () => void
}

/** Starts what devices exchange messages by: the outbox, the SMS transport, the TCP listener. */
export async function startConversations(start: ConversationsStart): Promise<Conversations> {
  let transport: SmsTransport | null = null
  const budget = budgetOf(start)
  const carrier = smsCarrier(
    () => transport,
    budget,
    ({ deviceId, reference }, words) => start.needs.wire?.note(deviceId, "sms", `message ${reference} ${words}`),
  )
  const outbox: Outbox = new Outbox({
    ...start.needs,
    carrier,
    complain: start.complain,
    tell: (fate) => tellFate(needs)(fate),
  })
  const needs: ConverseNeeds = {
    ...start.needs,
    outbox,
    randomBits: () => randomInt(2 ** 32),
    hmac: (key, message) => createHmac("sha256", key).update(message).digest(),
    reach: reachOf(start),
  }
  await outbox.resume()
  const strange = (from: string): void => start.log.warn({ from }, "a message of no device that this server knows")
  const carrierNow = startSms({ ...start, receiver: smsReceiver({ ...needs, hit: start.hits.hit }, strange) })
  transport = carrierNow
  if (carrierNow !== null) start.closers.push(() => carrierNow.close())
  start.closers.push(() => outbox.close())
  await listenTcp(start, needs, strange)
  return { needs, smsSent: () => budget.total, begin: () => tick(start, needs) }
}

function budgetOf({ config, needs, hits }: ConversationsStart): SmsBudget {
  const { smsAllow, smsNumber } = config
  return new SmsBudget({
    allowed: allowedNumbers(smsAllow, smsNumber),
    perDay: config.smsPerDay,
    monotonic: () => needs.clock.monotonic(),
    hit: hits.hit,
  })
}

async function listenTcp(
  { config, closers, listeners, log, hits, listenError }: ConversationsStart,
  needs: ConverseNeeds,
  strange: (peer: string) => void,
): Promise<void> {
  if (config.deviceTcp === null || !needs.families.some(({ conversation }) => conversation !== undefined)) return
  const told = new Set<string>()
  try {
    const server = await startMessageServer({
      listen: config.deviceTcp,
      host: messageGateway(needs, strange),
      clock: steadyClock,
      hit: hits.hit,
      log: ({ event, error, peer }) => {
        // What anybody can cause as often as he likes is told once each.
        if (event !== "failed" && !isNew(told, `${event} ${peer}`)) return
        log.warn(
          { peer, ...(event === "failed" ? { err: error } : { error: errorKind(error) }) },
          `device-tcp: ${event}`,
        )
      },
    })
    closers.push(() => server.close())
    const { host, port } = server.address
    listeners["device-tcp"] = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
  } catch (error) {
    throw listenError("device-tcp", config.deviceTcp, error)
  }
}

/** Devices are told where to come; what an operator set wins over what this machine knows of itself. */
function reachOf({ config, listeners, reachable }: ConversationsStart): ConverseNeeds["reach"] {
  const own = (name: string): HostPort => parseHostPort(name, reachable(listeners[name] ?? "127.0.0.1:0"))
  return () => {
    const ftp = own("ftp")
    return {
      ftp: config.ftpPublic ?? { host: config.ftpAdvertise ?? ftp.host, port: ftp.port },
      tcp: config.deviceTcpPublic ?? own("device-tcp"),
      smsNumber: config.smsNumber,
    }
  }
}

function tick({ closers, complain }: ConversationsStart, needs: ConverseNeeds): void {
  const run = (intervalMs: number, what: string, deed: () => Promise<void>): void => {
    closers.push(every(intervalMs, () => deed().catch((error: unknown) => complain(what, error))))
  }
  wakeAfterRestart(needs)
  run(50, "conversations did not go on", () => goOn(needs))
  closers.push(every(1000, () => findDue(needs)))
  run(1000, "messages were not looked after", () => needs.outbox.tick())
  needs.outbox.kick()
}
