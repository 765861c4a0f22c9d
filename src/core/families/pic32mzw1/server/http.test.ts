import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import { pullStep } from "../../../domain/pull.ts"
import type { PullContext, PullFact } from "../../../domain/pull-facts.ts"
import { freshPull } from "../../../domain/pull-state.ts"
import { boardImage, digestOf, TestBoard } from "../device/board.testing.ts"
import { pullRules } from "./pull-rules.ts"
import { pic32mzw1 } from "../index.ts"
import { askRoute, quietSituation } from "../../testing/ask-route.testing.ts"
import type { OfferedImage } from "../../offered-image.ts"
import { erase } from "./http.ts"
import { afterFetch, deltas, type OfferedPatch, planOffer } from "./plan-offer.ts"
import { publish } from "./publish.ts"

const directoryUrl = "http://10.0.0.2:8081/d/k/"

function upload(bytes: Uint8Array, version?: string, options: Record<string, string> = {}, models: string[] = []) {
  return publish({ fileName: "app.bin", bytes, models, options, ...(version === undefined ? {} : { version }) })
}

function situation(version: number, running: string | null = null, model = "v3.8") {
  const image = boardImage(version)
  const made = upload(image, String(version))
  if (!made.ok) throw new Error("the test's image must be good")
  return {
    device: { id: "b1", model, familyState: {}, runningVersion: running },
    release: { version: made.version, details: made.details },
    image: { sha256: digestOf(image), sizeBytes: image.length },
  }
}

/** What a board reads at its URL. */
function manifest(familyState: JsonObject, offered: OfferedImage | null): string {
  const body = ask("ota.json", familyState, offered)?.body
  return body !== undefined && "text" in body ? body.text : ""
}

function ask(name: string, familyState: JsonObject, offered: OfferedImage | null) {
  const device = quietSituation.device === null ? null : { ...quietSituation.device, familyState }
  return askRoute(pic32mzw1, { url: `/d/k/${name}` }, { device, offered })
}

/** SHA-256 of the file that is served under a name. */
function served(name: string, offered: OfferedImage): string | null {
  const body = ask(name, {}, offered)?.body
  return body !== undefined && "image" in body ? body.image.sha256 : null
}

/** What is remembered of a board that has read its manifest. */
function afterRead(familyState: JsonObject): JsonObject {
  return ask("ota.json", familyState, null)?.afterRead?.familyState ?? familyState
}

function faultRules(publication: ReturnType<typeof publish>): readonly string[] {
  return publication.ok ? [] : publication.faults.map((fault) => fault.rule)
}

describe("publishing for boards", () => {
  it("takes an image with its boot-control sector and prints the digest that the manifest will carry", () => {
    const image = boardImage(6)
    const made = upload(image, "6", { "compiled-version": "6" })
    expect(made).toMatchObject({ ok: true, version: "6" })
    expect(made.ok && made.notes).toContain(`"Digest":"${digestOf(image)}"`)
  })

  it.each([
    ["version-missing", boardImage(6), undefined, {}],
    ["version-above-99", boardImage(6), "100", {}],
    ["version-zero", boardImage(6), "0", {}],
    ["image-too-short", boardImage(6).subarray(0, 4096), "6", {}],
    ["boot-address", boardImage(6).fill(0xff, 12, 16), "6", {}],
    ["signature-byte", boardImage(6).fill(0, 4095, 4096), "6", {}],
    ["image-too-large", boardImage(6, { codeBytes: 913_408 }), "6", {}],
    ["compiled-version", boardImage(6), "6", { "compiled-version": "256" }],
    ["compiled-version-low", boardImage(6), "6", { "compiled-version": "5" }],
  ] as const)("refuses by the rule %s", (rule, bytes, version, options) => {
    expect(faultRules(upload(bytes, version, options))).toEqual([rule])
  })

  it("refuses an image linked for another slot than the models named", () => {
    expect(faultRules(upload(boardImage(6), "6", {}, ["v3.5-low-slot"]))).toEqual(["wrong-slot"])
    expect(faultRules(upload(boardImage(6, { model: "v3.5-low-slot" }), "6", {}, ["v3.5-low-slot"]))).toEqual([])
  })

  it("says what follows when the version constant is not stated, and when it is above the version", () => {
    const unstated = upload(boardImage(6), "6")
    expect(unstated.ok && unstated.notes.join(" ")).toContain("four such installs")
    const above = upload(boardImage(6), "6", { "compiled-version": "8" })
    expect(above.ok && above.notes.join(" ")).toContain("must be above 8")
  })
})

describe("the offer to a board", () => {
  it("names a file of its own for every version and content", () => {
    const plan = planOffer(situation(6))
    expect(plan.ok && plan.offer).toEqual({ version: 6, fileName: `v6-${digestOf(boardImage(6)).slice(0, 8)}.bin` })
  })

  it("is refused to a board that runs the version or a higher one, for a board never goes back", () => {
    expect(planOffer(situation(6, "5")).ok).toBe(true)
    expect(planOffer(situation(6, "6")).ok).toBe(false)
    expect(planOffer(situation(6, "7")).ok).toBe(false)
  })

  it("is refused to a board whose slot lies elsewhere", () => {
    expect(planOffer(situation(6, null, "v3.5-low-slot")).ok).toBe(false)
  })

  it("is one element with all four keys, and its image is served under the URL's last segment", () => {
    const { image } = situation(6)
    const plan = planOffer(situation(6))
    if (!plan.ok) throw new Error(plan.sentence)
    expect(served(plan.offer["fileName"] as string, { offer: plan.offer, image })).toBe(image.sha256)
    expect(served("v5-00000000.bin", { offer: plan.offer, image })).toBeNull()
    expect(JSON.parse(manifest({}, { offer: plan.offer, image }))).toEqual({
      ota: [
        { Version: 6, URL: `${directoryUrl}v6-${image.sha256.slice(0, 8)}.bin`, Digest: image.sha256, EraseVer: false },
      ],
    })
  })

  it("carries the patches of a delta release with the base as the board reads it back", () => {
    const { image } = situation(12)
    const patch: OfferedPatch = {
      baseVersion: 11,
      baseSha256: "01".repeat(32),
      targetSha256: image.sha256,
      fileName: "v12-from-11.patch",
      image: { sha256: "02".repeat(32), sizeBytes: 900 },
    }
    const offer = { version: 12, fileName: "v12-aaaaaaaa.bin", patches: [patch] } as unknown as JsonObject
    const [entry] = (JSON.parse(manifest({}, { offer, image })) as { ota: Record<string, unknown>[] }).ota
    expect(entry?.["Patch"]).toEqual([
      {
        BaseVersion: 17,
        BaseVerDigest: patch.baseSha256,
        PatchURL: `${directoryUrl}v12-from-11.patch`,
        PatchDigest: patch.image.sha256,
        TargetDigest: image.sha256,
      },
    ])
  })

  const delta = {
    from: { version: "5", details: {}, image: { sha256: "05".repeat(32), sizeBytes: 9000 } },
    patch: { sha256: "0abc".repeat(16), sizeBytes: 5000 },
  }

  it("with a patch from what the board runs shows it beside the image", () => {
    const plan = planOffer({ ...situation(6, "5"), deltas: [delta] })
    if (!plan.ok) throw new Error(plan.sentence)
    expect(plan.reason).toContain("5000 bytes from version 5")
    const { image } = situation(6)
    const offered = { offer: plan.offer, image }
    expect(served(`v6-${image.sha256.slice(0, 8)}.bin`, offered)).toBe(image.sha256)
    expect(served("v6-0abc0a.patch", offered)).toBe(delta.patch.sha256)
    expect(manifest({}, { offer: plan.offer, image })).toContain(`"BaseVerDigest":"${"05".repeat(32)}"`)
  })

  it("is shown once: a board that began to fetch a patch finds only the image from then on", () => {
    const plan = planOffer({ ...situation(6, "5"), deltas: [delta] })
    if (!plan.ok) throw new Error(plan.sentence)
    const { image } = situation(6)
    const before = manifest(afterFetch({}, plan.offer, image), { offer: plan.offer, image })
    expect(before).toContain("PatchURL")
    const after = manifest(afterFetch({}, plan.offer, delta.patch), { offer: plan.offer, image })
    expect(after).not.toContain("PatchURL")
    expect(after).toContain(`v6-${image.sha256.slice(0, 8)}.bin`)
  })

  it("is not for a channel, another base, another release of the service, or larger than the image", () => {
    const large = { ...delta, patch: { ...delta.patch, sizeBytes: 10_000_000 } }
    const without = [
      { ...situation(6, "5"), deltas: [delta], exact: true },
      { ...situation(6, "4"), deltas: [delta] },
      { ...situation(6, null), deltas: [delta] },
      { ...situation(6, "5", "v3.9.1"), deltas: [delta] },
      { ...situation(6, "5"), deltas: [large] },
      situation(6, "5"),
    ]
    for (const one of without) {
      const plan = planOffer(one)
      expect(plan.ok && plan.offer["patches"]).toBeUndefined()
    }
  })

  it("has a patch only forwards and within one slot", () => {
    const end = (version: string, bootAddress = 1) => ({ version, details: { bootAddress }, image: delta.patch })
    expect(deltas.recipe(end("5"), end("6"))).toEqual({ format: "jojodiff", leastBytes: 4097 })
    expect(deltas.recipe(end("6"), end("5"))).toBeNull()
    expect(deltas.recipe(end("5"), end("6", 2))).toBeNull()
  })

  it("of nothing is a manifest that no board finds newer and that clears the sticky erase flag", () => {
    expect(JSON.parse(manifest({}, null))).toMatchObject({ ota: [{ Version: 1, EraseVer: false }] })
  })
})

describe("an order to delete a withdrawn release", () => {
  it("is given only to boards that fetched it, once, with the number they find it by", async () => {
    expect(erase.order({}, "10")).toBeNull()
    const known = afterFetch({}, { version: 10, fileName: "v10.bin" })
    const order = erase.order(known, "10")
    expect(order?.sentence).toContain("as 16")
    const state = order?.familyState ?? {}
    expect(JSON.parse(manifest(state, null))).toMatchObject({ ota: [{ Version: 16, EraseVer: true }] })
    const after = afterRead(state)
    expect(JSON.parse(manifest(after, null))).toMatchObject({ ota: [{ Version: 1, EraseVer: false }] })
    expect(erase.order(after, "10")).toBeNull()
  })

  it("deletes the image from a board's store, and after a reset the board takes the next release", async () => {
    const board = new TestBoard()
    const offered = (version: number) => {
      const plan = planOffer(situation(version))
      if (!plan.ok) throw new Error(plan.sentence)
      return { offer: plan.offer, image: situation(version).image }
    }
    const serve = (familyState: JsonObject, version: number | null) => {
      const found = version === null ? null : offered(version)
      const notice = { "/d/k/ota.json": latin1(manifest(familyState, found)) }
      return found === null
        ? notice
        : { ...notice, [`/d/k/${found.offer["fileName"] as string}`]: boardImage(version ?? 0) }
    }
    expect((await board.poll(serve({}, 12))).running.version).toBe("12")
    const state = erase.order(afterFetch({}, offered(12).offer), "12")?.familyState ?? {}
    expect((await board.poll(serve(state, null))).code).toBe("IMAGE_ERASED")
    board.powerOff()
    const later = afterRead(state)
    expect(await board.poll(serve(later, null))).toMatchObject({ running: { version: "1" } })
    expect(await board.poll(serve(later, 13))).toMatchObject({ running: { version: "13" } })
  })
})

describe("conclusions about a board", () => {
  const context: PullContext = { rules: pullRules, model: "v3.8", version: "6", offer: {}, sizeBytes: 9000, speed: 1 }

  function kinds(facts: readonly PullFact[]): readonly string[] {
    let state = freshPull
    return facts.flatMap((fact) => {
      const step = pullStep(context, state, fact)
      state = step.state
      return step.findings.map((finding) => finding.kind)
    })
  }
  const minute = 62_000
  const read = (n: number): PullFact => ({ kind: "notice-read", session: `s${n}`, network: "10.0", at: n * minute })
  const fetchWhole = (n: number): readonly PullFact[] => [
    { kind: "image-started", from: 0, session: `i${n}`, network: "10.0", at: n * minute + 1 },
    { kind: "image-ended", from: 0, sent: 9000, to: 9000, whole: true, at: n * minute + 2 },
  ]

  it("say succeeded after four polls without a fetch", () => {
    expect(kinds([read(1), ...fetchWhole(1), ...[2, 3, 4, 5, 6].map(read)])).toEqual([
      "offer-read",
      "transfer-started",
      "transfer-finished",
      ...["came-back", "quiet-poll", "came-back", "quiet-poll", "came-back", "quiet-poll"],
      "came-back",
      "left-alone",
      "came-back",
    ])
  })

  it("say that the install failed when it is fetched again, and end the update after four such installs", () => {
    const tries = [1, 2, 3, 4].flatMap((n) => [read(n), ...fetchWhole(n)])
    const found = kinds([...tries, read(5), ...fetchWhole(5).slice(0, 1)])
    expect(found.at(-1)).toBe("loop-broken")
    expect(found.filter((kind) => kind === "transfer-finished")).toHaveLength(4)
  })

  it("say why a silent board is silent: the board waits for a reset", () => {
    const facts = {
      version: "6",
      model: "v3.8",
      offer: {},
      sizeBytes: 9000,
      takenBytes: 9000,
      wholeFetches: 1,
      failedInstalls: 0,
      grounds: "whole",
      reads: 1,
      needed: 2,
    } as const
    expect(pullRules.words.silent(facts)).toContain("the board waits for a reset")
    expect(pullRules.words.silent({ ...facts, grounds: "none", takenBytes: 0 })).toContain(
      "the board waits for a reset",
    )
    expect(pullRules.words.cut({ ...facts, takenBytes: 100 })).toContain("the board waits for a reset")
  })
})

describe("the family's table of contents", () => {
  it("has the models that scripts name", () => {
    expect(pic32mzw1.models.map((model) => model.id)).toEqual(expect.arrayContaining(["v3.5", "v3.8"]))
    expect(pic32mzw1.access.words).toBe("manifest URL into the device")
  })
})
