import { describe, expect, it } from "vitest"
import type { SimCard } from "../../core/families/radio.ts"
import { addressOf, numberOf } from "../../core/protocols/sms/address.ts"
import { decodeFromCentre, encodeTpdu, type Submit } from "../../core/protocols/sms/tpdu.ts"
import { calmConditions, fateOf, type SmsConditions } from "./conditions.ts"
import { type NetworkMessage, SmsNetwork } from "./sms-network.ts"
import { VirtualRadio } from "./virtual-radio.ts"

const cardA: SimCard = { imsi: "262010000000001", number: "+4917100000001", pin: null }
const cardB: SimCard = { imsi: "262010000000002", number: "+4917100000002", pin: null }

const submit = (to: string, octet: number, wantsReport = false): Uint8Array =>
  encodeTpdu({
    kind: "submit",
    rejectDuplicates: false,
    statusReportWanted: wantsReport,
    hasReplyPath: false,
    reference: octet,
    to: addressOf(to),
    protocolId: 0,
    coding: 0x14,
    validity: { format: "relative", minutes: 60 },
    userData: { header: null, data: Uint8Array.of(octet) },
  } satisfies Submit)

/** A network on a clock that goes from one awaited moment to the next. */
class Bench {
  readonly signal = new AbortController()
  #nowMs = Date.UTC(2026, 10, 21)
  readonly #sleepers: { readonly atMs: number; readonly wake: () => void }[] = []
  readonly network: SmsNetwork

  constructor(conditions: Partial<SmsConditions> = {}) {
    const clock = {
      now: () => this.#nowMs,
      sleep: (ms: number) =>
        new Promise<void>((wake) => {
          this.#sleepers.push({ atMs: this.#nowMs + ms, wake })
        }),
    }
    this.network = new SmsNetwork({
      clock,
      conditions: { ...calmConditions, ...conditions },
      signal: this.signal.signal,
    })
    this.network.issueCard(cardA)
    this.network.issueCard(cardB)
  }

  /** Lets `ms` pass, sleeper by sleeper. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      this.#sleepers.sort((a, b) => a.atMs - b.atMs)
      const next = this.#sleepers[0]
      if (next === undefined || next.atMs > endMs) break
      this.#sleepers.shift()
      this.#nowMs = next.atMs
      next.wake()
    }
    this.#nowMs = endMs
  }

  /** Gathers what a service under `number` gets. */
  service(number: string): NetworkMessage[] {
    const got: NetworkMessage[] = []
    this.network.attach(number, async (message) => {
      await Promise.resolve()
      got.push(message)
      return true
    })
    return got
  }

  phone(card: SimCard): VirtualRadio {
    const radio = new VirtualRadio(this.network, "26201")
    radio.insert(card)
    radio.setOnAir(true)
    return radio
  }
}

const never = new AbortController().signal
const octets = (messages: readonly NetworkMessage[]) => messages.map((message) => message.userData.data[0])

describe("the mobile network in software", () => {
  it("carries a message from card to card, its sender named by the network", async () => {
    const bench = new Bench({ delayMs: { min: 3000, max: 3000 }, costPerMessage: 70 })
    const [a, b] = [bench.phone(cardA), bench.phone(cardB)]
    expect(await a.sendSms(submit(cardB.number, 7))).toBe(true)
    await bench.pass(3000)
    const read = decodeFromCentre(await b.receiveSms(never))
    if (read.kind !== "deliver") throw new Error(read.kind)
    expect(numberOf(read.from)).toBe(cardA.number)
    expect(read).toMatchObject({ coding: 0x14, userData: { header: null, data: Uint8Array.of(7) } })
    expect(read.sentAt.atMs).toBe(Date.UTC(2026, 10, 21, 0, 0, 3))
    expect(bench.network.totals).toEqual({ messages: 1, delivered: 1, lost: 0, expired: 0, cost: 70 })
  })

  it("keeps a message for a phone that is off, and gives it up when its time is over", async () => {
    const bench = new Bench()
    const [a, b] = [bench.phone(cardA), bench.phone(cardB)]
    b.setOnAir(false)
    await a.sendSms(submit(cardB.number, 1, true))
    await bench.pass(30 * 60_000)
    b.setOnAir(true)
    await bench.pass(0)
    expect(decodeFromCentre(await b.receiveSms(never)).kind).toBe("deliver")
    expect(decodeFromCentre(await a.receiveSms(never))).toMatchObject({ kind: "statusReport", reference: 1, status: 0 })
    b.setOnAir(false)
    await a.sendSms(submit(cardB.number, 2, true))
    await bench.pass(61 * 60_000)
    b.setOnAir(true)
    await bench.pass(0)
    expect(decodeFromCentre(await a.receiveSms(never))).toMatchObject({ reference: 2, status: 0x46 })
    expect(bench.network.totals).toMatchObject({ delivered: 1, expired: 1 })
  })

  it("knows a number by its card, whichever phone holds it", async () => {
    const bench = new Bench()
    const got = bench.service("12345")
    const a = bench.phone(cardA)
    a.insert(cardB)
    expect(await a.sendSms(submit("12345", 1))).toBe(false)
    a.setOnAir(true)
    expect(a.network()).toBe("26201")
    expect(await a.sendSms(submit("12345", 2))).toBe(true)
    await bench.pass(0)
    expect(got.map((message) => message.from)).toEqual([cardB.number])
    a.remove()
    expect([a.card(), a.network(), await a.sendSms(submit("12345", 3))]).toEqual([null, null, false])
  })

  it("refuses what is no SMS-SUBMIT, and cards it never issued", async () => {
    const bench = new Bench()
    const a = bench.phone(cardA)
    expect(await a.sendSms(Uint8Array.of(1, 2, 3))).toBe(false)
    expect(bench.network.submit("001010000000009", submit("12345", 1))).toBe(false)
  })

  it("offers a message again to a service that could not take it", async () => {
    const bench = new Bench()
    let refusals = 2
    const got: number[] = []
    bench.network.attach("12345", async (_message, atMs) => {
      await Promise.resolve()
      got.push(atMs)
      return --refusals < 0
    })
    await bench.phone(cardA).sendSms(submit("12345", 1))
    await bench.pass(60_000)
    expect(got.map((atMs) => atMs - (got[0] ?? 0))).toEqual([0, 2000, 4000])
  })

  it("loses, doubles, delays and reorders as its seed says, and again the same with the same seed", async () => {
    const weather = {
      seed: 5,
      delayMs: { min: 100, max: 900 },
      lossRate: 0.2,
      duplicateRate: 0.2,
      reorderRate: 0.3,
      reorderMs: 5000,
    }
    const run = async (): Promise<readonly (number | undefined)[]> => {
      const bench = new Bench(weather)
      const got = bench.service("12345")
      const a = bench.phone(cardA)
      for (let n = 0; n < 100; n++) {
        await a.sendSms(submit("12345", n))
        await bench.pass(500)
      }
      await bench.pass(20_000)
      const { messages, delivered, lost } = bench.network.totals
      expect(delivered).toBe(octets(got).length)
      expect(new Set(octets(got)).size).toBe(messages - lost)
      return octets(got)
    }
    const first = await run()
    expect(await run()).toEqual(first)
    expect(first.length).toBeGreaterThan(new Set(first).size)
    expect(new Set(first).size).toBeLessThan(100)
    expect(first).not.toEqual([...first].sort((a, b) => (a ?? 0) - (b ?? 0)))
  })
})

describe("the fate of a message", () => {
  it("has the rates that its conditions name", () => {
    const conditions = { ...calmConditions, lossRate: 0.1, duplicateRate: 0.25 }
    const fates = Array.from({ length: 10_000 }, (_, n) => fateOf(conditions, n + 1).length)
    expect(fates.filter((copies) => copies === 0).length / 10_000).toBeCloseTo(0.1, 1)
    expect(fates.filter((copies) => copies === 2).length / 10_000).toBeCloseTo(0.9 * 0.25, 1)
  })
})
