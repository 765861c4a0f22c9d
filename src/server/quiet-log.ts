import { type Logger, pino } from "pino"
import { shownInJson } from "../core/kit/clean-text.ts"
import { type LimitHits, limits } from "../core/kit/limits.ts"

/** The server's log on standard error. A reader that has stopped costs a buffer, not the machine. */
export function openLog(level: string, hits: LimitHits): Logger {
  const destination = pino.destination({ dest: 2, sync: false, maxLength: limits["log.buffer"].most })
  destination.on("drop", () => hits.hit("log.buffer"))
  // What peers named may stand in a line.
  return pino({ level, base: null, hooks: { streamWrite: shownInJson } }, destination)
}

/** Takes a line about something that a peer caused. */
export type PeerLog = (topic: string, fields: Readonly<Record<string, unknown>>) => void

/** Lines that peers can cause as often as they like: so many of a kind a minute, the rest is counted. */
export function peerLog(log: Logger, hits: LimitHits, monotonic: () => number): PeerLog {
  const topics = new Map<string, { until: number; lines: number }>()
  return (topic, fields) => {
    const now = monotonic()
    let seen = topics.get(topic)
    if (seen === undefined || seen.until <= now) {
      seen = { until: now + 60_000, lines: 0 }
      topics.set(topic, seen)
    }
    if (++seen.lines > limits["log.lines"].most) hits.hit("log.lines")
    else log.warn(fields, topic)
  }
}

/** What of an error may stand in a log that peers fill: its kind, none of their bytes. */
export function errorKind(error: unknown): string | undefined {
  if (error === undefined) return undefined
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  return typeof code === "string" ? code : typeof name === "string" ? name : "unknown"
}
