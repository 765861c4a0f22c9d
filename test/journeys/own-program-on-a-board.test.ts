import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { pic32mzw1 } from "../../src/core/families/pic32mzw1/index.ts"
import { planOffer } from "../../src/core/families/pic32mzw1/server/plan-offer.ts"
import { publish } from "../../src/core/families/pic32mzw1/server/publish.ts"
import { askRoute } from "../../src/core/families/testing/ask-route.testing.ts"
import { digestOf, TestBoard } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import { makeImage } from "../../src/core/families/pic32mzw1/image-tool.ts"

function beacon(version: number): Uint8Array {
  const file = new URL(`../../demo/pic32mzw1/beacon-${version}.hex`, import.meta.url)
  const made = makeImage({ fileName: `beacon-${version}.hex`, bytes: readFileSync(file) }, {})
  if (!made.ok) throw new Error(made.faults[0]?.sentence)
  return made.bytes
}

describe("our own MIPS32 program", () => {
  it("goes through image make, publish, rollout and boot in three versions, and says its version constant itself", async () => {
    const board = new TestBoard()
    for (const version of [1, 2, 3]) {
      const image = beacon(version)
      const options = { "compiled-version": String(version) }
      const release = publish({ fileName: "beacon.bin", bytes: image, version: String(version), models: [], options })
      if (!release.ok) throw new Error(release.faults[0]?.sentence)
      const stored = { sha256: digestOf(release.image), sizeBytes: release.image.length }
      const device = {
        id: "b",
        model: "v3.8",
        familyState: {},
        runningVersion: version === 1 ? null : String(version - 1),
      }
      const plan = planOffer({ device, release, image: stored })
      if (!plan.ok) throw new Error(plan.sentence)
      const offered = { offer: plan.offer, image: stored }
      const body = askRoute(pic32mzw1, { url: "/d/k/ota.json" }, { offered })?.body
      const manifest = body !== undefined && "text" in body ? body.text : ""
      const name = plan.offer["fileName"] as string
      const served = { "/d/k/ota.json": Buffer.from(manifest), [`/d/k/${name}`]: release.image }
      const end = await board.poll(served)
      expect(end).toMatchObject({
        code: version === 1 ? "UPDATE_NOTAVAILABLE" : "DB_ENTRY_SUCCESS",
        running: { version: String(version) },
      })
      const slot = board.chips.get("program-flash")?.subarray(0x21000, 0x21000 + image.length - 4096)
      if (version > 1) expect(Buffer.from(slot ?? []).equals(image.subarray(4096))).toBe(true)
    }
  })

  it("begins with an instruction of its own start at the boot address: it loads the stack pointer", () => {
    for (const version of [1, 2, 3]) {
      const first = new DataView(beacon(version).buffer, beacon(version).byteOffset + 4096, 4).getUint32(0, true)
      // lui $sp, …
      expect(first >>> 16).toBe(0x3c1d)
    }
  })
})
