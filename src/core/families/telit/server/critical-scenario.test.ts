import { describe, expect, it } from "vitest"
import { ack, Bench, final, identity, imeiA, imeiB, registration, simA, simB } from "./bench.testing.ts"
import { conversation } from "./conversation.ts"

/** Chapter 7, steps 1 to 3: SIM A goes from module A to module B and back, and module A says nothing. */
function confused(): Bench {
  const bench = new Bench()
  bench.add(imeiA)
  bench.add(imeiB)
  bench.fromSms(imeiA, registration(1))
  bench.fromSms(imeiB, registration(1, simB), `+${simB.number}`)
  bench.now += 3_600_000
  bench.fromSms(imeiB, registration(2, simA))
  bench.now += 3_600_000
  return bench
}

const explain = (bench: Bench, id: string): string | null => conversation.explain(bench.device(id).state)

describe("the critical scenario (§7)", () => {
  it("begins when module B registers with SIM A: module A is registered to no SIM, and that is said", () => {
    const bench = confused()
    expect(bench.memory(imeiB).bindings).toMatchObject([
      { imsi: simA.imsi, until: null },
      { imsi: simB.imsi, until: expect.any(Number) },
    ])
    expect(bench.memory(imeiA).bindings).toMatchObject([
      { imsi: simA.imsi, until: bench.now - 3_600_000, lostTo: imeiB },
    ])
    expect(conversation.claims(bench.device(imeiA).state)).toEqual([])
    expect(bench.notes.find(({ kind }) => kind === "sim-moved")?.sentence).toMatch(
      new RegExp(`222010000000001.*was in ${imeiA} and is in ${imeiB} now, so ${imeiA} is registered to no SIM`),
    )
    expect(explain(bench, imeiA)).toMatch(new RegExp(`registered to no SIM: .* has turned up in ${imeiB}`))
    expect(explain(bench, imeiB)).toBeNull()
    expect([imeiA, imeiB].map((id) => conversation.isAstray(bench.device(id).state))).toEqual([true, false])
  })

  it("is cured by a forced registration, as the note's step 4 says", () => {
    const bench = confused()
    bench.ask(imeiA, "force-registration")
    expect(bench.last(imeiA)).toMatchObject({ to: `+${simA.number}`, message: { name: "forcedRegistration" } })
    bench.fromSms(imeiA, registration(bench.last(imeiA).message.transaction))
    expect(bench.memory(imeiA).bindings[0]).toMatchObject({ imsi: simA.imsi, until: null })
    expect(bench.memory(imeiB).bindings[0]).toMatchObject({ imsi: simA.imsi, lostTo: imeiA, until: bench.now })
    expect(explain(bench, imeiA)).toBeNull()
    expect(explain(bench, imeiB)).toMatch(/registered to no SIM/)
    expect(bench.notes.map(({ kind }) => kind).slice(-4)).toEqual(["asked", "sim-back", "sim-moved", "registered"])
  })

  it("is cured by the update itself, addressed to the last number, which the vendor had not released (step 5)", () => {
    const bench = confused()
    bench.offer(imeiA)
    expect(bench.last(imeiA)).toMatchObject({ to: `+${simA.number}`, message: { name: "provisioning", imei: imeiA } })
    bench.fromSms(imeiA, { name: "provisioningAck", transaction: bench.last(imeiA).message.transaction, fields: {} })
    const command = bench.last(imeiA)
    expect(command).toMatchObject({ to: `+${simA.number}`, message: { name: "command", imei: imeiA } })
    expect(bench.notes.at(-1)).toMatchObject({
      kind: "last-number",
      sentence: expect.stringMatching(/addressed to its last number: the SIM 222010000000001 \(\+393330000001\)/),
    })
    bench.fromSms(imeiA, ack(command.message.transaction))
    expect(bench.memory(imeiA).bindings[0]).toMatchObject({ imsi: simA.imsi, number: `+${simA.number}`, until: null })
    expect(bench.memory(imeiB).bindings[0]).toMatchObject({ lostTo: imeiA })
    expect(bench.notes.map(({ kind }) => kind).slice(-2)).toEqual(["sim-back", "sim-moved"])
    bench.fromSms(imeiA, final(command.message.transaction))
    expect(bench.evidence.at(-1)).toBe("installed")
  })

  it("does no harm when SIM A is still in module B: that module cannot read what is for the other", () => {
    const bench = confused()
    bench.offer(imeiA)
    const before = bench.memory(imeiB)
    // What module B would answer carries its own IMEI and tag; the server hears nothing of the Command from it.
    bench.fromSms(imeiB, ack(bench.last(imeiA).message.transaction))
    expect(bench.memory(imeiB)).toEqual(before)
    expect(bench.talk(imeiA)).toBe("provisioning")
    expect(bench.evidence).toEqual([])
  })

  it("is seen too when an operator has entered the number of a SIM that another module has", () => {
    const bench = new Bench()
    bench.add(imeiA, { number: `+${simA.number}` })
    bench.add(imeiB)
    bench.fromSms(imeiB, registration(1, simA))
    expect(bench.memory(imeiA).bindings[0]).toMatchObject({ lostTo: imeiB })
    expect(explain(bench, imeiA)).toMatch(/registered to no SIM/)
  })

  it("is not seen where two modules only had the same SIM one after the other", () => {
    const bench = confused()
    bench.fromSms(imeiA, registration(2, simB), `+${simB.number}`)
    expect(explain(bench, imeiA)).toBeNull()
    expect(explain(bench, imeiB)).toBeNull()
    expect(bench.notes.filter(({ kind }) => kind === "sim-moved")).toHaveLength(1)
  })

  it("is settled by a query as well, for its answer tells the SIM", () => {
    const bench = confused()
    bench.ask(imeiA, "query")
    bench.fromSms(imeiA, { name: "notified", transaction: bench.last(imeiA).message.transaction, fields: identity() })
    expect(bench.memory(imeiA).bindings[0]).toMatchObject({ imsi: simA.imsi, until: null })
    expect(explain(bench, imeiA)).toBeNull()
  })
})
