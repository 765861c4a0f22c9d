import type { HostEnd, HostReport, HostRun } from "../../host.ts"
import { isFotaLine, parseFotaUrc } from "../codec/fota-urc.ts"
import { judge, type HostSight, type Situation } from "./judge.ts"
import { HostLink, type LinkEvent } from "./link.ts"
import { hostLimits } from "./limits.ts"
import { afterAnswer, afterUrc, type HostState, reportOf, resumedState, savedState, stepTo } from "./state.ts"
import { moduleProfiles } from "../models.ts"
import { moduleResult } from "../result-codes.ts"

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

  constructor(run: HostRun) {
    const nowMs = run.clock.now()
    this.#run = run
    this.#state = resumedState(run.journal.load(), run.order.order, nowMs)
    this.#sight = { answer: null, awakeMs: nowMs, askedMs: 0, startedMs: null, deafMs: nowMs }
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
          await this.#failTry(verdict.code, verdict.sentence)
          break
        case "end":
          return this.#end(verdict.end)
      }
    }
  }

  #situation(): Situation {
    return { order: this.#run.order, state: this.#state, sight: this.#sight, nowMs: this.#run.clock.now() }
  }

  async #take(event: LinkEvent): Promise<void> {
    const nowMs = this.#run.clock.now()
    if (event.kind === "quiet") return
    if (event.kind !== "line") {
      this.#run.log(event.kind === "gone" ? `${event.port} vanished` : `opened ${event.port}`)
      // A port that is new is asked soon, a module that was asked in vain before it as well.
      const askedMs = Math.min(this.#sight.askedMs, nowMs - hostLimits.askEveryMs + hostLimits.reopenMs)
      this.#sight = { ...this.#sight, answer: null, askedMs, deafMs: nowMs }
      return
    }
    const line = event.text
    const urc = parseFotaUrc(line)
    if (urc === null) {
      if (line.trim() === "RDY") this.#sight = { ...this.#sight, answer: null, startedMs: nowMs }
      if (isFotaLine(line)) this.#run.log(line)
      return
    }
    this.#run.log(line)
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
    const identity = await this.#link.ask(this.#state.imei)
    const nowMs = this.#run.clock.now()
    const { answer } = this.#sight
    const port = this.#link.name
    if (identity === null || port === null) {
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

  async #type(): Promise<void> {
    const { order, clock, log } = this.#run
    // What the module has just said comes first: it may be at work after all.
    const last = await this.#link.next(clock.now() + hostLimits.breathMs, this.#run.signal)
    if (last.kind !== "quiet") return this.#take(last)
    const tries = this.#state.tries + 1
    // Saved before it is typed: a host that is killed now listens first and does not type again at once.
    this.#state = { ...stepTo(this.#state, "typing", clock.now()), tries, ended: null }
    await this.#save()
    log(`typing ${withoutSecrets(order.command)} (try ${tries} of ${order.retry.times})`)
    const answer = await this.#link.type(order.command)
    this.#sight = { ...this.#sight, answer: null, deafMs: answer === "ok" ? this.#sight.deafMs : clock.now() }
    if (answer === "ok") {
      this.#state = { ...stepTo(this.#state, "accepted", clock.now()), refusals: 0 }
      await this.#save()
      await this.#report()
    } else if (typeof answer === "object") await this.#takeRefusal(answer.error)
    else log(answer === "gone" ? "the port vanished before the module answered" : "the module did not answer")
  }

  async #takeRefusal(line: string): Promise<void> {
    const refusals = this.#state.refusals + 1
    this.#state = { ...this.#state, refusals }
    const sentence = `The module refused the command: ${line}.`
    if (refusals >= hostLimits.mostRefusals) await this.#close(null, sentence, line)
    else await this.#failTry(null, sentence, line)
  }

  async #failTry(code: number | null, sentence: string, urc?: string): Promise<void> {
    const { order, clock, log } = this.#run
    const { tries, ended } = this.#state
    const words = code === null || ended === null ? sentence : this.#words(ended.event, code)
    const isRepeated = tries < order.retry.times && (code === null || order.retry.codes.includes(code))
    if (!isRepeated) return this.#close(code, words, urc)
    const pauseMs = order.retry.pauseSeconds * 1000 * 2 ** (tries - 1)
    const nowMs = clock.now()
    this.#state = { ...stepTo(this.#state, "pausing", nowMs), pauseUntilMs: nowMs + pauseMs, ended: null }
    await this.#save()
    log(`${words} The next try is in ${Math.round(pauseMs / 1000)} s.`)
    await this.#tell({ state: "retrying", sentence: words, ...codeOf(code), ...(urc === undefined ? {} : { urc }) })
  }

  #words(event: "FTPEND" | "HTTPEND" | "FILEEND" | "END", code: number): string {
    const { model } = this.#state
    const profile = moduleProfiles.find(({ id }) => model?.startsWith(id)) ?? moduleProfiles[0]
    return profile === undefined ? `${event} ${code}` : moduleResult(profile, event, code).sentence
  }

  async #close(code: number | null, sentence: string, urc?: string): Promise<void> {
    const version = this.#sight.answer?.identity.version ?? null
    this.#state = { ...this.#state, end: { state: "failed", code, version, sentence } }
    if (urc !== undefined) this.#run.log(urc)
    await Promise.resolve()
  }

  async #end(end: HostEnd): Promise<HostEnd> {
    this.#state = { ...stepTo(this.#state, "closed", this.#run.clock.now()), end }
    await this.#save()
    const { state, version, sentence, code } = end
    if (state !== "dropped") {
      await this.#tell({ state, sentence, ...codeOf(code), ...(version === null ? {} : { version }) })
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

function codeOf(code: number | null): { readonly code?: number } {
  return code === null ? {} : { code }
}

/** URLs hold credentials; a log shows the server alone. */
function withoutSecrets(command: string): string {
  return command.replace(/:\/\/(?:[^@/"]*@)?([^/"]*)\/[^"]*/, "://$1/…")
}
