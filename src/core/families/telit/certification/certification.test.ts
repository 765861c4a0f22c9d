import { describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { AtLine } from "../../../protocols/at/at-line.ts"
import type { CertificationReport } from "../../certification.ts"
import type { HostPort } from "../../host.ts"
import { MemoryPort } from "../../memory-port.ts"
import { IdleClock } from "../../testing/idle-clock.testing.ts"
import { certification } from "./run.ts"
import { MemoryHostPort } from "../host/bench.testing.ts"
import { type AttendEvent } from "../host/events.ts"
import { type AttendPlan, standardPlan } from "../host/plan.ts"
import { attendModule } from "../host/attend.ts"

const pin = "4711"
const good: AttendPlan = {
  ...standardPlan,
  smsNumber: "+15550100",
  server: { host: "192.0.2.1", port: 4001 },
  bearer: { kind: 2, access: "internet", user: "", password: "" },
  pin,
  restore: ["AT+CNMI=2,1,0,0,0", "AT+CREG=2"],
  askEveryMs: 60_000,
}

/** What a faulty host does otherwise than ours. */
interface Flaw {
  readonly plan?: Partial<AttendPlan>
  /** What is typed instead of a command, `n` from 1 for each text; null = nothing. */
  readonly rewrite?: (text: string, n: number) => string | null
  /** Something done when the module has said a line. */
  readonly when?: { readonly event: AttendEvent["event"]; readonly deed: (hand: Hand) => void }
}

/** What a careless hand can do at the port. */
interface Hand {
  readonly type: (text: string) => void
  readonly close: () => void
  readonly stop: () => void
}

async function certify(variant: string, flaw: Flaw = {}, model = "HE910"): Promise<CertificationReport> {
  const port = new MemoryPort()
  const clock = new IdleClock()
  const ending = new AbortController()
  const hostPort = new MemoryHostPort(() => port, clock)
  const line: { open: AtLine | null } = { open: null }
  const hand: Hand = {
    type: (text) => void line.open?.write(latin1(`${text}\r`)),
    close: () => hostPort.drop(),
    stop: () => ending.abort(new Error("the host has died")),
  }
  const host = attendModule({
    port: flawed(hostPort, flaw, (opened) => {
      line.open = opened
    }),
    clock,
    plan: { ...good, variant: variant === "tcp-ip" ? "ip" : variant === "combined" ? "combined" : "sms", ...flaw.plan },
    tell: ({ event }) => {
      if (event === flaw.when?.event) flaw.when.deed(hand)
    },
    signal: ending.signal,
  })
  host.catch(() => undefined)
  let seed = 1
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  const { signal } = new AbortController()
  try {
    return await certification.certify({
      model,
      variant,
      pin,
      port,
      clock,
      random,
      speed: 1,
      log: () => undefined,
      signal,
    })
  } finally {
    ending.abort(new Error("over"))
  }
}

function flawed(inner: HostPort, { rewrite }: Flaw, opened: (line: AtLine) => void): HostPort {
  const counts = new Map<string, number>()
  return {
    names: inner.names,
    open: async (name) => {
      const line = await inner.open(name)
      if (line === null) return null
      opened(line)
      if (rewrite === undefined) return line
      return {
        ...line,
        write: (bytes) => {
          const text = fromLatin1(bytes).trimEnd()
          const n = (counts.get(text) ?? 0) + 1
          counts.set(text, n)
          const typed = rewrite(text, n)
          return typed === null ? Promise.resolve(true) : line.write(latin1(`${typed}\r`))
        },
      }
    },
  }
}

/** The rows that did not pass, with their verdicts. */
function notPassed({ rows }: CertificationReport): readonly string[] {
  return rows.filter(({ verdict }) => verdict !== "passed").map(({ name, verdict }) => `${name}: ${verdict}`)
}

describe("the certification of a host", () => {
  it.each(["sms", "combined", "tcp-ip"])("passes our own in the variant %s", async (variant) => {
    const report = await certify(variant)
    expect(notPassed(report)).toEqual([])
    expect(report.isPassed).toBe(true)
    expect(report.rows).toHaveLength(9)
  })

  it.each(["GE910", "GE864", "GL865"])("passes our own at a %s", async (model) => {
    expect((await certify("sms", {}, model)).isPassed).toBe(true)
  })

  it("passes a host that delays nothing and restores nothing, for it had set nothing", async () => {
    const { rows } = await certify("sms", { plan: { restore: [] } })
    expect(rows.find(({ name }) => name === "settings")).toMatchObject({ verdict: "passed" })
  })

  it("knows a model that does not have the variant", async () => {
    await expect(certify("tcp-ip", {}, "GL865")).rejects.toThrow(RangeError)
  })
})

const later = (pattern: RegExp) => (text: string, n: number) => (pattern.test(text) && n > 1 ? "AT" : text)

const flaws: readonly (readonly [string, Flaw, readonly string[]])[] = [
  [
    "never answers the question",
    { rewrite: (text) => (text.startsWith("AT#OTASUAN=1") ? null : text) },
    [
      "answer: failed",
      "inhibited: not-seen",
      "power: not-seen",
      "failed-update: not-seen",
      "pin: not-seen",
      "settings: not-seen",
    ],
  ],
  [
    "leaves the module under autobauding",
    { rewrite: (text) => text.replace(/^AT\+IPR=\d+$/, "AT+IPR=0") },
    ["speed: failed"],
  ],
  ["forgets its settings after the update", { rewrite: later(/^AT\+CNMI=/) }, ["settings: failed"]],
  [
    "dials during the download",
    { when: { event: "download-started", deed: ({ type }) => type("ATD*99#") } },
    ["inhibited: failed"],
  ],
  [
    "hides an inhibited command behind another one",
    { when: { event: "download-started", deed: ({ type }) => type("AT+CSQ;+CGATT=0") } },
    ["inhibited: failed"],
  ],
  [
    "closes the port during the download",
    { when: { event: "download-started", deed: ({ close }) => close() } },
    ["power: failed"],
  ],
  ["enters no PIN after the update", { rewrite: later(/^AT\+CPIN=/) }, ["pin: failed", "sim-change: failed"]],
  [
    "dies of a failed update",
    { when: { event: "failed", deed: ({ stop }) => stop() } },
    ["answer: failed", "failed-update: failed", "pin: not-seen", "settings: not-seen", "sim-change: failed"],
  ],
  [
    "looks away when the SIM is changed",
    { when: { event: "server-notified", deed: ({ stop }) => stop() } },
    ["sim-change: failed"],
  ],
]

describe("a host with one flaw fails by the right row:", () => {
  it.each(flaws)("one that %s", async (_words, flaw, expected) => {
    const report = await certify("sms", flaw)
    expect(report.isPassed).toBe(false)
    expect(notPassed(report)).toEqual(expected)
  })

  it("one that restarts the module during the download", async () => {
    const report = await certify("sms", { when: { event: "download-started", deed: ({ type }) => type("AT#REBOOT") } })
    expect(notPassed(report)).toContain("power: failed")
  })

  it("one that never enters a PIN", async () => {
    const report = await certify("sms", { plan: { pin: null } })
    expect(notPassed(report)[0]).toBe("registration: failed")
    expect(report.rows.every(({ verdict }) => verdict !== "passed")).toBe(true)
  })

  it("one that never asks for an update over TCP/IP", async () => {
    const report = await certify("tcp-ip", { rewrite: (text) => (text === "AT#OTAIPUPD" ? null : text) })
    expect(notPassed(report)[0]).toBe("answer: failed")
  })
})
