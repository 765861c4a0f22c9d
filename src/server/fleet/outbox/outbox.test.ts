import { LiveFleet } from "../live-fleet.ts"
import { engine } from "../../../core/domain/actor.ts"
import { beforeEach, describe, expect, it } from "vitest"
import type { WaftEvent } from "../../../core/domain/events/table.ts"
import type { OutgoingMessage } from "../../../core/domain/records.ts"
import { Emitter } from "../../../core/kit/emitter.ts"
import { MemoryStore } from "../memory-store.testing.ts"
import type { CarrierOutcome, MessageFate } from "./carrier.ts"
import { Outbox } from "./outbox.ts"

/** A carrier that answers as it is told, and notes what it was handed. */
class Carrier {
  readonly sent: string[] = []
  ready = true
  answers: CarrierOutcome[] = []
  /** Called while a message is being handed over. */
  meanwhile: (reference: string) => Promise<void> = () => Promise.resolve()
  isReady = (): boolean => this.ready
  send = async ({ reference }: OutgoingMessage): Promise<CarrierOutcome> => {
    this.sent.push(reference)
    await this.meanwhile(reference)
    return this.answers.shift() ?? { kind: "accepted", carrierReference: `c-${reference}` }
  }
}

let store: MemoryStore
let carrier: Carrier
let fates: MessageFate[]
let clock: { wall: number; steady: number }
let heard: WaftEvent[]

function newOutbox(): Outbox {
  const events = new Emitter<WaftEvent>()
  events.listen((event) => heard.push(event))
  const times = { now: () => clock.wall, monotonic: () => clock.steady, breathe: () => Promise.resolve() }
  return new Outbox({
    clock: times,
    live: new LiveFleet(times),
    store,
    events,
    carrier,
    tell: (fate) => {
      fates.push(fate)
      return Promise.resolve()
    },
    complain: () => undefined,
  })
}

const message = (reference: string): OutgoingMessage => ({
  reference,
  deviceId: "m1",
  to: "+39335475718",
  payload: "AQI=",
  coding: "8-bit-class-0",
  validitySeconds: 600,
  createdAt: clock.wall,
  state: "waiting",
  carrierReference: null,
  sentAt: null,
})

async function post(outbox: Outbox, ...references: string[]): Promise<void> {
  for (const reference of references) {
    await store.commit(engine, [{ put: "message", message: message(reference) }])
    outbox.add(message(reference))
  }
  outbox.kick()
  await settled()
}

async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

const states = async (): Promise<string[]> =>
  (await store.messages()).map(({ reference, state }) => `${reference} ${state}`)
const fateWords = (): string[] => fates.map(({ message, status, detail }) => `${message.reference} ${status} ${detail}`)

beforeEach(() => {
  store = new MemoryStore()
  carrier = new Carrier()
  fates = []
  heard = []
  clock = { wall: 1_700_000_000_000, steady: 10 }
})

describe("the outbox", () => {
  it("keeps a message as a row until its receipt, then forgets it", async () => {
    const outbox = newOutbox()
    await post(outbox, "a")
    expect(await states()).toEqual(["a sent"])
    await outbox.statusChanged("c-a", "delivered", "DELIVRD")
    expect(fateWords()).toEqual(["a delivered DELIVRD"])
    expect(await states()).toEqual([])
  })

  it("saves a message that can leave at once as one that may have left, and any other as waiting", async () => {
    const outbox = newOutbox()
    expect(outbox.firstState()).toBe("sending")
    const sending = { ...message("a"), state: "sending" as const }
    await store.commit(engine, [{ put: "message", message: sending }])
    const commits = store.commits
    outbox.add(sending)
    outbox.kick()
    await settled()
    expect(await states()).toEqual(["a sent"])
    expect(store.commits).toBe(commits + 1)
    carrier.ready = false
    expect(outbox.firstState()).toBe("waiting")
  })

  it("hands over answers before others, and only ten others at a time", async () => {
    const outbox = newOutbox()
    let release = (): void => undefined
    const isReleased = new Promise<void>((resolve) => (release = resolve))
    carrier.meanwhile = () => isReleased
    const others = Array.from({ length: 30 }, (_, index) => `other-${index}`)
    await post(outbox, ...others)
    expect(carrier.sent).toEqual(others.slice(0, 10))
    expect([outbox.room(), outbox.firstState(), outbox.firstState(true)]).toEqual(["none", "waiting", "sending"])
    outbox.add(message("answer"), true)
    outbox.kick()
    await settled()
    expect(carrier.sent.slice(10)).toEqual(["answer"])
    release()
    for (let i = 0; i < 10; i++) await settled()
    expect(carrier.sent.slice(11)).toEqual(others.slice(10))
    expect(outbox.room()).toBe("some")
  })

  it("has room while little waits, and says when the carrier is away", async () => {
    const outbox = newOutbox()
    carrier.ready = false
    await post(outbox, ...Array.from({ length: 9 }, (_, index) => `m${index}`))
    expect(outbox.room()).toBe("some")
    await post(outbox, "m9")
    expect(outbox.room()).toBe("away")
  })

  it("takes a receipt that comes before the acceptance, and ignores one of nobody", async () => {
    const outbox = newOutbox()
    carrier.meanwhile = (reference) => outbox.statusChanged(`c-${reference}`, "failed", "no such number")
    await post(outbox, "a")
    await outbox.statusChanged("c-x", "delivered", "")
    expect(fateWords()).toEqual(["a failed no such number"])
    expect(outbox.size).toBe(0)
  })

  it("ends a message once when its receipt comes twice at once", async () => {
    const outbox = newOutbox()
    await post(outbox, "a")
    const receipts = ["delivered", "delivered", "failed"] as const
    await Promise.all(receipts.map((status) => outbox.statusChanged("c-a", status, "said")))
    expect(fateWords()).toEqual(["a delivered said"])
    expect(await states()).toEqual([])
  })

  it("ends a message that is refused for good, and repeats one that is refused for now after a pause", async () => {
    const outbox = newOutbox()
    carrier.answers = [
      { kind: "refused", words: "invalid number", isTemporary: false },
      { kind: "refused", words: "throttled", isTemporary: true },
    ]
    await post(outbox, "a", "b")
    expect(fateWords()).toEqual(["a failed invalid number"])
    expect(carrier.sent).toEqual(["a", "b"])
    outbox.kick()
    await settled()
    expect(carrier.sent).toEqual(["a", "b"])
    clock.steady += 2000
    await outbox.tick()
    await settled()
    expect(carrier.sent).toEqual(["a", "b", "b"])
    expect(await states()).toEqual(["b sent"])
  })

  it("sends nothing while the carrier is away, and gives up what was not sent in its time", async () => {
    const outbox = newOutbox()
    carrier.ready = false
    await post(outbox, "a")
    clock.steady += 601_000
    await outbox.tick()
    expect(carrier.sent).toEqual([])
    expect(fateWords()).toEqual(["a failed it could not be sent in its time"])
  })

  it("gives up a receipt that never comes", async () => {
    const outbox = newOutbox()
    await post(outbox, "a")
    clock.steady += 901_000
    await outbox.tick()
    expect(fateWords()).toEqual(["a failed no receipt came"])
  })

  it("gives up nothing because somebody set the machine's date, but what waited through an outage", async () => {
    const outbox = newOutbox()
    carrier.ready = false
    await post(outbox, "a")
    for (const years of [10, -20]) {
      clock.wall += years * 31_536_000_000
      await outbox.tick()
    }
    expect(fateWords()).toEqual([])
    clock.wall += 10 * 31_536_000_000 + 601_000
    const after = newOutbox()
    await after.resume()
    await after.tick()
    expect(fateWords()).toEqual(["a failed it could not be sent in its time"])
  })

  it("after a crash sends again only what was in the middle of being handed over, and says so", async () => {
    const first = newOutbox()
    await post(first, "a")
    let crash = (): void => undefined
    carrier.meanwhile = () => new Promise<void>(() => crash())
    const crashed = new Promise<void>((resolve) => (crash = resolve))
    void post(first, "b", "c")
    await crashed
    await settled()
    carrier.meanwhile = () => Promise.resolve()
    carrier.sent.length = 0
    const second = newOutbox()
    await second.resume()
    second.kick()
    await settled()
    expect(carrier.sent.sort()).toEqual(["b", "c"])
    expect(heard.map(({ kind, sentence }) => `${kind} ${sentence.split(" ")[2]}`)).toEqual([
      "message.sent-again b",
      "message.sent-again c",
    ])
    await second.statusChanged("c-a", "delivered", "")
    expect(fateWords()).toEqual(["a delivered "])
  })

  it("sends what the carrier does not answer twice more at most, minutes apart, and says what is not known", async () => {
    const outbox = newOutbox()
    carrier.answers = Array.from({ length: 50 }, (): CarrierOutcome => ({ kind: "uncertain", words: "no answer" }))
    await post(outbox, "a")
    expect(await states()).toEqual(["a doubtful"])
    const sentAt: number[] = []
    for (let second = 1; second < 600; second++) {
      clock.steady += 1000
      const before = carrier.sent.length
      await outbox.tick()
      await settled()
      if (carrier.sent.length > before) sentAt.push(second)
    }
    expect(sentAt).toEqual([60, 360])
    clock.steady += 10_000
    await outbox.tick()
    expect(fateWords()).toEqual(["a failed whether it went is not known: the carrier did not answer"])
    expect(heard.map(({ kind }) => kind)).toEqual([
      "message.doubtful",
      "message.sent-again",
      "message.doubtful",
      "message.sent-again",
      "message.doubtful",
    ])
  })

  it("takes an answer that comes late, and sends no second copy", async () => {
    for (const afterMs of [30_000, 61_000]) {
      store = new MemoryStore()
      carrier = new Carrier()
      fates = []
      const outbox = newOutbox()
      let answer: (outcome: CarrierOutcome) => void = () => undefined
      const later = new Promise<CarrierOutcome>((resolve) => (answer = resolve))
      carrier.answers = [{ kind: "uncertain", words: "no answer", later }]
      await post(outbox, "a")
      clock.steady += afterMs
      if (afterMs > 60_000) carrier.ready = false
      await outbox.tick()
      answer({ kind: "accepted", carrierReference: "late" })
      await settled()
      expect(await states()).toEqual(["a sent"])
      carrier.ready = true
      clock.steady += 400_000
      await outbox.tick()
      await settled()
      expect(carrier.sent).toEqual(["a"])
      await outbox.statusChanged("late", "delivered", "DELIVRD")
      expect(fateWords()).toEqual(["a delivered DELIVRD"])
    }
  })

  it("knows a message by the late reference of its first copy when the second is on its way", async () => {
    const outbox = newOutbox()
    let answer: (outcome: CarrierOutcome) => void = () => undefined
    const later = new Promise<CarrierOutcome>((resolve) => (answer = resolve))
    carrier.answers = [{ kind: "uncertain", words: "no answer", later }]
    await post(outbox, "a")
    clock.steady += 60_000
    await outbox.tick()
    await settled()
    answer({ kind: "accepted", carrierReference: "first" })
    await settled()
    await outbox.statusChanged("first", "delivered", "DELIVRD")
    expect(fateWords()).toEqual(["a delivered DELIVRD"])
  })

  it("asks a carrier that refuses for now ever less often, and at once again after it accepts", async () => {
    const outbox = newOutbox()
    carrier.answers = Array.from(
      { length: 50 },
      (): CarrierOutcome => ({ kind: "refused", words: "no network service", isTemporary: true }),
    )
    await post(outbox, "a")
    const seconds = async (count: number): Promise<readonly number[]> => {
      const at: number[] = []
      for (let second = 1; second <= count; second++) {
        clock.steady += 1000
        const before = carrier.sent.length
        await outbox.tick()
        await settled()
        if (carrier.sent.length > before) at.push(second)
      }
      return at
    }
    expect(await seconds(250)).toEqual([2, 6, 14, 30, 62, 122, 182, 242])
    carrier.answers = []
    await seconds(60)
    carrier.answers = [{ kind: "refused", words: "no network service", isTemporary: true }]
    await post(outbox, "b")
    expect(await seconds(10)).toEqual([2])
  })

  it("does not call a message not gone because a further copy of it is refused", async () => {
    const outbox = newOutbox()
    carrier.answers = [
      { kind: "uncertain", words: "no answer" },
      { kind: "refused", words: "+39335475718 has had 24 messages today", isTemporary: false },
    ]
    await post(outbox, "a")
    clock.steady += 60_000
    await outbox.tick()
    await settled()
    expect(fateWords()).toEqual([
      "a failed whether it went is not known, and another copy is not sent: +39335475718 has had 24 messages today",
    ])
  })

  it("keeps a message that may have gone through a crash, and sends it once more at most", async () => {
    const first = newOutbox()
    carrier.answers = Array.from({ length: 50 }, (): CarrierOutcome => ({ kind: "uncertain", words: "no answer" }))
    await post(first, "a")
    const second = newOutbox()
    await second.resume()
    for (let second_ = 0; second_ < 590; second_++) {
      clock.steady += 1000
      await second.tick()
      await settled()
    }
    expect(carrier.sent).toEqual(["a", "a"])
  })

  it("finds the message of a receipt that writes the reference in another way, by its number", async () => {
    const outbox = newOutbox()
    await post(outbox, "26", "1a")
    await outbox.statusChanged("c-x", "delivered", "", { otherReferences: ["c-26"], about: "+39335475718" })
    expect(fateWords()).toEqual(["26 delivered "])
    await outbox.statusChanged("c-y", "delivered", "", { otherReferences: ["c-1a"], about: "+4917234567890" })
    expect(fates).toHaveLength(1)
  })

  it("does not mix up messages that the carrier accepted without a reference", async () => {
    const outbox = newOutbox()
    carrier.answers = Array.from({ length: 2 }, (): CarrierOutcome => ({ kind: "accepted", carrierReference: "" }))
    await post(outbox, "a", "b")
    await outbox.statusChanged("", "delivered", "")
    expect(fates).toEqual([])
  })

  it("ends nothing by a word that says nothing, and gives it at the end", async () => {
    const outbox = newOutbox()
    await post(outbox, "a")
    await outbox.statusChanged("c-a", "unknown", "UNKNOWN")
    expect(fates).toEqual([])
    clock.steady += 901_000
    await outbox.tick()
    expect(fateWords()).toEqual(["a failed the carrier says UNKNOWN"])
  })

  it("loses nothing to a full disk", async () => {
    const outbox = newOutbox()
    await store.commit(engine, [{ put: "message", message: message("a") }])
    outbox.add(message("a"))
    store.failure = new Error("SQLITE_FULL")
    outbox.kick()
    await settled()
    expect(carrier.sent).toEqual([])
    store.failure = null
    clock.steady += 2000
    await outbox.tick()
    await settled()
    expect(await states()).toEqual(["a sent"])
  })
})
