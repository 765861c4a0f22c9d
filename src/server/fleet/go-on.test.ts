import { engine } from "../../core/domain/actor.ts"
import { beforeEach, describe, expect, it } from "vitest"
import { firstPlace } from "../../core/domain/marks.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { Device, OutgoingMessage, Update } from "../../core/domain/records.ts"
import type { ConversationInput, ConversationSituation } from "../../core/families/conversation.ts"
import type { Family } from "../../core/families/family.ts"
import { hmacSha256 } from "../../core/kit/hmac-sha256.ts"
import { Emitter } from "../../core/kit/emitter.ts"
import { converse, type ConverseNeeds, findDue, goOn } from "./converse.ts"
import { LiveFleet } from "./live-fleet.ts"
import { MemoryStore } from "./memory-store.testing.ts"
import type { CarrierOutcome } from "./outbox/carrier.ts"
import { Outbox } from "./outbox/outbox.ts"

/** A family whose devices get a message at every step, or none. */
let isTalkative: boolean
let steps: string[]
let handedOver: string[]
let answer: (outcome: CarrierOutcome) => void
let isCarrierReady: boolean
let clock: { wall: number; steady: number }
let needs: ConverseNeeds

const anyAddress = { host: "127.0.0.1", port: 1 }

beforeEach(() => {
  isTalkative = true
  steps = []
  handedOver = []
  isCarrierReady = true
  clock = { wall: 1_700_000_000_000, steady: 1000 }
  const times = { now: () => clock.wall, monotonic: () => clock.steady, breathe: () => Promise.resolve() }
  const store = new MemoryStore()
  const events = new Emitter<WaftEvent>()
  const answered = new Promise<CarrierOutcome>((resolve) => (answer = resolve))
  const send = ({ reference }: OutgoingMessage): Promise<CarrierOutcome> => {
    handedOver.push(reference)
    return answered
  }
  const carrier = { isReady: () => isCarrierReady, send }
  const live = new LiveFleet(times)
  const outbox = new Outbox({
    clock: times,
    store,
    events,
    live,
    carrier,
    tell: async () => undefined,
    complain: () => undefined,
  })
  needs = {
    clock: times,
    store,
    events,
    live,
    outbox,
    families: [family as unknown as Family],
    randomText: (length: number) => "x".repeat(length),
    randomBits: () => 7,
    hmac: hmacSha256,
    reach: () => ({ ftp: anyAddress, tcp: anyAddress, smsNumber: "+1234" }),
  } as unknown as ConverseNeeds
  for (let n = 0; n < 500; n++) live.addDevice(device(`m${n}`))
})

const family = {
  id: "small",
  conversation: {
    step: ({ device: { id }, newTicket }: ConversationSituation, { kind }: ConversationInput) => {
      steps.push(`${id} ${kind}`)
      const message = { via: "sms", reference: `${id}-${steps.length}`, to: "+1", bytes: new Uint8Array(1) } as const
      const send = isTalkative ? [{ ...message, coding: "8-bit-class-0", validitySeconds: 60 }] : []
      const ticket = kind === "asked" ? { ticket: newTicket() } : {}
      return { ...ticket, familyState: noState, send, evidence: [], notes: [], others: [], wakeInMs: "unchanged" }
    },
  },
}
const noState = {}

function device(id: string): Device {
  return {
    id,
    family: "small",
    model: "m",
    labels: {},
    access: { user: id, secret: id },
    familyState: noState,
    running: { version: null, evidence: "unknown" },
    admission: "accepted",
    addedAt: 0,
  }
}

const update: Update = {
  id: "u1",
  version: 1,
  rolloutId: "o1",
  deviceId: "m0",
  releaseId: "r1",
  progress: { state: "offered", attempt: 1, basis: "observed", since: 1, sentence: "s", code: null },
  offer: {},
  image: { sha256: "ab", sizeBytes: 9 },
  offerReason: null,
  pull: freshPull,
  place: firstPlace,
  packageId: null,
  ticket: { user: "first", secret: "first secret" },
}

function tellAll(): void {
  for (const live of needs.live.devices.values()) needs.live.offerNews.add(live)
}

it("a step that renews its offer's credentials makes those before it worthless, and is saved", async () => {
  const [live] = needs.live.devices.values()
  if (live === undefined) throw new Error("no device")
  await needs.store.commit(engine, [{ put: "update", update }])
  needs.live.setUpdate(update)
  await converse(needs, live, { kind: "offered" })
  expect([...needs.live.tickets.keys()]).toEqual(["first"])
  await converse(needs, live, { kind: "asked", request: "anything" })
  const renewed = { user: "x".repeat(12), secret: "x".repeat(12) }
  expect([...needs.live.tickets.keys()]).toEqual([renewed.user])
  expect((await needs.store.updatesOfDevice("m0", 1)).map(({ ticket }) => ticket)).toEqual([renewed])
})

describe("conversations that begin together", () => {
  it("begin no faster than their messages leave, and leave room for who has spoken", async () => {
    tellAll()
    await goOn(needs)
    await goOn(needs)
    expect(handedOver).toHaveLength(10)
    const [speaker] = needs.live.devices.values()
    if (speaker === undefined) throw new Error("no device")
    await converse(needs, speaker, { kind: "message", via: "sms", from: "+1", bytes: new Uint8Array(1) })
    expect(handedOver.at(-1)).toMatch(/^m0-/)
    expect(handedOver).toHaveLength(11)
    answer({ kind: "accepted", carrierReference: "c" })
    while (needs.live.offerNews.size > 0) {
      await goOn(needs)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(handedOver).toHaveLength(501)
  })

  it("go on at once when they need no message, and slowly while no message can leave", async () => {
    isTalkative = false
    tellAll()
    await goOn(needs)
    expect(steps).toHaveLength(200)
    isTalkative = true
    isCarrierReady = false
    for (let call = 0; call < 4; call++) await goOn(needs)
    expect(steps).toHaveLength(240)
  })

  it("are woken when their time has come, but not one that has been put off meanwhile", async () => {
    const [early, putOff, late] = needs.live.devices.values()
    if (early === undefined || putOff === undefined || late === undefined) throw new Error("no devices")
    for (const live of [early, putOff]) needs.live.wakes.set(live, 2000)
    needs.live.wakes.set(late, 9000)
    clock.steady = 2000
    findDue(needs)
    needs.live.wakes.set(putOff, 5000)
    await goOn(needs)
    expect(steps).toEqual(["m0 time-passed"])
    expect([...needs.live.wakes.keys()].map(({ device: { id } }) => id)).toEqual(["m1", "m2"])
  })
})
