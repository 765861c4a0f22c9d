/** One bound on what others may cost this server. */
export interface Limit {
  readonly most: number
  readonly unit: string
  /** What is bounded, and what happens beyond it. */
  readonly says: string
}

/** Every bound that a peer can meet, by name: `waft limits` shows how often each was. */
export const limits = {
  "ftp.connections": {
    most: 20_000,
    unit: "control connections",
    says: "in all; the address with most strangers gives one, else 421",
  },
  "ftp.connections-per-address": {
    most: 10_000,
    unit: "control connections",
    says: "of one address; its oldest stranger gives way, else 421",
  },
  "ftp.strangers-per-address": {
    most: 256,
    unit: "control connections",
    says: "of one address that nobody logged in on; the oldest that is silent gives way",
  },
  "ftp.sessions-per-login": {
    most: 1000,
    unit: "sessions",
    says: "of one login (a device has 8, a channel 5,000); the one idle longest gives way, else 421",
  },
  "ftp.guesses": {
    most: 4,
    unit: "passwords a minute",
    says: "of one login in the long run; others wait, or are answered without being looked at",
  },
  "ftp.passive-share": {
    most: 0.25,
    unit: "of the passive ports",
    says: "held by one login at one address, at least 8; else 425",
  },
  "http.connections": {
    most: 20_000,
    unit: "connections",
    says: "of devices and agents; the address with most strangers gives one, else a reset",
  },
  "http.connections-per-address": {
    most: 10_000,
    unit: "connections",
    says: "of one address; its oldest stranger gives way, else a reset",
  },
  "http.strangers-per-address": {
    most: 256,
    unit: "connections",
    says: "of one address that are known by nothing they asked for; the oldest gives way",
  },
  "http.transfers-per-login": {
    most: 8,
    unit: "transfers",
    says: "of one device at once (a channel has 5,000); the one that was begun longest ago is reset",
  },
  "http.bodies": {
    most: 16 * 1024 * 1024,
    unit: "bytes",
    says: "of bodies that are being read from devices; the one that was begun longest ago gives way",
  },
  "wire.bytes": { most: 32 * 1024 * 1024, unit: "bytes", says: "of transcripts in all; the oldest is forgotten" },
  "wire.sessions-per-device": { most: 8, unit: "contacts", says: "of one device are kept; the oldest is forgotten" },
  "wire.session-bytes": { most: 16_384, unit: "bytes", says: "of one contact are kept; what follows is counted" },
  "wire.lines": { most: 200, unit: "lines", says: "of one contact are kept; those that follow are counted" },
  "wire.line-chars": { most: 400, unit: "characters", says: "of one line are kept" },
  "wire.days": { most: 14, unit: "days", says: "a contact is shown" },
  "http.bad-requests": { most: 8192, unit: "bytes of a request's head", says: "what is longer or no HTTP is refused" },
  "http.pipelined": {
    most: 16,
    unit: "requests",
    says: "of one connection ahead of their answers; it is reset",
  },
  "tcp.connections": {
    most: 20_000,
    unit: "connections",
    says: "of modules with messages; the address with most strangers gives one, else a reset",
  },
  "tcp.connections-per-address": {
    most: 10_000,
    unit: "connections",
    says: "of one address; its oldest stranger gives way, else a reset",
  },
  "tcp.strangers-per-address": {
    most: 256,
    unit: "connections",
    says: "of one address without one whole message; the oldest gives way",
  },
  "enrolment.pending": {
    most: 1000,
    unit: "devices",
    says: "of one enrolment that wait to be accepted; the next is refused with 429",
  },
  "enrolment.accepted": {
    most: 100_000,
    unit: "devices",
    says: "of one enrolment that accepts by itself; the next is refused with 429",
  },
  "events.streams": {
    most: 256,
    unit: "streams",
    says: "of the event log that are open; the next is refused with 429",
  },
  "events.backlog": {
    most: 1 << 20,
    unit: "bytes",
    says: "of events that wait for one stream's reader; it is closed with the number to go on from",
  },
  "events.backlog-total": {
    most: 32 << 20,
    unit: "bytes",
    says: "of events that wait for all streams' readers; those for whom most waits are closed",
  },
  "login.guesses": {
    most: 4,
    unit: "passwords a minute",
    says: "of one user in the long run; others wait, or are answered with 429 without being looked at",
  },
  "login.provider": {
    most: 16,
    unit: "sign-ins",
    says: "that wait for the identity provider's answer at a time; further ones come again",
  },
  "login.waiting": { most: 64, unit: "logins", says: "that wait for their turn; further ones are answered with 503" },
  "device.events": {
    most: 30,
    unit: "events a minute",
    says: "about a device that waits to be accepted; further ones are counted into one",
  },
  "device.notes": {
    most: 60,
    unit: "notes a minute",
    says: "of the agent beside a device; further ones are refused with 429",
  },
  "device.reports": {
    most: 240,
    unit: "reports a minute",
    says: "of one login over HTTP; further ones are refused with 429",
  },
  "sms.unreadable": {
    most: 60,
    unit: "messages an hour",
    says: "that cannot be read are kept as events; further ones are counted",
  },
  "api.connections": {
    most: 512,
    unit: "connections",
    says: "of callers over TCP; further ones are closed (the socket in the data folder has its own)",
  },
  "api.bodies": {
    most: 64,
    unit: "bodies",
    says: "that are read at the same time, within the memory for one file as large as may be published and 64 MB; else 503",
  },
  "sms.per-number-day": { most: 24, unit: "messages a day", says: "to one number; further ones are not sent" },
  "sms.per-day": { most: 20_000, unit: "messages a day", says: "in all; further ones are not sent" },
  "sms.number": { most: 0, unit: "messages", says: "to numbers outside the allowed ranges" },
  "log.lines": { most: 30, unit: "lines a minute", says: "about one kind of thing that peers cause; more are counted" },
  "log.buffer": {
    most: 1 << 20,
    unit: "bytes",
    says: "of log that wait for a reader who has stopped; further lines are dropped and counted",
  },
} as const satisfies Readonly<Record<string, Limit>>

export type LimitName = keyof typeof limits

/** How often each limit was met since the start. */
export class LimitHits {
  readonly #hits = new Map<LimitName, number>()
  readonly #told = new Map<LimitName, number>()

  /** To be handed in where a limit is met. */
  readonly hit = (name: LimitName, times = 1): void => {
    this.#hits.set(name, (this.#hits.get(name) ?? 0) + times)
  }

  count(name: LimitName): number {
    return this.#hits.get(name) ?? 0
  }

  /** What was met since the last call. */
  takeNew(): readonly { readonly limit: LimitName; readonly hits: number }[] {
    const found = [...this.#hits].map(([limit, hits]) => ({ limit, hits: hits - (this.#told.get(limit) ?? 0) }))
    for (const [limit, hits] of this.#hits) this.#told.set(limit, hits)
    return found.filter(({ hits }) => hits > 0)
  }
}
