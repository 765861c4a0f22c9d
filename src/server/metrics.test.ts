import { describe, expect, it } from "vitest"
import { newEvent, type WaftEvent } from "../core/domain/events/table.ts"
import { Emitter } from "../core/kit/emitter.ts"
import { LimitHits } from "../core/kit/limits.ts"
import { LiveFleet } from "./fleet/live-fleet.ts"
import { startMetrics, type TransportStats } from "./metrics.ts"

const clock = { now: () => 100_000, monotonic: () => 5, breathe: () => Promise.resolve() }

function metricsOf(transports: TransportStats = { http: new Map() }) {
  const hits = new LimitHits()
  const events = new Emitter<WaftEvent>()
  const live = new LiveFleet(clock)
  const metrics = startMetrics({ live, events, hits, transports, version: "9.9.9", now: clock.now })
  return { hits, events, live, metrics }
}

const told = (seq: number, kind: "update.silence" | "agent.seen" | "update.installed"): WaftEvent =>
  ({ ...newEvent({ at: 1, kind: "device.removed", sentence: "" }), kind, seq, actor: { kind: "engine" } }) as never

describe("the metrics", () => {
  it("count events by kind, and those of agents together", async () => {
    const { events, metrics } = metricsOf()
    events.emit(told(7, "update.silence"))
    events.emit(told(8, "update.silence"))
    events.emit(told(9, "agent.seen"))
    const text = await metrics.text()
    expect(text).toContain('waft_events_total{kind="update.silence"} 2')
    expect(text).toContain('waft_events_total{kind="agent"} 1')
    expect(text).toContain("waft_event_last_number 9")
    metrics.close()
    events.emit(told(10, "update.silence"))
    expect(await metrics.text()).toContain("waft_event_last_number 9")
  })

  it("tell what the transports count, also when it is asked twice", async () => {
    const ftp = () => ({
      sessions: 3,
      loggedIn: 2,
      transfers: 1,
      passiveListeners: 1,
      totals: {
        connections: 9,
        turnedAway: 0,
        logins: 5,
        transfersWhole: 4,
        transfersCut: 1,
        bytesSent: 66_626,
        strayDataConnections: 0,
      },
    })
    const { hits, metrics } = metricsOf({ ftp, http: new Map(), sms: () => 12 })
    hits.hit("ftp.guesses")
    await metrics.text()
    const text = await metrics.text()
    for (const line of [
      "waft_ftp_sessions 3",
      "waft_ftp_logins_total 5",
      'waft_ftp_transfers_total{end="cut"} 1',
      "waft_ftp_sent_bytes_total 66626",
      "waft_sms_sent_total 12",
      'waft_limit_hits_total{limit="ftp.guesses"} 1',
      'waft_info{version="9.9.9"} 1',
      'waft_rollouts{state="paused"} 0',
      "waft_oldest_waiting_rollout_seconds 0",
    ]) {
      expect(text).toContain(`${line}\n`)
    }
  })
})
