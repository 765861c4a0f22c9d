import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client"
import type { WaftEvent } from "../core/domain/events/table.ts"
import { type UpdateState, updateStates } from "../core/domain/update.ts"
import type { Emitter } from "../core/kit/emitter.ts"
import { type LimitHits, type LimitName, limits } from "../core/kit/limits.ts"
import type { LiveFleet } from "./fleet/live-fleet.ts"
import type { LiveRollout } from "./fleet/live-rollout.ts"
import type { FtpStats } from "./transports/ftp/ftp-server.ts"
import type { HttpStats } from "./transports/http/device-http-server.ts"

/** What the transports count by themselves; absent = that listener is off. */
export interface TransportStats {
  ftp?: () => FtpStats
  /** By listener: `device-http`, `device-https`. */
  readonly http: Map<string, () => HttpStats>
  /** Short messages handed to the carrier since the start. */
  sms?: () => number
}

export interface MetricsNeeds {
  readonly live: Pick<LiveFleet, "devices" | "rollouts">
  readonly events: Pick<Emitter<WaftEvent>, "listen">
  readonly hits: Pick<LimitHits, "count">
  readonly transports: TransportStats
  readonly version: string
  /** The date, ms since 1970 UTC. */
  readonly now: () => number
}

/** What a monitoring system reads: everything is counted where it happens, and nothing is counted anew when somebody asks. */
export interface Metrics {
  /** `text/plain; version=0.0.4`, as Prometheus reads it. */
  readonly contentType: string
  readonly text: () => Promise<string>
  readonly close: () => void
}

export function startMetrics(needs: MetricsNeeds): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: "waft_" })
  const gauge = gauges(registry)
  const counter = counters(registry)
  gauge("info", "The program that runs; always 1.", ["version"], () => [[1, needs.version]])
  gauge("devices", "Devices on record.", [], () => [[needs.live.devices.size]])
  rolloutMetrics(needs, gauge)
  transportMetrics(needs.transports, gauge, counter)
  counter("limit_hits_total", "How often each bound on what peers may cost was met.", ["limit"], () =>
    Object.keys(limits).map((limit) => [needs.hits.count(limit as LimitName), limit]),
  )
  const close = eventMetrics(needs, registry)
  return { contentType: registry.contentType, text: () => registry.metrics(), close }
}

/** A value with those of its labels. */
type Sample = readonly [value: number, ...labels: string[]]
type Make = (name: string, help: string, labels: readonly string[], collect: () => readonly Sample[]) => void

function gauges(registry: Registry): Make {
  return (name, help, labelNames, collect) =>
    void new Gauge({
      name: `waft_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const [value, ...labels] of collect()) this.set(labelled(labelNames, labels), value)
      },
    })
}

/** Counters that are kept elsewhere: what they say is what is told. */
function counters(registry: Registry): Make {
  return (name, help, labelNames, collect) =>
    void new Counter({
      name: `waft_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset()
        for (const [value, ...labels] of collect()) this.inc(labelled(labelNames, labels), value)
      },
    })
}

function labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]))
}

function rolloutMetrics({ live, now }: MetricsNeeds, gauge: Make): void {
  const open = (): readonly LiveRollout[] =>
    [...live.rollouts.values()].filter(({ rollout: { state } }) => state === "running" || state === "paused")
  gauge("rollouts", "Rollouts by state.", ["state"], () => {
    const found = new Map<string, number>([
      ["running", 0],
      ["paused", 0],
    ])
    for (const { rollout } of live.rollouts.values()) found.set(rollout.state, (found.get(rollout.state) ?? 0) + 1)
    return [...found].map(([state, count]) => [count, state])
  })
  gauge("updates", "Updates of the rollouts that are running or paused, by state.", ["state"], () => {
    const found = new Map<UpdateState, number>(Object.keys(updateStates).map((state) => [state as UpdateState, 0]))
    for (const { book } of open()) {
      for (const { counts } of book.phases) {
        for (const [state, count] of Object.entries(counts)) {
          found.set(state as UpdateState, (found.get(state as UpdateState) ?? 0) + count)
        }
      }
    }
    return [...found].map(([state, count]) => [count, state])
  })
  gauge(
    "oldest_waiting_rollout_seconds",
    "For how long the oldest rollout that still has waiting devices has been running; 0 = none has.",
    [],
    () => {
      const starts = open()
        .filter(({ book }) => book.phases.some(({ counts }) => (counts.waiting ?? 0) > 0))
        .map(({ rollout }) => rollout.startedAt)
      return [[starts.length === 0 ? 0 : Math.max(0, (now() - Math.min(...starts)) / 1000)]]
    },
  )
  for (const what of ["bytes", "sms", "money"] as const) {
    gauge(
      `rollout_spent_${what}`,
      `What the rollouts that are running or paused have spent: ${what}.`,
      ["rollout"],
      () => open().map(({ book, rollout }) => [book.spent[what], rollout.id]),
    )
  }
}

function transportMetrics({ ftp, http, sms }: TransportStats, gauge: Make, counter: Make): void {
  const ofFtp = (read: (stats: FtpStats) => Sample[]) => () => (ftp === undefined ? [] : read(ftp()))
  const ofHttp = (read: (stats: HttpStats) => number) => () =>
    [...http].map(([listener, stats]): Sample => [read(stats()), listener])
  gauge(
    "ftp_sessions",
    "FTP control connections now.",
    [],
    ofFtp(({ sessions }) => [[sessions]]),
  )
  gauge(
    "ftp_sessions_logged_in",
    "Those of them that are logged in.",
    [],
    ofFtp(({ loggedIn }) => [[loggedIn]]),
  )
  gauge(
    "ftp_transfers",
    "FTP transfers that run.",
    [],
    ofFtp(({ transfers }) => [[transfers]]),
  )
  counter(
    "ftp_logins_total",
    "FTP logins.",
    [],
    ofFtp(({ totals }) => [[totals.logins]]),
  )
  counter(
    "ftp_transfers_total",
    "FTP transfers by their end.",
    ["end"],
    ofFtp(({ totals }) => [
      [totals.transfersWhole, "whole"],
      [totals.transfersCut, "cut"],
    ]),
  )
  counter(
    "ftp_sent_bytes_total",
    "Bytes sent to devices over FTP.",
    [],
    ofFtp(({ totals }) => [[totals.bytesSent]]),
  )
  gauge(
    "http_connections",
    "Connections of devices over HTTP.",
    ["listener"],
    ofHttp(({ connections }) => connections),
  )
  gauge(
    "http_transfers",
    "Transfers to devices over HTTP that run.",
    ["listener"],
    ofHttp(({ transfers }) => transfers),
  )
  counter(
    "http_requests_total",
    "Requests of devices.",
    ["listener"],
    ofHttp(({ totals }) => totals.requests),
  )
  counter("http_transfers_total", "Transfers over HTTP by their end.", ["listener", "end"], () =>
    [...http].flatMap(([listener, stats]): Sample[] => [
      [stats().totals.transfersWhole, listener, "whole"],
      [stats().totals.transfersCut, listener, "cut"],
    ]),
  )
  counter(
    "http_sent_bytes_total",
    "Bytes sent to devices over HTTP.",
    ["listener"],
    ofHttp(({ totals }) => totals.bytesSent),
  )
  counter("sms_sent_total", "Short messages handed to the carrier.", [], () => (sms === undefined ? [] : [[sms()]]))
}

/** Events by kind, as they are told; and the last running number, which those who follow compare with their own. */
function eventMetrics({ events }: MetricsNeeds, registry: Registry): () => void {
  const kinds = new Counter({
    name: "waft_events_total",
    help: "Events by kind since the start.",
    labelNames: ["kind"],
    registers: [registry],
  })
  const last = new Gauge({
    name: "waft_event_last_number",
    help: "Running number of the last event.",
    registers: [registry],
  })
  return events.listen(({ kind, seq }) => {
    // Agents and conversations name their own kinds: by family, not by what a device says.
    kinds.inc({ kind: kind.startsWith("agent.") ? "agent" : kind.startsWith("conversation.") ? "conversation" : kind })
    last.set(seq)
  })
}
