import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  ack,
  Bench,
  encoded,
  failure,
  final,
  identity,
  imeiA,
  imeiB,
  keysOf,
  type ModuleSays,
  registration,
  simA,
} from "./server/bench.testing.ts"
import { frameOf } from "./codec/pfm-carriers.ts"
import { waftCodec } from "./codec/pfm-codec.ts"
import { conversation } from "./server/conversation.ts"

/** A whole update by SMS with a failed try, a refused socket and a query in between. */
function story(bench: Bench): void {
  bench.add(imeiA)
  bench.fromSms(imeiA, registration(1))
  bench.offer(imeiA)
  const last = (): number => bench.last(imeiA).message.transaction
  const say = (message: ModuleSays): void => bench.fromSms(imeiA, message)
  say({ name: "provisioningAck", transaction: last(), fields: {} })
  const first = last()
  say(ack(first))
  say(failure(first, 13))
  for (let wakes = 0; wakes < 5 && bench.talk(imeiA) === "pausing"; wakes++) bench.pass(imeiA)
  const second = last()
  say(ack(second, "delayed"))
  say(ack(second))
  say({ name: "commandProgress", transaction: second, fields: {} })
  for (let wakes = 0; wakes < 5 && bench.memory(imeiA).ask === null; wakes++) bench.pass(imeiA)
  say({ name: "notified", transaction: last(), fields: identity({ firmware: "13.00.004" }) })
  say(final(second))
}

const calm = new Bench()
story(calm)

describe("a server that is killed", () => {
  it.each(Array.from({ length: calm.inputs }, (_, step) => step))(
    "after step %i, and told the same again, comes to the same end and sends nothing twice under one reference",
    (step) => {
      const bench = new Bench()
      bench.repeatAt = step
      story(bench)
      expect(bench.talk(imeiA)).toBe("over")
      expect(bench.device(imeiA).running).toBe("13.00.004")
      expect(bench.evidence).toEqual(calm.evidence)
      // A repeated registration is acknowledged again; a repeated wake is the next repeat. Nothing else is sent more often.
      const surplus = bench.sms.length - calm.sms.length
      expect(surplus).toBeGreaterThanOrEqual(0)
      expect(surplus).toBeLessThanOrEqual(1)
    },
  )
})

describe("messages in disorder", () => {
  it("doubled and shuffled lead to the end that the module's last word names", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 0, 1, 1, 2, 2, 3, 3], { minLength: 8 }), (order) => {
        const bench = new Bench()
        bench.add(imeiA)
        bench.fromSms(imeiA, registration(1))
        bench.offer(imeiA)
        bench.fromSms(imeiA, {
          name: "provisioningAck",
          transaction: bench.last(imeiA).message.transaction,
          fields: {},
        })
        const { transaction } = bench.last(imeiA).message
        const messages: readonly ModuleSays[] = [
          ack(transaction),
          { name: "commandProgress", transaction, fields: {} },
          final(transaction),
          registration(1),
        ]
        for (const index of order) {
          const message = messages[index]
          if (message !== undefined) bench.fromSms(imeiA, message)
        }
        expect(bench.talk(imeiA)).toBe("over")
        expect(bench.device(imeiA).running).toBe("13.00.004")
        expect(bench.evidence.filter((kind) => kind === "installed")).toHaveLength(1)
        expect(bench.sent(imeiA).filter((name) => name === "command")).toHaveLength(1)
      }),
      { numRuns: 60 },
    )
  })
})

describe("a forged message", () => {
  /** Everything that a module could say now, under the wrong key, cut, or in the wrong mouth. */
  function hostile(transaction: number): readonly Uint8Array[] {
    const good = [
      registration(99, { imsi: "222019999999999" }),
      ack(transaction),
      final(transaction),
      failure(transaction, 2),
    ]
    const foreign = keysOf(imeiB)
    const exchanged = { ...keysOf(imeiA), toModule: keysOf(imeiA).toServer, toServer: keysOf(imeiA).toModule }
    const forged = good.flatMap((message) =>
      [foreign, exchanged].map((keys) => waftCodec.encode({ ...message, imei: imeiA }, keys)),
    )
    const other = good.map((message) => encoded(imeiB, message))
    const cuts = good.flatMap((message) => {
      const whole = encoded(imeiA, message)
      return Array.from({ length: whole.length }, (_, end) => whole.subarray(0, end))
    })
    // The server's own Command, sent back to it.
    const own = waftCodec.encode({ name: "query", imei: imeiA, transaction, fields: {} }, keysOf(imeiA))
    return [...forged, ...other, ...cuts, own, new Uint8Array(0), Uint8Array.of(0, 23)]
  }

  it("changes nothing, is answered by nothing but the end of its socket, and moves no timer, by SMS and over TCP", () => {
    const bench = new Bench()
    bench.add(imeiA)
    bench.fromSms(imeiA, registration(1))
    bench.offer(imeiA)
    const device = bench.device(imeiA)
    const situation = bench.situation(device)
    for (const octets of hostile(bench.last(imeiA).message.transaction)) {
      for (const via of ["sms", "tcp"] as const) {
        const bytes = via === "tcp" ? frameOf(octets) : octets
        const step = conversation.step(situation, { kind: "message", via, from: `+${simA.number}`, bytes })
        expect(step.familyState).toBe(device.state)
        const end = via === "tcp" ? [{ via, bytes: new Uint8Array(0), isLast: true }] : []
        expect([step.send, step.evidence, step.notes, step.others]).toEqual([end, [], [], []])
        expect(step.isHeard).toBe(false)
        expect([step.running, step.wakeInMs]).toEqual([undefined, "unchanged"])
      }
    }
  })

  it("of random bytes is nobody's, in every form", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 170 }), (bytes) => {
        expect(conversation.senderOf(bytes)).toBeNull()
      }),
    )
  })

  it("names a module only as far as its IMEI can be read: the sender of a true one in every form", () => {
    const octets = encoded(imeiA, registration(1))
    expect(conversation.senderOf(octets)).toBe(imeiA)
    expect(conversation.senderOf(frameOf(octets))).toBe(imeiA)
    expect(conversation.frameBytes(frameOf(octets))).toBe(octets.length + 2)
  })
})
