import { describe, expect, it } from "vitest"
import { type PullContext, type PullFact, type PullFinding, freshPull, pullStep } from "../../../domain/pull.ts"
import { pullRules } from "./pull-rules.ts"

const sizeBytes = 3000
const offer = { programId: "PROG001", versionByte: 12, release: "12", mayHold: [], unproven: false }

/** Runs facts through the rules of a model; gives the moments that were found. */
function momentsOf(model: string, facts: readonly PullFact[]): readonly PullFinding["moment"][] {
  const context: PullContext = { rules: pullRules, model, version: "12", offer, sizeBytes }
  let state = freshPull
  return facts.flatMap((fact) => {
    const step = pullStep(context, state, fact)
    state = step.state
    return step.findings.map((finding) => finding.moment)
  })
}

const read = (session: string, at: number): PullFact => ({ kind: "notice-read", session, at })
const fetched = (at: number): readonly PullFact[] => [
  { kind: "image-started", from: 0, at },
  { kind: "image-ended", from: 0, to: sizeBytes, sent: sizeBytes, whole: true, at: at + 1000 },
]
const passed = (at: number): PullFact => ({ kind: "time-passed", at })

describe("what is concluded of a Waspmote", () => {
  it("4G: read, fetched, and 30 seconds after the next read without a fetch it runs the program", () => {
    const update = [read("a", 0), ...fetched(20_000), read("b", 100_000)]
    expect(momentsOf("4g", [...update, passed(129_999)])).toEqual(["read", "downloading", "downloaded", "read"])
    expect(momentsOf("4g", [...update, passed(130_000)]).at(-1)).toBe("left-alone")
  })

  it("GPRS and unknown modems get 60 seconds for it", () => {
    for (const model of ["gprs-pro", "gprs-gps", "unknown"]) {
      const update = [read("a", 0), ...fetched(20_000), read("b", 100_000)]
      expect(momentsOf(model, [...update, passed(159_999)]).at(-1), model).toBe("read")
      expect(momentsOf(model, [...update, passed(160_000)]).at(-1), model).toBe("left-alone")
    }
  })

  it("WiFi PRO: the end of the session settles it", () => {
    const closed: PullFact = { kind: "session-closed", session: "b", at: 100_100 }
    expect(momentsOf("wifi-pro", [read("a", 0), ...fetched(1000), read("b", 100_000), closed]).at(-1)).toBe(
      "left-alone",
    )
    expect(momentsOf("4g", [read("a", 0), ...fetched(1000), read("b", 100_000), closed]).at(-1)).toBe("read")
  })

  it("a second fetch means that the install failed, a third breaks the loop", () => {
    const facts = [read("a", 0), ...fetched(1000), read("b", 100_000), ...fetched(101_000), read("c", 200_000)]
    expect(momentsOf("4g", facts)).toContain("install-failed")
    expect(momentsOf("4g", [...facts, ...fetched(201_000)])).toContain("loop-broken")
  })

  it("five reads without any fetch mean that it declines", () => {
    const reads = [0, 1, 2, 3, 4].map((poll) => read(String(poll), poll * 100_000))
    expect(momentsOf("4g", [...reads, passed(460_000)]).at(-1)).toBe("declined")
    expect(momentsOf("4g", [...reads.slice(1), passed(460_000)]).at(-1)).toBe("read")
  })
})

describe("the sentences of an update", () => {
  const facts = { version: "12", model: "4g", offer, sizeBytes, takenBytes: 0, wholeFetches: 0, reads: 1 }

  it("name the release where its number is not the VERSION that was offered", () => {
    expect(pullRules.words.offered(facts)).toContain("PROG001 (VERSION 12) waits")
    expect(pullRules.words.offered({ ...facts, version: "200" })).toContain("PROG001 (VERSION 12, release 200) waits")
  })

  it("warn after a second whole download, and count the one that broke the loop", () => {
    expect(pullRules.words.downloaded({ ...facts, wholeFetches: 1 })).toContain("2 times")
    expect(pullRules.words["loop-broken"]({ ...facts, wholeFetches: 2 })).toContain("came 3 times")
  })

  it("admit when a failure could not have been seen", () => {
    expect(pullRules.words["left-alone"]({ ...facts, offer: { ...offer, unproven: true } })).toContain("unless")
  })
})
