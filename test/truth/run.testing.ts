import { pullStep } from "../../src/core/domain/pull.ts"
import type { PullContext, PullFact } from "../../src/core/domain/pull-facts.ts"
import { freshPull, type PullState, resumedPull } from "../../src/core/domain/pull-state.ts"
import { advance, type Progress } from "../../src/core/domain/update.ts"
import type { ModelScripts, Script, Sight } from "./scripts.testing.ts"

/** A generator of numbers from 0 to 1, the same for the same seed. */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What one run came to. */
export interface TruthRun {
  readonly end: "succeeded" | "failed" | "declined" | "undecided"
  /** The server said so once, while a device that used the login did not run the release. */
  readonly falseSuccess: boolean
  /** The server said so, and a device ran the release. */
  readonly falseFailure: boolean
  /** The server said so of a device that would still have taken the release, or runs it. */
  readonly falseDecline: boolean
  /** Two devices used the login, and the server said so of the one that fetched, while the other did not run the release. */
  readonly otherMissed: boolean
  /** No false success stood at the end. */
  readonly isCorrected: boolean
  /** Contacts after the install until the server had decided; null = it had not, or there was none. */
  readonly contacts: number | null
  readonly story: readonly string[]
}

export interface TruthPlan {
  readonly scripts: ModelScripts
  /** Faults of the first contacts; those that follow are sound. */
  readonly faults: readonly string[]
  readonly seed: number
  /** Absent = rhythm, networks, visitors, power cuts, restarts and second devices as the seed has them. */
  readonly isPlain?: boolean
}

const homes = ["10.1", "10.2", "10.3", "10.4"] as const
const desk = "192.168"
const mostContacts = 24
const gapsMs = [20_000, 100_000, 600_000, 3_600_000, 86_400_000, 604_800_000] as const
const dayMs = 86_400_000

/** The device as it really is. */
interface Truth {
  runs: boolean
  waits: boolean
  hasCalled: boolean
  readonly network: () => string
  readonly faults: string[]
}

/** One device, or two, against the server's conclusions, on a clock that only counts. */
export function runTruth(plan: TruthPlan): TruthRun {
  return new Run(plan).play()
}

class Run {
  readonly #plan: TruthPlan
  readonly #isPlain: boolean
  readonly #random: () => number
  readonly #context: PullContext
  readonly #story: string[] = []
  #state: PullState = freshPull
  #saved: PullState = freshPull
  #progress: Progress = { state: "offered", attempt: 1, basis: "observed", since: 0, sentence: "", code: null }
  #now = 1_000_000
  #sessions = 0
  readonly #devices: readonly Truth[]
  #falseSuccess = false
  #otherMissed = false
  /** Whose fetch the server's word rests on. */
  #fetcher: Truth | null = null
  #falseFailure = false
  #falseDecline = false
  #installedAt = -1
  #contacts = 0
  #decidedAfter: number | null = null

  constructor(plan: TruthPlan) {
    this.#plan = plan
    this.#isPlain = plan.isPlain === true
    this.#random = numbersFrom(plan.seed)
    const { family, model, offer } = plan.scripts
    const { sizeBytes } = offer.image
    this.#context = { rules: family.pull, model, version: offer.version, offer: offer.offer, sizeBytes, speed: 1 }
    const first = this.#device(0, [...plan.faults])
    this.#devices = this.#happens(0.1) ? [first, this.#device(2, this.#someFaults())] : [first]
  }

  /** Whether something happens that does so only in runs that are not plain. */
  #happens(chance: number): boolean {
    return !this.#isPlain && this.#random() < chance
  }

  #someFaults(): string[] {
    const { old } = this.#plan.scripts
    return this.#random() < 0.5 ? [] : [old[Math.floor(this.#random() * old.length)]?.fault ?? "none"]
  }

  #device(home: 0 | 2, faults: string[]): Truth {
    const isRoaming = this.#happens(0.1)
    const network = (): string => homes[home + (isRoaming && this.#random() < 0.3 ? 1 : 0)] ?? homes[0]
    return { runs: false, waits: false, hasCalled: false, network, faults }
  }

  play(): TruthRun {
    const usualGap = this.#isPlain ? dayMs : (gapsMs[Math.floor(this.#random() * gapsMs.length)] ?? dayMs)
    const visits = this.#happens(0.3) ? 0.4 : 0
    let imitations = this.#happens(0.05) ? 1 : 0
    for (let turn = 0; turn < mostContacts && !this.#isOver(); turn++) {
      this.#pass(usualGap * (this.#isPlain ? 1 : 0.8 + 0.4 * this.#random()))
      if (this.#happens(visits)) this.#visit()
      if (imitations > 0 && this.#happens(0.2)) {
        imitations--
        this.#imitate()
      }
      if (this.#happens(0.02)) this.#restart()
      const device = this.#devices[this.#devices.length > 1 && this.#random() < 0.5 ? 1 : 0]
      if (device !== undefined) this.#contact(device)
      if (usualGap > 300_000) this.#pass(300_000)
    }
    this.#pass(600_000)
    return this.#result()
  }

  /** Decided, and every device has had its faults and runs the release. */
  #isOver(): boolean {
    const isDone = ["succeeded", "failed", "declined"].includes(this.#progress.state)
    return isDone && this.#devices.every(({ faults, runs }) => faults.length === 0 && runs)
  }

  #contact(device: Truth): void {
    if (device.waits) {
      // Somebody resets it, sooner or later.
      if (this.#random() < 0.5) return
      device.waits = false
    }
    const fault = device.faults.shift() ?? "none"
    const scripts = this.#plan.scripts[device.runs ? "new" : "old"]
    const script = scripts.find((candidate) => candidate.fault === fault)
    if (script === undefined) throw new Error(`no script of the fault ${fault}`)
    if (this.#installedAt >= 0) this.#contacts++
    this.#story.push(`${device.runs ? "the release" : "the old program"}, ${fault}, at ${this.#now}`)
    const cutAt = this.#happens(0.03) ? Math.floor(this.#random() * script.sights.length) : -1
    if (this.#replay(script, device, cutAt) === "cut") return
    if (script.runs && !device.runs) this.#installedAt = this.#now
    device.runs ||= script.runs
    device.waits = script.waits
    this.#look()
  }

  #replay({ sights }: Script, device: Truth, cutAt: number): "cut" | "whole" {
    const network = device.network()
    const base = this.#sessions
    const begun = this.#now
    this.#sessions += sights.reduce((highest, { session }) => Math.max(highest, session), 0)
    let isOpen = false
    let hasEnded = false
    for (const [index, sight] of sights.entries()) {
      if (index === cutAt) {
        this.#story.push("its power is cut")
        const { sizeBytes } = this.#context
        if (isOpen) this.#fact({ kind: "image-ended", from: 0, to: 0, sent: sizeBytes, whole: false, at: this.#now })
        // The bootloader goes on with a program that was stored whole.
        return hasEnded ? "whole" : "cut"
      }
      this.#pass(Math.max(0, begun + sight.at - this.#now))
      if (sight.kind === "started") this.#fetcher = device
      if (sight.kind === "read") device.hasCalled = true
      isOpen = sight.kind === "started" || (isOpen && sight.kind !== "ended")
      hasEnded ||= sight.kind === "ended"
      this.#fact(toFact(sight, { session: `s${base + sight.session}`, network, at: this.#now }))
      if (this.#happens(0.002)) this.#restart()
    }
    return "whole"
  }

  /** Somebody at a desk, by a program that no device is. */
  #visit(): void {
    const isHttp = this.#plan.scripts.family.http !== undefined
    const signs = isHttp ? ["GET", "host", "user-agent", "accept"] : ["USER", "PASS", "PWD", "EPSV", "RETR", "QUIT"]
    if (this.#context.rules.isVisitor(signs)) return
    for (let reads = 0; reads < 5; reads++) this.#readAtDesk()
  }

  /** Somebody who speaks exactly as the device does, from elsewhere. */
  #imitate(): void {
    this.#story.push("somebody imitates it")
    const reads = 1 + Math.floor(this.#random() * 5)
    for (let read = 0; read < reads; read++) this.#readAtDesk()
    this.#pass(300_000)
  }

  #readAtDesk(): void {
    const session = `s${++this.#sessions}`
    this.#fact({ kind: "notice-read", session, network: desk, at: this.#now })
    this.#fact({ kind: "session-closed", session, isPolite: false, at: this.#now })
    this.#pass(1000)
  }

  #restart(): void {
    this.#story.push("the server is killed and started again")
    this.#state = resumedPull(this.#saved, this.#now)
  }

  #pass(ms: number): void {
    const until = this.#now + ms
    const { contact } = this.#state
    const { settleMs } = this.#context.rules.contact(this.#context.model)
    if (contact !== null && !contact.isSettled && contact.lastAt + settleMs <= until) {
      this.#now = Math.max(this.#now, contact.lastAt + settleMs)
      this.#fact({ kind: "time-passed", at: this.#now })
    }
    this.#now = until
  }

  /** Takes a fact in as `recordFact` does. */
  #fact(fact: PullFact): void {
    const isImage = fact.kind.startsWith("image-") || (fact.kind === "asked" && fact.about === "image")
    if (this.#progress.state === "succeeded" && !isImage) return
    const step = pullStep(this.#context, this.#state, fact)
    if (step.state === this.#state) return
    const isCounted = step.state.quiet !== this.#state.quiet || step.state.sharing !== this.#state.sharing
    this.#state = step.state
    let isMoved = false
    for (const { kind, basis, moment } of step.findings) {
      const before = this.#progress.state
      const next = advance(this.#progress, { kind, basis, at: this.#now, sentence: `${moment} ${step.state.quiet}` })
      if (next === null) continue
      isMoved = true
      if (next.state !== before) this.#story.push(`${before} -> ${next.state}: ${moment}`)
      this.#progress = next
    }
    if (isMoved || isCounted || fact.kind.startsWith("image-")) this.#saved = step.state
    if (isMoved) this.#look()
  }

  get #isTrue(): boolean {
    return this.#fetcher?.runs === true
  }

  /** Compares what the server says with what is true. */
  #look(): void {
    const { state } = this.#progress
    if (state === "succeeded" && this.#isTrue) this.#decidedAfter ??= this.#installedAt < 0 ? null : this.#contacts
    else if (state === "succeeded") this.#falseSuccess = true
    if (state === "succeeded" && this.#devices.some(({ hasCalled, runs }) => hasCalled && !runs))
      this.#otherMissed = true
    if (state === "failed" && this.#devices.some(({ runs }) => runs)) this.#falseFailure = true
    if (state === "declined") this.#falseDecline = true
  }

  #result(): TruthRun {
    const { state } = this.#progress
    return {
      end: state === "succeeded" || state === "failed" || state === "declined" ? state : "undecided",
      falseSuccess: this.#falseSuccess,
      falseFailure: this.#falseFailure,
      falseDecline: this.#falseDecline,
      otherMissed: this.#otherMissed && !this.#falseSuccess,
      isCorrected: state !== "succeeded" || this.#isTrue,
      contacts: this.#decidedAfter,
      story: this.#story,
    }
  }
}

interface At {
  readonly session: string
  readonly network: string
  readonly at: number
}

function toFact(sight: Sight, { session, network, at }: At): PullFact {
  switch (sight.kind) {
    case "opened":
      return { kind: "session-opened", session, network, at }
    case "closed":
      return { kind: "session-closed", session, isPolite: sight.isPolite, at }
    case "asked":
      return { kind: "asked", about: sight.about, session, network, at }
    case "read":
      return { kind: "notice-read", session, network, at }
    case "started":
      return { kind: "image-started", from: 0, session, network, at }
    case "ended":
      return { kind: "image-ended", from: 0, to: sight.to, sent: sight.sent, whole: sight.whole, at }
  }
}
