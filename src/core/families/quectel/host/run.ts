import { cleanText } from "../../../kit/clean-text.ts"
import { runsExactly } from "../../exact-version.ts"
import type { HostEnd, HostOrder, HostReport, HostRun } from "../../host.ts"
import { isFotaLine, parseFotaUrc } from "../codec/fota-urc.ts"
import { judge, type HostSight, type Situation } from "./judge.ts"
import { HostLink, type LinkEvent } from "./link.ts"
import { hostLimits } from "./limits.ts"
import { afterAnswer, afterUrc, type HostState, reportOf, resumedState, savedState, stepTo } from "./state.ts"
import { moduleProfiles } from "../models.ts"
import { type EndEvent, moduleResult } from "../result-codes.ts"

/** One order at a module, from whatever step the journal says to its end. */
export async function runOrder(run: HostRun): Promise<HostEnd> {
  const updating = new OrderRun(run)
  try {
    return await updating.toItsEnd()
  } finally {
    await updating.close()
  }
}

class OrderRun {
  readonly #run: HostRun
  readonly #link: HostLink
  #state: HostState
  #sight: HostSight
  #percent = 0
  /** Bytes that the server had handed out when it was last asked. */
  #transferred: number | null = null
  readonly #unknownLines = new Set<string>()

  constructor(run: HostRun) {
    const nowMs = run.clock.now()
    this.#run = run
    const { order } = run.order
    this.#state = resumedState(run.journal.load(), { order, imei: run.imei ?? null }, nowMs)
    this.#sight = { answer: null, awakeMs: nowMs, askedMs: 0, startedMs: null, otherImei: null, deafMs: nowMs }
    this.#link = new HostLink(run.port, run.clock, this.#state.port)
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  async toItsEnd(): Promise<HostEnd> {
    // The report of this step may have been lost with the process that saved it.
    await this.#report()
    for (;;) {
      this.#run.signal.throwIfAborted()
      const verdict = judge(this.#situation())
      switch (verdict.deed) {
        case "listen":
          await this.#take(await this.#link.next(verdict.untilMs, this.#run.signal))
          break
        case "ask":
          await this.#ask()
          break
        case "type":
          if (!(await this.#run.isWanted())) return dropped
          await this.#type()
          break
        case "fail-try":
          if (verdict.code !== null || !(await this.#isFetching())) await this.#failTry(verdict.code, verdict.sentence)
          break
        case "end":
          return this.#end(verdict.end)
      }
    }
  }

  #situation(): Situation {
    const { order, known = null, clock } = this.#run
    return { order, known, state: this.#state, sight: this.#sight, nowMs: clock.now() }
  }

  async #take(event: LinkEvent): Promise<void> {
    const nowMs = this.#run.clock.now()
    if (event.kind === "quiet") return
    if (event.kind !== "line") {
      this.#run.log(event.kind === "gone" ? `${event.port} vanished` : `opened ${event.port}`)
      // A port that is new is asked soon, a module that was asked in vain before it as well.
      // But not twice in one moment: two ports with other modules would be asked in turn for ever.
      const soonMs = nowMs - hostLimits.askEveryMs + hostLimits.reopenMs
      const freshMs = Math.max(this.#state.sinceMs, this.#state.pauseUntilMs)
      const askedMs = Math.min(this.#sight.askedMs, Math.max(soonMs, freshMs))
      this.#sight = { ...this.#sight, answer: null, askedMs, deafMs: nowMs }
      return
    }
    const line = event.text
    const urc = parseFotaUrc(line)
    if (urc === null) {
      if (line.trim() === "RDY") this.#sight = { ...this.#sight, answer: null, startedMs: nowMs }
      if (isFotaLine(line)) this.#run.log(clean(line))
      else this.#logUnknown(line)
      return
    }
    this.#run.log(clean(line))
    this.#sight = { ...this.#sight, answer: null }
    const before = this.#state
    this.#state = afterUrc(before, urc, nowMs)
    const isPercent = urc.event === "UPDATING" || urc.event === "RESTORE" || urc.event === "DOWNLOADING"
    const percent = isPercent && urc.value !== null ? urc.value : null
    if (
      this.#state.step !== before.step ||
      this.#state.isRestoring !== before.isRestoring ||
      this.#state.ended !== before.ended
    ) {
      await this.#save()
      this.#percent = percent ?? 0
      await this.#report({ urc: line, ...(percent === null ? {} : { percent }) })
    } else if (percent !== null && percent >= this.#percent + hostLimits.percentStep) {
      this.#percent = percent
      await this.#save()
      await this.#report({ urc: line, percent })
    }
  }

  async #ask(): Promise<void> {
    if (this.#link.name === null) await this.#take(await this.#link.next(this.#run.clock.now(), this.#run.signal))
    const name = this.#link.name ?? ""
    const identity = await this.#link.ask(this.#state.imei)
    const nowMs = this.#run.clock.now()
    const { answer } = this.#sight
    const port = this.#link.name
    if (identity !== null && "otherImei" in identity) this.#meetOther(name, identity.otherImei)
    if (identity === null || "otherImei" in identity || port === null) {
      this.#sight = { ...this.#sight, askedMs: nowMs, answer: null }
      return
    }
    const isSame = answer !== null && answer.identity.version === identity.version
    const firstMs = isSame ? answer.firstMs : nowMs
    this.#sight = { ...this.#sight, askedMs: nowMs, answer: { identity, firstMs, lastMs: nowMs } }
    if (!isSame) this.#run.log(`${port} answers: ${identity.model ?? "a module"} with ${identity.version}`)
    const state = afterAnswer(this.#state, identity, port)
    if (state === this.#state) return
    this.#state = state
    await this.#save()
  }

  #meetOther(port: string, otherImei: string): void {
    if (this.#sight.otherImei !== otherImei) {
      this.#run.log(
        `At ${port} stands another module, ${otherImei}, and not ${this.#state.imei}: nothing is typed there.`,
      )
    }
    this.#sight = { ...this.#sight, otherImei }
  }

  async #type(): Promise<void> {
    const { order, clock, log, known = null } = this.#run
    // Whoever was asked before the server was: the module may have been changed meanwhile.
    await this.#ask()
    const runs = this.#sight.answer?.identity
    if (runs === undefined || !runsExactly(runs, order.from, known)) return
    // What the module has just said comes first: it may be at work after all.
    if (!(await this.#isStill())) return
    const isBusy = this.#state.busySinceMs !== null
    const tries = this.#state.tries + (isBusy ? 0 : 1)
    const before = this.#state
    // Saved before it is typed: a host that is killed now listens first and does not type again at once.
    this.#state = { ...stepTo(this.#state, "typing", clock.now()), tries, ended: null, isTaken: true }
    await this.#save()
    log(`typing ${withoutSecrets(order.command)} (try ${tries} of ${order.retry.times})`)
    const answer = await this.#link.type(order.command)
    this.#sight = { ...this.#sight, answer: null, deafMs: answer === "ok" ? this.#sight.deafMs : clock.now() }
    if (answer === "ok") {
      this.#state = { ...stepTo(this.#state, "accepted", clock.now()), refusals: 0, busySinceMs: null }
      await this.#save()
      await this.#report()
    } else if (typeof answer === "object") {
      if (before.isTaken) await this.#takeBusy(answer.error)
      else await this.#takeRefusal(answer.error)
    } else log(answer === "gone" ? "the port vanished before the module answered" : "the module did not answer")
  }

  /** Whether the module has nothing more to say that matters; lines that nobody knows do not. */
  async #isStill(): Promise<boolean> {
    for (let n = 0; n < hostLimits.mostUnknownLines; n++) {
      const last = await this.#link.next(this.#run.clock.now() + hostLimits.breathMs, this.#run.signal)
      if (last.kind === "quiet") return true
      await this.#take(last)
      if (last.kind !== "line" || this.#sight.answer === null) return false
    }
    return true
  }

  /** The module has, or may have, a command already: an error to a second says that it is at the first. */
  async #takeBusy(line: string): Promise<void> {
    const nowMs = this.#run.clock.now()
    const busySinceMs = this.#state.busySinceMs ?? nowMs
    const isNews = this.#state.busySinceMs === null
    const tries = Math.max(1, this.#state.tries - (isNews ? 1 : 0))
    this.#state = { ...stepTo(this.#state, "downloading", nowMs), tries, busySinceMs }
    await this.#save()
    this.#run.log(`The module is busy with the command that it took (${clean(line)}); it is waited for.`)
    if (isNews) await this.#report({ urc: line })
  }

  /** The server sees whether the package moves, which a module may not tell for an hour; then nothing has failed. */
  async #isFetching(): Promise<boolean> {
    const { transferred, clock, log } = this.#run
    if (transferred === undefined || this.#hasRestarted()) return false
    const bytes = await transferred()
    if (bytes === null || bytes === this.#transferred) return false
    this.#transferred = bytes
    log(`The server sees the module fetch: ${bytes} bytes so far.`)
    this.#state = stepTo(this.#state, "downloading", clock.now())
    await this.#save()
    await this.#report()
    return true
  }

  #hasRestarted(): boolean {
    const { startedMs } = this.#sight
    return startedMs !== null && startedMs >= this.#state.sinceMs
  }

  #logUnknown(line: string): void {
    const text = clean(line)
    if (this.#unknownLines.has(text) || this.#unknownLines.size >= hostLimits.mostUnknownLines) return
    this.#unknownLines.add(text)
    this.#run.log(text)
  }

  async #takeRefusal(line: string): Promise<void> {
    const refusals = this.#state.refusals + 1
    this.#state = { ...this.#state, refusals, isTaken: false }
    const sentence = `The module refused the command: ${clean(line)}.`
    if (refusals >= hostLimits.mostRefusals) await this.#close(null, sentence, line)
    else await this.#failTry(null, sentence, line)
  }

  async #failTry(code: number | null, sentence: string, urc?: string): Promise<void> {
    const { order, clock, log } = this.#run
    const { tries, ended } = this.#state
    const words = code === null || ended === null ? sentence : this.#words(ended.event, code)
    const isRepeated = tries < order.retry.times && (code === null || isTransient(order.retry, ended?.event, code))
    if (!isRepeated) return this.#close(code, words, urc)
    // A module that has started has forgotten what it took.
    const isTaken = this.#state.isTaken && !this.#hasRestarted()
    const pauseMs = order.retry.pauseSeconds * 1000 * 2 ** (tries - 1)
    const nowMs = clock.now()
    this.#state = { ...stepTo(this.#state, "pausing", nowMs), pauseUntilMs: nowMs + pauseMs, ended: null, isTaken }
    await this.#save()
    log(`${words} The next try is in ${Math.round(pauseMs / 1000)} s.`)
    const more = urc === undefined ? {} : { urc }
    await this.#tell({ state: "retrying", sentence: words, ...codeOf(code, ended?.event), ...more })
  }

  /** The server's own words for the same event and number, by the same table; none are guessed for a model that nobody knows. */
  #words(event: EndEvent, code: number): string {
    const model = this.#run.order.model ?? this.#state.model
    const profile =
      moduleProfiles.find(({ id }) => model === id) ?? moduleProfiles.find(({ id }) => model?.startsWith(id))
    return profile === undefined
      ? `The module ended with ${event} ${code}.`
      : moduleResult(profile, event, code).sentence
  }

  async #close(code: number | null, sentence: string, urc?: string): Promise<void> {
    const version = this.#sight.answer?.identity.version ?? null
    // A number ends a try; without one the module may still be at what it took.
    const open = code === null && this.#state.isTaken && !this.#hasRestarted() ? stillOpen : ""
    this.#state = { ...this.#state, end: { state: "failed", code, version, sentence: `${sentence}${open}` } }
    if (urc !== undefined) this.#run.log(clean(urc))
    await Promise.resolve()
  }

  async #end(end: HostEnd): Promise<HostEnd> {
    const { ended } = this.#state
    this.#state = { ...stepTo(this.#state, "closed", this.#run.clock.now()), end }
    await this.#save()
    const { state, version, sentence, code } = end
    if (state !== "dropped") {
      await this.#tell({ state, sentence, ...codeOf(code, ended?.event), ...(version === null ? {} : { version }) })
    }
    this.#run.log(sentence)
    return end
  }

  async #report(more: Omit<HostReport, "state"> = {}): Promise<void> {
    const state = reportOf(this.#state)
    if (state !== null) await this.#tell({ state, ...more })
  }

  #tell(report: HostReport): Promise<void> {
    return this.#run.report(report)
  }

  #save(): Promise<void> {
    return this.#run.journal.save(savedState(this.#state))
  }
}

const dropped: HostEnd = {
  state: "dropped",
  code: null,
  version: null,
  sentence: "The server no longer wants this order; nothing more was typed.",
}

/** What is said where a command may still be obeyed. */
const stillOpen = " Whether the command that it took will still be obeyed is not known."

function codeOf(code: number | null, event?: EndEvent): Pick<HostReport, "code" | "event"> {
  return code === null ? {} : { code, ...(event === undefined ? {} : { event }) }
}

function isTransient({ codes, results }: HostOrder["retry"], event: EndEvent | undefined, code: number): boolean {
  return results === undefined ? codes.includes(code) : results.includes(`${event} ${code}`)
}

/** A module's line as people may see it. */
function clean(line: string): string {
  return cleanText(line, "words")
}

/** URLs hold credentials; a log shows the server alone. */
function withoutSecrets(command: string): string {
  return command.replace(/:\/\/(?:[^@/"]*@)?([^/"]*)\/[^"]*/, "://$1/…")
}
