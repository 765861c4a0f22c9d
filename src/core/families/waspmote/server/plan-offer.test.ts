import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromLatin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { OfferPlan } from "../../family.ts"
import { ftp } from "./ftp.ts"
import { afterFetch, planOffer, readOffer } from "./plan-offer.ts"

interface Ask {
  readonly release: string
  readonly name?: string
  readonly model?: string
  readonly state?: JsonObject
  readonly running?: string | null
}

function plan(ask: Ask): Extract<OfferPlan, { ok: true }> {
  const made = planOffer({
    device: {
      id: "mote-1",
      model: ask.model ?? "4g",
      familyState: ask.state ?? {},
      runningVersion: ask.running ?? null,
    },
    release: { version: ask.release, details: { name: ask.name ?? "PROG001" } },
    image: { sha256: "0".repeat(64), sizeBytes: 3000 },
  })
  if (!made.ok) throw new Error(made.sentence)
  return made
}

describe("planning an offer", () => {
  it("offers a first release under its own name and version, with nothing to explain", () => {
    const made = plan({ release: "12" })
    expect(readOffer(made.offer)).toMatchObject({ programId: "PROG001", versionByte: 12 })
    expect(made.edit).toBeUndefined()
    expect(made.reason).toBeUndefined()
  })

  it("goes up with a newer release of the same name", () => {
    const state = afterFetch({}, plan({ release: "12" }).offer)
    expect(readOffer(plan({ release: "13", state, running: "12" }).offer)).toMatchObject({
      programId: "PROG001",
      versionByte: 13,
    })
  })

  it("offers an older release under another name stamped into its header, and says why", () => {
    const state = afterFetch({}, plan({ release: "12" }).offer)
    const made = plan({ release: "9", state, running: "12" })
    expect(readOffer(made.offer)).toMatchObject({ programId: "PROG_R1", versionByte: 13 })
    expect(made.edit?.offset).toBe(32)
    expect(fromLatin1(made.edit?.bytes ?? new Uint8Array())).toBe(`PROG_R1${"*".repeat(25)}`)
    expect(made.reason).toContain("older program")
  })

  it("goes above what may be stored when the same release is tried again", () => {
    const state = afterFetch({}, plan({ release: "12" }).offer)
    const made = plan({ release: "12", state })
    expect(readOffer(made.offer)).toMatchObject({ programId: "PROG001", versionByte: 13 })
    expect(made.reason).toContain("VERSION 13 stands for release 12")
  })

  it("stays at 127 and below for GPRS and for an unknown modem", () => {
    for (const model of ["gprs-pro", "gprs-gps", "unknown"]) {
      expect(readOffer(plan({ release: "127", model }).offer).versionByte, model).toBe(127)
      expect(readOffer(plan({ release: "200", model }).offer).versionByte, model).toBe(64)
    }
    expect(readOffer(plan({ release: "200", model: "3g" }).offer).versionByte).toBe(200)
  })

  it("never offers 255 or 0", () => {
    expect(readOffer(plan({ release: "255" }).offer).versionByte).toBe(127)
    expect(readOffer(plan({ release: "0" }).offer).versionByte).toBe(1)
  })

  it("changes the name when the version numbers are used up, and admits what it cannot see then", () => {
    const state = afterFetch({}, plan({ release: "254" }).offer)
    const made = plan({ release: "255", state, running: "254" })
    expect(readOffer(made.offer)).toMatchObject({ programId: "PROG_R1", unproven: true })
    expect(made.reason).toContain("cannot be told")
    const next = plan({ release: "3", name: "PROG_R1", state: afterFetch(state, made.offer), running: "255" })
    expect(readOffer(next.offer).programId).not.toBe("PROG_R1")
  })

  it("never offers a mote whose flash failed what that mote would refuse (the trap of a failed program with another name)", () => {
    const first = afterFetch({}, plan({ release: "12" }).offer)
    const downgrade = plan({ release: "9", state: first, running: "12" })
    const held = { programId: readOffer(downgrade.offer).programId, versionByte: 12 }
    expect(readOffer(downgrade.offer).versionByte).toBeGreaterThan(held.versionByte)
    const again = readOffer(plan({ release: "9", state: afterFetch(first, downgrade.offer) }).offer)
    expect(again.programId !== held.programId || again.versionByte > held.versionByte).toBe(true)
  })

  it("is changed by a fetch once: beginning the same fetch again changes nothing", () => {
    const { offer } = plan({ release: "12" })
    const once = afterFetch({}, offer)
    expect(afterFetch(once, offer)).toBe(once)
  })

  it("is taken by every mote, whatever became of the fetches before", () => {
    const models = fc.constantFrom("4g", "3g", "gprs-pro", "wifi-pro", "unknown")
    const step = fc.record({
      release: fc.integer({ min: 0, max: 255 }),
      name: fc.constantFrom("PROG001", "OTHER_1"),
      end: fc.constantFrom("installed", "refused", "cut"),
      isConcluded: fc.boolean(),
    })
    fc.assert(
      fc.property(models, fc.boolean(), fc.array(step, { maxLength: 12 }), (model, comparesSigned, steps) => {
        let state: JsonObject = {}
        let running: string | null = null
        let mote = { programId: "FACTORY", versionByte: 0 }
        for (const { release, name, end, isConcluded } of steps) {
          const { offer } = plan({ release: String(release), name, model, state, running })
          const { programId, versionByte, unproven } = readOffer(offer)
          expect(versionByte).toBeLessThan(255)
          const isSigned = model === "gprs-pro" || (model === "unknown" && comparesSigned)
          const order = isSigned ? (versionByte << 24) - (mote.versionByte << 24) : versionByte - mote.versionByte
          expect(programId !== mote.programId || order > 0, JSON.stringify({ offer, mote })).toBe(true)
          // A mote that refused to install holds the new name and the old version: it must come back.
          if (!unproven) expect(order, JSON.stringify({ offer, mote })).toBeGreaterThan(0)
          state = afterFetch(state, offer)
          if (end === "installed") mote = { programId, versionByte }
          if (end === "refused") mote = { ...mote, programId }
          if (end === "installed" && isConcluded) running = String(release)
          else if (end !== "cut") running = null
        }
      }),
    )
  })
})

describe("the login of a mote", () => {
  it("shows NO_FILE and nothing else when nothing is offered", () => {
    const files = ftp.files(null)
    expect(files.map((file) => file.name)).toEqual(["UPGRADE.TXT"])
    expect(files[0]?.role === "notice" && fromLatin1(files[0].content)).toContain("FILE:NO_FILE\n")
  })

  it("shows the notice and the binary that it names", () => {
    const image = { sha256: "a".repeat(64), sizeBytes: 3000 }
    const [notice, binary] = ftp.files({ offer: plan({ release: "12" }).offer, image })
    expect(notice?.role === "notice" && fromLatin1(notice.content)).toBe(
      "FILE:PROG001\nPATH:/\nSIZE:3000\nVERSION:12\n",
    )
    expect(binary).toEqual({ name: "PROG001", role: "image", image })
  })
})
