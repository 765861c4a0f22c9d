import type { Socket } from "node:net"
import { Duplex } from "node:stream"
import { engine } from "../../../src/core/domain/actor.ts"
import type { WaftEvent } from "../../../src/core/domain/events/table.ts"
import type { OutgoingMessage } from "../../../src/core/domain/records.ts"
import { hex } from "../../../src/core/kit/bytes.ts"
import { Emitter } from "../../../src/core/kit/emitter.ts"
import { LiveFleet } from "../../../src/server/fleet/live-fleet.ts"
import { MemoryStore } from "../../../src/server/fleet/memory-store.testing.ts"
import type { MessageFate } from "../../../src/server/fleet/outbox/carrier.ts"
import { Outbox } from "../../../src/server/fleet/outbox/outbox.ts"
import { SmsBudget } from "../../../src/server/fleet/sms-budget.ts"
import { smsCarrier } from "../../../src/server/gateway/sms-gateway.ts"
import { startSmppClient } from "../../../src/server/transports/sms/smpp-client.ts"
import { HandClock } from "../../../src/server/transports/sms/smpp-peer.testing.ts"
import type { SmsStatus } from "../../../src/server/transports/sms/sms-transport.ts"
import { BadCentre } from "./bad-centre.ts"
import type { Conversation, Cut } from "./cuts.ts"
import { Dice } from "./dice.ts"

/** Two copies more than the first, whatever a centre does not say. */
const mostCopies = 3
const validitySeconds = 600
/** Longer than a message's validity and the wait for its receipt, s. */
const lastsSeconds = 1600

const numberOf = (n: number): string => `+491712345${String(n).padStart(3, "0")}`

/** The server's end of a wire to a centre in this process. */
class Wire extends Duplex {
  readonly #centre: BadCentre

  constructor(centre: BadCentre) {
    super()
    this.#centre = centre
  }

  override _read(): void {
    // The centre pushes.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#centre.take(chunk, this)
    done()
  }

  setNoDelay(): this {
    return this
  }
}

/** What the server holds at its end, and what it was told. */
interface Server {
  readonly outbox: Outbox
  readonly fates: MessageFate[]
  readonly taken: Map<number, number>
}

function serverAt(centre: BadCentre, dice: Dice, clock: HandClock) {
  const fates: MessageFate[] = []
  const taken = new Map<number, number>()
  const statuses: ((status: SmsStatus) => Promise<void>)[] = []
  const client = startSmppClient({
    centre: { host: "centre", port: 1 },
    systemId: "waft",
    password: "secret",
    sender: "+393399991234",
    clock,
    random: () => 0.5,
    connect: () => {
      const wire = new Wire(centre)
      setImmediate(() => (dice.chance(0.1) ? wire.destroy(new Error("refused")) : wire.emit("connect")))
      return wire as unknown as Socket
    },
    receiver: {
      received: async ({ data }) => {
        await Promise.resolve()
        if (dice.chance(0.1)) throw new Error("disk full")
        const id = (data[0] ?? 0) * 256 + (data[1] ?? 0)
        taken.set(id, (taken.get(id) ?? 0) + 1)
      },
      statusChanged: async (status) => statuses[0]?.(status),
      unreadable: () => Promise.resolve(),
    },
  })
  const store = new MemoryStore()
  const times = { now: clock.now, monotonic: clock.now, breathe: () => Promise.resolve() }
  const budget = new SmsBudget({ allowed: null, perDay: 1000, monotonic: clock.now, hit: () => undefined })
  const outbox = new Outbox({
    clock: times,
    live: new LiveFleet(times),
    store,
    events: new Emitter<WaftEvent>(),
    carrier: smsCarrier(() => client, budget),
    tell: (fate) => {
      fates.push(fate)
      return Promise.resolve()
    },
    complain: () => undefined,
  })
  statuses.push(async ({ reference, state, words, ...hints }) => {
    if (state !== "trying") await outbox.statusChanged(reference, state, words, hints)
  })
  return { client, store, outbox, fates, taken }
}

/** Several messages each way at a bad centre, broken where `cuts` say beside what the seed does. Gives every lie. */
export async function smppConversation(seed: number, cuts: readonly Cut[] | null = null): Promise<Conversation> {
  const dice = new Dice(seed)
  const clock = new HandClock()
  const incoming = dice.below(5)
  const centre = new BadCentre({ dice, clock, cuts, incoming })
  const { client, store, outbox, fates, taken } = serverAt(centre, dice, clock)
  const count = 1 + dice.below(4)
  for (let n = 0; n < count; n++) {
    const message: OutgoingMessage = {
      reference: `r${n}`,
      deviceId: "m1",
      to: numberOf(n),
      payload: Buffer.of(0xde, n).toString("base64"),
      coding: "8-bit-class-0",
      validitySeconds,
      createdAt: clock.now(),
      state: "waiting",
      carrierReference: null,
      sentAt: null,
    }
    await store.commit(engine, [{ put: "message", message }])
    outbox.add(message)
  }
  for (let second = 0; second < lastsSeconds; ) {
    const step = second < 100 ? 1 : 5
    second += step
    clock.pass(step * 1000)
    await outbox.tick()
    centre.tick()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await outbox.close()
  const closing = client.close()
  // Whoever does not answer the farewell is not waited for.
  for (let n = 0; n < 20; n++) {
    clock.pass(10_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await closing
  return { lies: liesOf({ outbox, fates, taken }, centre, count), bytes: centre.passed }
}

function liesOf({ outbox, fates, taken }: Server, centre: BadCentre, count: number): readonly string[] {
  const lies: string[] = []
  for (let n = 0; n < count; n++) {
    const { copies, delivered } = centre.of(numberOf(n))
    const fate = fates.filter(({ message }) => message.reference === `r${n}`)
    if (fate.length !== 1) lies.push(`message ${n} has ${fate.length} ends${outbox.has(`r${n}`) ? ", and waits" : ""}`)
    const [end] = fate
    if (copies.length > mostCopies) lies.push(`message ${n} was sent ${copies.length} times`)
    if (copies.some((data) => data !== hex(Uint8Array.of(0xde, n)))) lies.push(`message ${n} went with another's text`)
    if (end?.status === "delivered" && delivered === 0) lies.push(`message ${n} is called delivered, and was not`)
    const isHonest = /not known|no receipt came|the carrier says/.test(end?.detail ?? "")
    if (end?.status === "failed" && delivered > 0 && !isHonest) {
      lies.push(`message ${n} was delivered, and is called failed: ${end.detail}`)
    }
  }
  for (const id of centre.acknowledged) if (!taken.has(id)) lies.push(`message ${id} from a device was lost`)
  for (const id of taken.keys()) if (id >= centre.sent) lies.push(`message ${id} from a device never was`)
  if (centre.unfinished > 0) lies.push(`${centre.unfinished} messages from devices were never taken`)
  return lies
}
