import { describe, expect, it } from "vitest"
import { pullStep } from "../../../domain/pull.ts"
import type { PullContext, PullFact, PullFinding } from "../../../domain/pull-facts.ts"
import { freshPull } from "../../../domain/pull-state.ts"
import { pullRules } from "./pull-rules.ts"

const sizeBytes = 3000
const offer = { programId: "PROG001", versionByte: 12, release: "12", mayHold: [], unproven: false }
const network = "10.0"

/** Runs facts through the rules of a model; gives the moments that were found, but for the polls themselves. */
function momentsOf(model: string, facts: readonly PullFact[]): readonly PullFinding["moment"][] {
  const context: PullContext = { rules: pullRules, model, version: "12", offer, sizeBytes, speed: 1 }
  let state = freshPull
  return closedAfterReads(facts).flatMap((fact) => {
    const step = pullStep(context, state, fact)
    state = step.state
    return step.findings.filter(({ kind }) => kind !== "came-back").map((finding) => finding.moment)
  })
}

/** A mote closes the session in which it has read the notice; facts that tell of its end themselves stay as they are. */
function closedAfterReads(facts: readonly PullFact[]): readonly PullFact[] {
  const told = new Set(facts.flatMap((fact) => (fact.kind === "session-closed" ? [fact.session] : [])))
  return facts.flatMap((fact): readonly PullFact[] => {
    if (fact.kind !== "notice-read" || told.has(fact.session)) return [fact]
    return [fact, { kind: "session-closed", session: fact.session, isPolite: false, at: fact.at }]
  })
}

const hour = 3_600_000
const read = (at: number, from = network): PullFact => ({ kind: "notice-read", session: `s${at}`, network: from, at })
const ended = (at: number, end: Partial<PullFact & { kind: "image-ended" }> = {}): PullFact => ({
  ...{ kind: "image-ended", from: 0, to: sizeBytes, sent: sizeBytes, whole: true, at },
  ...end,
})
const started = (at: number, from = 0): PullFact => ({ kind: "image-started", from, session: `i${at}`, network, at })
const fetched = (at: number): readonly PullFact[] => [started(at), ended(at + 1000)]
const passed = (at: number): PullFact => ({ kind: "time-passed", at })
const update = [read(0), ...fetched(20_000)]

describe("what is concluded of a Waspmote", () => {
  it("three quiet polls after a whole download: it runs the program; the others say how far that is", () => {
    const polls = [...update, read(hour), read(2 * hour), read(3 * hour)]
    expect(momentsOf("4g", polls)).toEqual(["read", "downloading", "downloaded", "quiet", "quiet"])
    expect(momentsOf("4g", [...polls, passed(3 * hour + 59_999)]).at(-1)).toBe("quiet")
    expect(momentsOf("4g", [...polls, passed(3 * hour + 60_000)]).at(-1)).toBe("left-alone")
  })

  it("a poll whose session just stops may be a modem without power: five polls then", () => {
    const last: PullFact = { kind: "session-closed", session: "s1", isPolite: false, at: 9 * hour }
    const polls = [read(1), read(hour), read(2 * hour), read(3 * hour), read(4 * hour), read(5 * hour)]
    const broken = [...fetched(-2 * hour), ...polls.slice(0, 4), passed(4 * hour - 1), last]
    expect(momentsOf("4g", broken).at(-1)).toBe("quiet")
    expect(momentsOf("4g", [...fetched(-2 * hour), ...polls.slice(0, 5), passed(4.5 * hour), last]).at(-1)).toBe(
      "left-alone",
    )
  })

  it("3G, GPRS and unknown modems get 90 seconds for their second session", () => {
    for (const model of ["3g", "gprs-pro", "gprs-gps", "unknown"]) {
      const polls = [...update, read(hour), passed(1.5 * hour), read(2 * hour), passed(2.5 * hour), read(3 * hour)]
      expect(momentsOf(model, [...polls, passed(3 * hour + 89_999)]).at(-1), model).toBe("quiet")
      expect(momentsOf(model, [...polls, passed(3 * hour + 90_000)]).at(-1), model).toBe("left-alone")
    }
  })

  it("reads inside one contact are one poll, however many", () => {
    const many = Array.from({ length: 20 }, (_, n) => read(hour + n * 4000))
    for (const model of ["4g", "3g", "gprs-pro"]) {
      expect(
        momentsOf(model, [...update, ...many, passed(hour + 600_000)]).filter((moment) => moment === "quiet"),
        model,
      ).toHaveLength(1)
    }
  })

  it("reads soon after the download belong to it", () => {
    expect(momentsOf("4g", [...update, read(25_000), read(50_000), passed(300_000)]).at(-1)).toBe("downloaded")
  })

  it("QUIT between UPGRADE.TXT and nothing: a 4G mote that wanted the program does not count, others say it always", () => {
    const bye: PullFact = { kind: "session-closed", session: `s${hour}`, isPolite: true, at: hour + 1 }
    expect(momentsOf("4g", [...update, read(hour), bye, passed(2 * hour)]).at(-1)).toBe("unclear")
    expect(momentsOf("3g", [...update, read(hour), bye, passed(2 * hour)]).at(-1)).toBe("quiet")
  })

  it("a 4G mote that stored the whole program says QUIT after it; one that hangs up may have lost it", () => {
    const hungUp: PullFact = { kind: "session-closed", session: "i20000", isPolite: false, at: 22_000 }
    const polls = [read(hour), read(2 * hour), read(3 * hour), passed(3.5 * hour)]
    expect(momentsOf("4g", [...update, hungUp, ...polls])).toEqual([
      "read",
      "downloading",
      "downloaded",
      "downloaded-doubtful",
      "quiet",
      "quiet",
      "quiet",
    ])
    expect(momentsOf("4g", [...update, hungUp, ...polls, read(4 * hour), passed(5 * hour)]).at(-1)).toBe("end-unseen")
  })

  it("a further session that asks for nothing, or for the program in vain, speaks against", () => {
    const opened: PullFact = { kind: "session-opened", session: "x", network, at: hour + 20_000 }
    const asked: PullFact = { kind: "asked", about: "image", session: "x", network, at: hour + 21_000 }
    expect(momentsOf("3g", [...update, read(hour), opened, passed(2 * hour)]).at(-1)).toBe("unclear")
    expect(momentsOf("3g", [...update, read(hour), opened, asked, passed(2 * hour)]).at(-1)).toBe("asked-again")
    const later = [2, 3, 4].flatMap((n) => [read(n * hour), passed((n + 0.5) * hour)])
    expect(momentsOf("3g", [...update, read(hour), opened, asked, ...later]).at(-1)).toBe("quiet")
    expect(
      momentsOf("3g", [...update, read(hour), opened, asked, ...later, read(6 * hour), passed(7 * hour)]).at(-1),
    ).toBe("left-alone")
  })

  it("a further session that reads the notice again is the same poll", () => {
    const opened: PullFact = { kind: "session-opened", session: "x", network, at: hour + 20_000 }
    const again: PullFact = { kind: "notice-read", session: "x", network, at: hour + 21_000 }
    expect(momentsOf("gprs-pro", [...update, read(hour), opened, again, passed(2 * hour)]).at(-1)).toBe("quiet")
  })

  it("WiFi PRO: the end of the session settles a poll", () => {
    const polls = [hour, 2 * hour, 3 * hour].flatMap((at): PullFact[] => [
      read(at),
      { kind: "session-closed", session: `s${at}`, isPolite: true, at: at + 100 },
    ])
    expect(momentsOf("wifi-pro", [...update, ...polls]).slice(-2)).toEqual(["quiet", "left-alone"])
  })

  it("a fetch after another poll is a failed install, and four of them break the loop", () => {
    const tries = [1, 2, 3, 4].flatMap((n) => [read(n * hour), ...fetched(n * hour + 20_000)])
    expect(momentsOf("4g", tries).filter((moment) => moment === "install-failed")).toHaveLength(3)
    expect(momentsOf("4g", [...tries, read(5 * hour), started(5 * hour + 20_000)]).at(-1)).toBe("loop-broken")
  })

  it("whole fetches in one contact are retries of the library and no failed installs", () => {
    const facts = [read(0), ...fetched(10_000), ...fetched(20_000), ...fetched(30_000)]
    expect(momentsOf("gprs-pro", facts)).toEqual([
      "read",
      "downloading",
      "downloaded",
      "downloading",
      "downloaded",
      "downloading",
      "downloaded",
    ])
  })

  it("fourteen programs' worth of bytes are enough", () => {
    const facts = Array.from({ length: 14 }, (_, n) => fetched(10_000 * n)).flat()
    expect(momentsOf("gprs-pro", [...facts, started(500_000)]).at(-1)).toBe("bytes-spent")
  })

  it("six quiet polls without any fetch mean that it declines", () => {
    const reads = [0, 1, 2, 3, 4, 5].map((poll) => read(poll * hour))
    expect(momentsOf("4g", [...reads, passed(9 * hour)]).at(-1)).toBe("declined")
    expect(momentsOf("4g", [...reads.slice(1), passed(9 * hour)]).at(-1)).toBe("read")
  })

  it("bytes that were handed over and not acknowledged are a cut, and quiet polls do not make them whole", () => {
    const cut = [read(0), started(20_000), ended(21_000, { to: 0, whole: false })]
    const polls = [read(hour), read(2 * hour), passed(3 * hour)]
    expect(momentsOf("4g", [...cut, ...polls])).toEqual(["read", "downloading", "cut", "quiet", "quiet"])
  })

  it("pieces count as the bytes that were certainly taken: 512 and the last 1000 are no program", () => {
    const pieces = [
      ...[read(0), started(20_000), ended(21_000, { to: 512, sent: 2000, whole: false })],
      ...[started(22_000, 2000), ended(23_000, { from: 2000 })],
    ]
    expect(momentsOf("4g", pieces)).toEqual(["read", "downloading", "cut", "downloading", "cut"])
    const whole = [...pieces, started(24_000, 400), ended(25_000, { from: 400, to: 2000, sent: 2000, whole: false })]
    expect(momentsOf("4g", whole).at(-1)).toBe("downloaded-doubtful")
  })

  it("a download under way, or a client of another network in the same contact: nothing is counted", () => {
    const held = [read(0), started(20_000), read(hour), read(2 * hour), read(3 * hour), passed(4 * hour)]
    expect(momentsOf("4g", held)).not.toContain("quiet")
    const both = [...update, read(hour), read(hour + 1000, "172.16"), passed(2 * hour)]
    expect(momentsOf("4g", both).at(-1)).toBe("downloaded")
  })

  it("quiet polls from another network than the download's: five of them", () => {
    const polls = [1, 2, 3, 4, 5].map((n) => read(n * hour, "172.16"))
    expect(momentsOf("4g", [...update, ...polls]).filter((moment) => moment === "quiet")).toHaveLength(4)
    expect(momentsOf("4g", [...update, ...polls, passed(6 * hour)]).at(-1)).toBe("left-alone")
  })

  it("two networks by turns are two devices: nothing is concluded", () => {
    const polls = [1, 2, 3, 4, 5, 6].map((n) => read(n * hour, n % 2 === 0 ? network : "172.16"))
    const found = momentsOf("4g", [...update, ...polls, passed(9 * hour)])
    expect(found.at(-1)).toBe("held-back")
    expect(found).not.toContain("left-alone")
  })

  it("curl gives itself away by its verbs, a modem does not", () => {
    expect(pullRules.isVisitor(["USER", "PASS", "PWD", "EPSV", "TYPE", "SIZE", "RETR", "QUIT"])).toBe(true)
    expect(pullRules.isVisitor(["USER", "PASS", "TYPE", "CWD", "SIZE", "PASV", "RETR", "QUIT"])).toBe(false)
  })
})

describe("the sentences of an update", () => {
  const tries = { wholeFetches: 0, failedInstalls: 0, grounds: "whole", reads: 3, needed: 3 } as const
  const facts = { version: "12", model: "4g", offer, sizeBytes, takenBytes: 0, ...tries }

  it("name the release where its number is not the VERSION that was offered", () => {
    expect(pullRules.words.offered(facts)).toContain("PROG001 (VERSION 12) waits")
    expect(pullRules.words.offered({ ...facts, version: "200" })).toContain("PROG001 (VERSION 12, release 200) waits")
  })

  it("count the installs that failed, and say how far a conclusion is", () => {
    expect(pullRules.words.downloaded({ ...facts, failedInstalls: 1 })).toContain("1 of 4")
    expect(pullRules.words["loop-broken"]({ ...facts, failedInstalls: 4 })).toContain("after 4 installs")
    expect(pullRules.words.quiet({ ...facts, reads: 2 })).toContain("2 of 3 quiet polls; the next decides")
  })

  it("tell a mote that fetched and fell silent from one that never called", () => {
    expect(pullRules.words.silent(facts)).toContain("since it fetched")
    expect(pullRules.words.silent({ ...facts, grounds: "none" })).toContain("while PROG001 (VERSION 12) waited")
  })

  it("admit when a failure could not have been seen", () => {
    expect(pullRules.words["left-alone"]({ ...facts, offer: { ...offer, unproven: true } })).toContain("unless")
  })
})
