import { describe, expect, it } from "vitest"
import { Bench, imeiA, registration } from "./bench.testing.ts"
import { freshTalk, readMemory, type TalkState, talkStates } from "./memory.ts"
import { happen, type TalkEvent, talkTable } from "./talk.ts"
import { stateWords } from "./talk-words.ts"
import { newTurn, type Turn } from "./turn.ts"

const states = Object.keys(talkStates) as TalkState[]
const events: readonly TalkEvent[] = [
  "due",
  "sign",
  "runs",
  "provisioned",
  "accepted",
  "refused",
  "delayed",
  "unanswered",
  "downloaded",
  "ended",
  "failed",
]

/** The whole table by hand: where each event leads from each state. What does not stand here changes nothing. */
const leads: Readonly<Record<TalkState, Partial<Record<TalkEvent, TalkState>>>> = {
  idle: {},
  held: { due: "provisioning", accepted: "fetching", downloaded: "installing", ended: "over", failed: "pausing" },
  verifying: { due: "verifying", runs: "provisioning" },
  provisioning: { due: "provisioning", provisioned: "provisioning" },
  inviting: { runs: "inviting" },
  commanded: {
    due: "commanded",
    accepted: "fetching",
    refused: "over",
    delayed: "delayed",
    unanswered: "pausing",
    downloaded: "installing",
    ended: "over",
    failed: "pausing",
    runs: "commanded",
  },
  delayed: {
    accepted: "fetching",
    refused: "over",
    unanswered: "pausing",
    downloaded: "installing",
    ended: "over",
    failed: "pausing",
    runs: "delayed",
  },
  fetching: {
    due: "fetching",
    accepted: "fetching",
    downloaded: "installing",
    ended: "over",
    failed: "pausing",
    runs: "fetching",
  },
  installing: { due: "installing", ended: "over", failed: "pausing", runs: "installing" },
  pausing: { due: "provisioning", runs: "pausing" },
  silent: {
    sign: "provisioning",
    accepted: "fetching",
    refused: "over",
    delayed: "delayed",
    downloaded: "installing",
    ended: "over",
    failed: "pausing",
    runs: "silent",
  },
  over: {},
}

/** A module in a state, with an offer from what it runs. */
function turnIn(state: TalkState): Turn {
  const bench = new Bench()
  bench.add(imeiA)
  bench.fromSms(imeiA, registration(1))
  bench.offer(imeiA)
  const device = bench.device(imeiA)
  const memory = readMemory(device.state)
  const talk = { ...freshTalk, state, offer: "ticket000001", transaction: 77, tries: 1 }
  return newTurn(bench.situation(device), { ...memory, talk })
}

describe("the table of an offer's conversation", () => {
  it.each(states)("leads from %s where it was written down by hand, and nowhere else", (state) => {
    for (const event of events) {
      const turn = turnIn(state)
      const before = turn.memory
      const isKnown = happen(turn, event, { firmware: "13.00.003", code: 13 })
      expect(isKnown, event).toBe(leads[state][event] !== undefined)
      expect(isKnown, event).toBe(talkTable[state][event] !== undefined)
      expect(turn.memory.talk.state, event).toBe(leads[state][event] ?? state)
      if (!isKnown) expect([turn.memory, turn.send, turn.evidence, turn.notes], event).toEqual([before, [], [], []])
    }
  })

  it.each(states)("has a meaning for %s, and waits in it for a message or a time", (state) => {
    expect(talkStates[state]).not.toBe("")
    expect(stateWords(turnIn(state).memory) ?? "A sentence.").toMatch(/^[A-Z].*\.$/)
    if (state !== "idle" && state !== "over") expect(Object.keys(talkTable[state]).length).toBeGreaterThan(0)
  })

  it("judges what runs wherever a module tells it", () => {
    for (const state of states) {
      if (talkTable[state].runs === undefined) continue
      const turn = turnIn(state)
      happen(turn, "runs", { firmware: "13.00.004" })
      expect(
        turn.evidence.map(({ kind }) => kind),
        state,
      ).toEqual(["installed"])
      expect(turn.memory.talk.state, state).toBe("over")
    }
  })
})
