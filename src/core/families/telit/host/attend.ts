import type { AtAnswer } from "../../../protocols/at/at-host.ts"
import type { AtClock } from "../../../protocols/at/at-line.ts"
import type { AnyAttendance, AttendBinding } from "../../attend.ts"
import type { HostPort } from "../../host.ts"
import { type AttendEvent, type AttendEventName, attendWords, urcMeanings } from "./events.ts"
import { type AttendPlan, faultsOfPlan, planOf } from "./plan.ts"
import { AttendedPort } from "./port.ts"
import { isUpdating, type ModuleKnown, openSim, preparation, readImei, readVersion, type StepBench } from "./steps.ts"
import { readUrc } from "../codec/urcs.ts"

/** Time limits of an attendance, ms. None is the note's but the minute that it gives for an answer (§3.2.3). */
export const attendLimits = {
  /** For the answer of a command. Three that stay open still leave the question half its minute. */
  answerMs: 8000,
  /** Until a step that was not done is tried again. */
  againMs: 5000,
  /** A module at rest is looked after so often: its SIM may have been changed, it may have restarted without a word. */
  lookMs: 60_000,
  /** The same while it updates: nothing is typed before it has been quiet for so long. */
  quietMs: 120_000,
  /** Until a module that would not ask for an update is told to once more: its registration takes a while. */
  refusedMs: 5 * 60_000,
  /** New firmware that has not told the server for so long is registered anew nevertheless. */
  finalMs: 10 * 60_000,
  /** Lines that nobody knows, told at most. */
  mostLines: 100,
} as const

export interface Attendance {
  readonly port: HostPort
  readonly clock: AtClock
  readonly plan: AttendPlan
  readonly tell: (event: AttendEvent) => void
  /** The module that is attended, kept from one run to the next. */
  readonly binding?: AttendBinding
  readonly signal: AbortSignal
}

/**
 * The host program beside a Telit module (chapters 3 to 6): sets it up, enters the PIN, registers it, answers its question,
 * keeps its hands off while it updates, and sets it up again afterwards. Goes on through lost ports, restarts and silence;
 * keeps nothing but which module it is, so a host that is killed and started again goes on as well. Rejects with the signal's reason, and with
 * `RangeError` for a plan that cannot be.
 */
export async function attendModule(attendance: Attendance): Promise<never> {
  const [fault] = faultsOfPlan(attendance.plan)
  if (fault !== undefined) throw new RangeError(fault)
  const attendant = new Attendant(attendance)
  try {
    return await attendant.run()
  } finally {
    await attendant.close()
  }
}

/** The same for a plan as a file or the command line gives it. */
export async function attend(attendance: AnyAttendance): Promise<never> {
  return attendModule({ ...attendance, plan: planOf(attendance.plan) })
}

/** Lines that every module says all day: calls, messages, the network's and the SIM's state. */
function isEveryday(line: string): boolean {
  return /^(RING|NO CARRIER|\+(CREG|CGREG|CEREG|CMTI|CMT|CDS|CDSI|CPIN|CRING|CLIP|CIEV|CUSD)\b|#(QSS|STN)\b)/.test(line)
}

/** An answer that the module does not confirm is typed again. */
const mostAnswers = 3
const answers = { reject: 0, accept: 1, delay: 2 } as const

class Attendant {
  readonly #parts: Attendance
  readonly #port: AttendedPort
  readonly #bench: StepBench
  readonly #known: ModuleKnown = {
    version: null,
    imei: null,
    other: null,
    isPinRefused: false,
    openPins: 0,
    sim: null,
    isRegistrationAsked: false,
    owesFinal: false,
  }
  /** Steps of the preparation that are done. */
  #done = 0
  #isHandsOff = false
  /** The firmware before the update that is under way. */
  #before: string | null = null
  #isSilent = false
  readonly #lines = new Set<string>()
  #heardMs: number
  #lookedMs: number
  #askedMs: number
  #upgradedMs = 0

  constructor(parts: Attendance) {
    this.#parts = parts
    this.#known.imei = parts.plan.imei ?? parts.binding?.imei ?? null
    this.#port = new AttendedPort(parts.port, parts.clock)
    this.#heardMs = parts.clock.now()
    this.#lookedMs = this.#heardMs
    this.#askedMs = parts.clock.now() - parts.plan.askEveryMs
    this.#bench = {
      plan: parts.plan,
      known: this.#known,
      tell: (event, detail) => this.#tell(event, detail),
      type: (text, isAnswer) => this.#type(text, isAnswer),
      mayType: () => !this.#isHandsOff,
      bind: async (imei) => parts.binding?.bind(imei),
    }
  }

  close(): Promise<void> {
    return this.#port.close()
  }

  async run(): Promise<never> {
    const { signal } = this.#parts
    for (;;) {
      signal.throwIfAborted()
      if (!this.#port.isOpen) await this.#open()
      const isQuiet = this.#isHandsOff ? await this.#watch() : await this.#tend()
      if (await this.#port.hasVanished()) {
        this.#tell("gone")
        this.#done = 0
      } else if (isQuiet) await this.#pause()
    }
  }

  async #open(): Promise<void> {
    this.#tell("opened", `${await this.#port.open(this.#parts.signal)}.`)
    this.#done = 0
    this.#heardMs = this.#parts.clock.now()
  }

  /** Listens for a while, however much is said: a module that talks all the time is not asked all the time. */
  async #pause(): Promise<void> {
    const { clock, signal } = this.#parts
    const untilMs = clock.now() + attendLimits.againMs
    while (clock.now() < untilMs && !this.#port.isGone && !signal.aborted) await this.#hear(untilMs - clock.now())
  }

  /** Whether the module that is meant stands at the port, asked immediately before it is ordered or believed. */
  async #isMeant(): Promise<boolean> {
    const isMeant = await readImei(this.#bench)
    // Whoever else it is: the preparation, and with it the search, begins again.
    if (this.#known.other !== null) this.#done = 0
    return isMeant
  }

  /** While the module updates: listens; asks who runs there when it has been quiet for long. */
  async #watch(): Promise<boolean> {
    const quietAtMs = this.#heardMs + attendLimits.quietMs
    if (this.#parts.clock.now() < quietAtMs) {
      await this.#hear(quietAtMs - this.#parts.clock.now())
      return false
    }
    this.#heardMs = this.#parts.clock.now()
    if (!(await this.#isMeant())) return this.#known.other === null ? this.#silent() : this.#leaveOther()
    if (!(await readVersion(this.#bench))) return this.#silent()
    this.#isSilent = false
    // It answers: what it said last was lost, if it said something.
    if (this.#known.version !== this.#before) this.#takeUpgrade()
    else if (!(await isUpdating(this.#bench.type))) {
      this.#tell("no-update")
      this.#handsOn()
      // Whatever it did in the meantime: it may have restarted.
      this.#done = 0
    }
    return false
  }

  /** At any other time: prepares the module, and looks after one that is prepared. True = nothing more to do for now. */
  async #tend(): Promise<boolean> {
    const step = preparation[this.#done]
    if (step === undefined) return this.#look()
    this.#settleFinal()
    if (await step(this.#bench)) {
      this.#isSilent = false
      this.#done++
      return false
    }
    if (this.#known.other !== null) return this.#leaveOther()
    if (this.#isHandsOff) return false
    if (this.#done === 0) return this.#silent()
    // A step that waits for somebody (a PIN) must not hide for long who stands there and what runs.
    if (this.#parts.clock.now() - this.#lookedMs >= attendLimits.lookMs) {
      this.#lookedMs = this.#parts.clock.now()
      this.#done = 0
    }
    return true
  }

  /** Another module's port: ours may be another one, or come back to this one. */
  async #leaveOther(): Promise<boolean> {
    this.#done = 0
    this.#handsOn()
    await this.#port.leave()
    return true
  }

  /** New firmware that never said that it told the server must not keep a registration waiting for ever. */
  #settleFinal(): void {
    if (this.#known.owesFinal && this.#parts.clock.now() - this.#upgradedMs >= attendLimits.finalMs) {
      this.#known.owesFinal = false
    }
  }

  async #look(): Promise<boolean> {
    const { plan, clock } = this.#parts
    const nowMs = clock.now()
    const isDue = plan.variant === "ip" && nowMs - this.#askedMs >= plan.askEveryMs
    if (nowMs - this.#lookedMs < attendLimits.lookMs) {
      if (isDue) await this.#askForUpdate()
      else await this.#hear(attendLimits.lookMs - (nowMs - this.#lookedMs))
      return false
    }
    this.#lookedMs = nowMs
    const before = this.#known.version
    // Whatever is not as it was is prepared again from the beginning.
    if (!(await this.#isMeant()) || !(await readVersion(this.#bench)) || this.#isHandsOff) this.#done = 0
    else if (before !== this.#known.version) this.#takeUpgrade()
    else if (!(await openSim(this.#bench)) || !(await this.#isAsPrepared())) this.#done = 0
    return false
  }

  /** `+IPR` is the first thing that a module from the factory, or a reset, does not have. */
  async #isAsPrepared(): Promise<boolean> {
    const { end, lines } = await this.#bench.type("AT+IPR?")
    return end === "ok" && lines.some((line) => line.trim() === `+IPR: ${this.#parts.plan.baudRate}`)
  }

  /** `AT#OTAIPUPD` (§5.2.2): from its OK on the interface is frozen until the update is over, or nothing was offered. */
  async #askForUpdate(): Promise<void> {
    if (!(await this.#isMeant())) {
      this.#done = 0
      return
    }
    this.#askedMs = this.#parts.clock.now()
    const answer = await this.#type("AT#OTAIPUPD")
    if (answer.end === "ok") {
      this.#tell("update-asked")
      this.#handsOff()
    } else if (answer.end === "error") {
      const { askEveryMs } = this.#parts.plan
      this.#askedMs -= Math.max(0, askEveryMs - attendLimits.refusedMs)
      this.#tell("update-refused", `${answer.final.line}.`)
    }
  }

  /** Nobody answers: another port may be the module's. */
  async #silent(): Promise<boolean> {
    if (!this.#isSilent) this.#tell("silent")
    this.#isSilent = true
    await this.#port.leave()
    return true
  }

  /** Types a command once everything that the module has said is heard: its question comes first. */
  async #type(text: string, isAnswer?: (line: string) => boolean): Promise<AtAnswer> {
    await this.#hear(0)
    const answer = await this.#port.type(text, attendLimits.answerMs, isAnswer)
    if (answer.end === "ok" || answer.end === "error") this.#heardMs = this.#parts.clock.now()
    return answer
  }

  /** Hears what the module says: everything that waits, or the next thing within `timeoutMs`. */
  async #hear(timeoutMs: number): Promise<void> {
    const { signal, clock } = this.#parts
    const line = await this.#port.listen(timeoutMs, signal)
    if (line === null) return
    this.#heardMs = clock.now()
    await this.#take(line)
    return this.#hear(0)
  }

  async #take(line: string): Promise<void> {
    const name = readUrc(line)
    if (name === null) return this.#noteLine(line)
    const { event, hands, isFresh } = urcMeanings[name]
    if (isFresh === true) {
      this.#known.version = null
      return this.#takeUpgrade()
    }
    this.#tell(event)
    if (name === "question") await this.#answer()
    if (name === "serverNotified") this.#known.owesFinal = false
    if (hands === "off") this.#handsOff()
    if (hands === "on") this.#handsOn()
  }

  /** What nobody here knows is told, once each and not without end. */
  #noteLine(line: string): void {
    const text = line.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200)
    if (isEveryday(text) || this.#lines.has(text) || this.#lines.size >= attendLimits.mostLines) return
    this.#lines.add(text)
    this.#tell("heard", text)
  }

  async #answer(): Promise<void> {
    const { plan } = this.#parts
    // Another module's question is nobody's here, and one that does not say who it is gets no order.
    if (!(await this.#isMeant())) {
      if (this.#known.other === null) this.#tell("answer-withheld")
      return
    }
    let isOpen = false
    for (let n = 0; n < mostAnswers; n++) {
      const { end, final } = await this.#port.type(`AT#OTASUAN=${answers[plan.answer]}`, attendLimits.answerMs)
      // A second answer to a question that is over is refused, whatever became of the first.
      if (end === "error" && !isOpen) return this.#tell("answer-refused", `${final.line}.`)
      isOpen = end !== "ok"
      if (end === "ok") this.#tell("answered", `${plan.answer}.`)
      if (end !== "timeout") break
    }
    if (isOpen) this.#tell("answer-not-known")
    // Over TCP the interface may be frozen from here on, without a word before the download (§4.1.2).
    if (plan.answer === "accept") this.#handsOff()
  }

  #takeUpgrade(): void {
    this.#handsOn()
    this.#done = 0
    this.#known.isRegistrationAsked = false
    this.#known.owesFinal = true
    this.#known.sim = null
    this.#upgradedMs = this.#parts.clock.now()
    this.#tell("upgraded")
  }

  #handsOff(): void {
    if (!this.#isHandsOff) this.#before = this.#known.version
    this.#isHandsOff = true
  }

  #handsOn(): void {
    this.#isHandsOff = false
  }

  #tell(event: AttendEventName, detail = ""): void {
    const { version } = this.#known
    const words = attendWords[event]
    this.#parts.tell({ event, version, text: detail === "" ? words : `${words.replace(/\.$/, "")}: ${detail}` })
  }
}
