import { hash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { tokenActor } from "./actor.ts"
import { type AuditEntry, firstSeal, sealText, SealWalk } from "./audit.ts"
import { newEvent } from "./events/table.ts"

const sha256 = (text: string): string => hash("sha256", text)

function log(count: number): AuditEntry[] {
  let last = firstSeal.seal
  return Array.from({ length: count }, (_, i) => {
    const event = newEvent({
      at: 10 + i,
      kind: "device.set",
      deviceId: `m-${i}`,
      sentence: "Said.",
      data: { running: "3" },
    })
    const changes = [{ record: `device m-${i}`, field: "running", before: null, after: "3" }]
    const entry = { ...event, seq: i + 1, actor: tokenActor("ci"), from: "192.0.2.1", changes }
    last = sha256(sealText(last, entry))
    return { ...entry, seal: last }
  })
}

function faultOf(entries: readonly AuditEntry[]): number | null {
  const walk = new SealWalk(sha256, firstSeal)
  for (const entry of entries) {
    const fault = walk.take(entry)
    if (fault !== null) return fault.seq
  }
  return null
}

describe("the seals of a log", () => {
  it("are SHA-256 over the seal before, a line end and a JSON array, as docs/people.md says", () => {
    const [entry] = log(1)
    const text = `${"0".repeat(64)}\n[1,10,"device.set","token:ci","192.0.2.1","m-0",null,null,null,"Said.",{"running":"3"},[["device m-0","running",null,"3"]]]`
    expect(entry?.seal).toBe(sha256(text))
  })

  it("hold for what was written, and after it was read from JSON", () => {
    expect(faultOf(log(20))).toBe(null)
    expect(faultOf(JSON.parse(JSON.stringify(log(20))) as AuditEntry[])).toBe(null)
  })

  it("name the event of which anything is different", () => {
    const changed: Record<string, (entry: AuditEntry) => object> = {
      seq: () => ({ seq: 9 }),
      at: ({ at }) => ({ at: at + 1 }),
      kind: () => ({ kind: "device.added" }),
      actor: () => ({ actor: tokenActor("other") }),
      from: () => ({ from: "192.0.2.2" }),
      deviceId: () => ({ deviceId: "m-9" }),
      rolloutId: () => ({ rolloutId: "o-1" }),
      releaseId: () => ({ releaseId: "r-1" }),
      basis: () => ({ basis: "observed" }),
      sentence: () => ({ sentence: "Said" }),
      data: () => ({ data: { running: "4" } }),
      changes: () => ({ changes: [] }),
      seal: ({ seal }) => ({ seal: seal?.replace(/^./, (first) => (first === "0" ? "1" : "0")) }),
      none: () => ({ seal: null }),
    }
    for (const [field, change] of Object.entries(changed)) {
      const entries = log(6).map((entry, i) => (i === 3 ? { ...entry, ...change(entry) } : entry))
      expect(faultOf(entries), field).toBe(4)
    }
  })

  it("name the place of an event that was taken out, put in, moved or forged with a seal of its own", () => {
    const entries = log(6)
    expect(faultOf(entries.toSpliced(2, 1))).toBe(3)
    expect(faultOf(entries.toSpliced(2, 0, entries[1] as AuditEntry))).toBe(3)
    const moved = entries.toSpliced(
      2,
      2,
      { ...entries[3], seq: 3 } as AuditEntry,
      { ...entries[2], seq: 4 } as AuditEntry,
    )
    expect(faultOf(moved)).toBe(3)
    const forged = { ...(entries[2] as AuditEntry), sentence: "Forged." } as AuditEntry
    const sealed = { ...forged, seal: sha256(sealText(entries[1]?.seal ?? "", forged)) } as AuditEntry
    expect(faultOf(entries.toSpliced(2, 1, sealed))).toBe(4)
  })

  it("begin where an upgraded server began to seal, and never end", () => {
    const before = log(2).map((entry) => ({ ...entry, seal: null }))
    const third = { ...(log(3)[2] as AuditEntry) }
    const sealed = { ...third, seal: sha256(sealText(firstSeal.seal, third)) } as AuditEntry
    const walk = new SealWalk(sha256, firstSeal)
    for (const entry of [...before, sealed]) expect(walk.take(entry)).toBe(null)
    expect([walk.unsealed, walk.sealed, walk.head]).toEqual([2, 1, { seq: 3, seal: sealed.seal }])
    expect(walk.take({ ...third, seq: 4, seal: null })?.seq).toBe(4)
  })
})
