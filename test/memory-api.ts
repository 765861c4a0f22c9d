import type { FastifyInstance } from "fastify"
import { tokenActor } from "../src/core/domain/actor.ts"
import type { WaftEvent } from "../src/core/domain/events/table.ts"
import type { Release } from "../src/core/domain/records.ts"
import type { FourEyesDeed } from "../src/core/domain/people.ts"
import { families } from "../src/core/families/index.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import { hmacSha256 } from "../src/core/kit/hmac-sha256.ts"
import { LimitHits } from "../src/core/kit/limits.ts"
import { buildApi } from "../src/server/api/api-server.ts"
import type { ApiNeeds } from "../src/server/api/api-needs.ts"
import type { OnBehalf } from "../src/server/fleet/fleet-needs.ts"
import { loadFleet } from "../src/server/fleet/load-fleet.ts"
import { MemoryStore } from "../src/server/fleet/memory-store.testing.ts"
import { Outbox } from "../src/server/fleet/outbox/outbox.ts"
import { firstAdmin } from "../src/server/people/caller.ts"
import { Passwords } from "../src/server/people/passwords.ts"
import { hashOf } from "../src/server/people/secrets.ts"
import { callerBySession } from "../src/server/people/sessions.ts"
import { callerByToken } from "../src/server/people/tokens.ts"

/** The management API over a store in memory, without a socket. The admin token is `right`. */
export interface MemoryApi {
  readonly api: FastifyInstance
  readonly needs: ApiNeeds & OnBehalf
  readonly store: MemoryStore
  readonly complaints: readonly string[]
  /** The moment of every stream's heartbeat. */
  readonly beat: () => void
  /** What callers had to wait for, ms. */
  readonly pauses: readonly number[]
  /** The date, ms since 1970 UTC. */
  now: number
  /** What a second person has to approve. */
  readonly fourEyes: Set<FourEyesDeed>
  /** Why the server says that it cannot write; null = it can. */
  notReady: string | null
}

/** A release of motes, for tests that fetch none of it. */
export const moteRelease: Release = {
  id: "r-1",
  family: "waspmote",
  version: "2",
  source: null,
  models: [],
  image: { sha256: "0".repeat(64), sizeBytes: 10 },
  fileName: "PROG001",
  details: {},
  notes: [],
  state: "active",
  publishedAt: 1,
}

export async function memoryApi(store = new MemoryStore(), provider: ApiNeeds["provider"] = null): Promise<MemoryApi> {
  const complaints: string[] = []
  const pauses: number[] = []
  const complain = (what: string): void => void complaints.push(what)
  const own = { now: 1_700_000_000_000, notReady: null as string | null, fourEyes: new Set<FourEyesDeed>() }
  const clock = { now: () => own.now, monotonic: () => 5, breathe: () => Promise.resolve() }
  const events = new Emitter<WaftEvent>()
  let texts = 0
  const live = await loadFleet(store, clock)
  const outbox = new Outbox({
    clock,
    live,
    store,
    events,
    carrier: { isReady: () => false, send: () => Promise.resolve({ kind: "not-sent", words: "no carrier" }) },
    tell: () => Promise.resolve(),
    complain,
  })
  const beats = new Set<() => void>()
  const noDisk = () => Promise.reject(new Error("no disk"))
  const needs: ApiNeeds & OnBehalf = {
    actor: tokenActor("admin"),
    clock,
    store,
    images: { put: noDisk, open: noDisk, discard: () => Promise.resolve() },
    live,
    events,
    outbox,
    randomBits: () => 7,
    hmac: hmacSha256,
    reach: () => ({ ftp: { host: "127.0.0.1", port: 1 }, tcp: { host: "127.0.0.1", port: 2 }, smsNumber: "" }),
    randomText: (length) => String(++texts).padStart(length, "a"),
    families,
    version: "9.9.9",
    listeners: () => ({ http: "127.0.0.1:1" }),
    deviceUrl: () => "http://127.0.0.1:1",
    hits: new LimitHits(),
    backup: noDisk,
    passwords: new Passwords(),
    firstTokenHash: hashOf("right"),
    sessionMs: 3_600_000,
    fourEyes: own.fourEyes,
    provider,
    randomKey: () => "k".repeat(43).concat("="),
    post: () => Promise.resolve(204),
    stirWebhook: () => undefined,
    pause: (ms) => {
      pauses.push(ms)
      return Promise.resolve()
    },
    whyNotReady: () => Promise.resolve(own.notReady),
    deltaMaker: {
      make: () => Promise.resolve(null),
      progress: () => null,
      cancel: () => Promise.resolve(false),
      forget: () => undefined,
    },
    complain,
    settings: [],
    lab: null,
  }
  const api = await buildApi({
    needs,
    metrics: { contentType: "text/plain", text: () => Promise.resolve("waft_devices 0\n") },
    callerBy: (token) =>
      token === "right" ? firstAdmin : (callerByToken(needs, token) ?? callerBySession(needs, token)),
    cookieName: "waft-test",
    hosts: ["ota.example.com"],
    proxies: ["203.0.113.1"],
    uploadLimitBytes: 1000,
    tls: null,
    consoleFolder: "/nonexistent",
    complain,
    heartbeat: (beat) => {
      beats.add(beat)
      return () => beats.delete(beat)
    },
    later: (deed, ms) => void setTimeout(deed, ms),
  })
  const beat = (): void => {
    for (const one of beats) one()
  }
  return Object.assign(own, { api, needs, store, complaints, pauses, beat })
}
