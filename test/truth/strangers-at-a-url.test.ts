import { beforeEach, describe, expect, it } from "vitest"
import { benches, upload, versionOf } from "../../src/core/families/contract-samples.testing.ts"
import { FleetBench } from "../contract/fleet-bench.ts"

const curl = { "user-agent": "curl/7.88.1", accept: "*/*" }
let bench: FleetBench
let manifest: string

beforeEach(async () => {
  const board = benches.find(({ family }) => family.id === "pic32mzw1")
  if (board === undefined) throw new Error("no boards")
  const { family, model } = board
  bench = await FleetBench.start({ family, device: family.device, model, firmware: versionOf(family.id, 1) })
  await bench.rollOut(upload(family.id, 2, model))
  manifest = `/d/${bench.live.device.access.user}/ota.json`
})

async function curls(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    expect(await bench.get(manifest, curl)).toMatchObject({ status: 200 })
    await bench.pass(200)
  }
}

const state = async (): Promise<string | undefined> => (await bench.update())?.progress.state

describe("curl at a board's manifest URL is answered, and nothing follows from it", () => {
  it("after the board's download: three in a second are no quiet polls", async () => {
    await bench.contact()
    expect(await state()).toBe("downloaded")
    await curls(3)
    await bench.pass(3_600_000)
    expect(await state()).toBe("downloaded")
    expect((await bench.update())?.pull.quiet).toBe(0)
    expect(bench.heard.map(({ kind }) => kind)).toContain("device.visited")
  })

  it("before the board ever called: five, and many more hours apart, are no refusal", async () => {
    await curls(5)
    for (let n = 0; n < 12; n++) {
      await curls(1)
      await bench.pass(3_600_000)
    }
    expect(await state()).toBe("offered")
    expect((await bench.contact()).running.version).toBe("2")
  })

  it("between the board's look at the manifest and its fetch: it gets its image", async () => {
    const { text } = await bench.get(manifest)
    await curls(4)
    const image = /http:\/\/[^/"]+(\/d\/[^"]+\.bin)/.exec(text)?.[1] ?? ""
    expect(await bench.get(image)).toMatchObject({ status: 200 })
    expect(await state()).toBe("downloaded")
  })

  it("two boards at one URL and one address show two rhythms, and the operator is told", async () => {
    await bench.contact()
    for (let n = 0; n < 4; n++) {
      await bench.pass(62_000 - 20_000)
      await bench.get(manifest)
      await bench.pass(20_000)
      await bench.get(manifest)
    }
    await bench.pass(3_600_000)
    expect(bench.heard.map(({ kind }) => kind)).toContain("device.doubted")
    expect(await bench.explain()).toMatch(/keeps two rhythms/)
    expect(await state()).toBe("downloaded")
  })
})
