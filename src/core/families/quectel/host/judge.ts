import { type KnownVersion, runsExactly } from "../../exact-version.ts"
import type { DeviceIdentity, HostEnd, HostOrder } from "../../host.ts"
import { hostLimits } from "./limits.ts"
import type { HostState } from "./state.ts"

/** What the host knows beside its journal, and forgets with its process. */
export interface HostSight {
  /** The module's answer, the same since `firstMs`; null after anything that may change it. */
  readonly answer: { readonly identity: DeviceIdentity; readonly firstMs: number; readonly lastMs: number } | null
  /** When this process began to look. */
  readonly awakeMs: number
  /** When the module was last asked, in vain or not. */
  readonly askedMs: number
  /** When the module was seen to start. */
  readonly startedMs: number | null
  /** Another module that stood where this one is looked for. */
  readonly otherImei: string | null
  /** Until when this host may have missed something: it was not there, or the port was not. */
  readonly deafMs: number
}

/** What is to be done next. */
export type Verdict =
  | { readonly deed: "listen"; readonly untilMs: number }
  | { readonly deed: "ask" }
  | { readonly deed: "type" }
  /** This try is over without success; `code` null: the module gave none. */
  | { readonly deed: "fail-try"; readonly code: number | null; readonly sentence: string }
  | { readonly deed: "end"; readonly end: HostEnd }

export interface Situation {
  readonly order: HostOrder
  readonly state: HostState
  readonly sight: HostSight
  readonly known: KnownVersion | null
  readonly nowMs: number
}

/** Decides what comes next from what is known. Pure; the steps are those of quectel.md 4.7.5, the times of 4.5. */
export function judge(situation: Situation): Verdict {
  const { state, order } = situation
  if (state.end !== null) return { deed: "end", end: state.end }
  if (state.step === "begin") return judgeBeforeTyping(situation)
  if (state.step === "pausing") {
    return situation.nowMs < state.pauseUntilMs
      ? { deed: "listen", untilMs: state.pauseUntilMs }
      : judgeBeforeTyping(situation)
  }
  const { ended } = state
  if (state.step === "ended" && ended !== null && ended.event !== "END") {
    return { deed: "fail-try", code: ended.code, sentence: `${ended.event} ${ended.code}` }
  }
  const waitUntilMs = state.sinceMs + patience(situation)
  const mayBeOver = situation.nowMs >= waitUntilMs || hasRestartedInDownload(situation)
  if (isBeforeRestart(state) && !mayBeOver) return { deed: "listen", untilMs: waitUntilMs }
  const settled = settledAnswer(situation)
  if (settled === null) return isGivenUp(situation) ? { deed: "end", end: noAnswer(situation) } : askOrListen(situation)
  if (settled.versions.includes(order.to)) return { deed: "end", end: verified(order, settled) }
  if (!mayBeOver) return askOrListen(situation)
  if (state.busySinceMs !== null && situation.nowMs - state.busySinceMs >= hostLimits.busyMs) {
    return { deed: "end", end: stayedBusy(situation, settled) }
  }
  return judgeOldVersion(situation, settled)
}

/** Whether the module runs exactly what the order starts from, or what it leads to, as it has just said. */
function judgeBeforeTyping(situation: Situation): Verdict {
  const { order, sight, state, known } = situation
  // An answer from before the pause says nothing about now.
  const freshMs = Math.max(state.sinceMs, state.pauseUntilMs)
  if (sight.answer === null || sight.answer.lastMs < freshMs) {
    if (sight.askedMs < freshMs) return { deed: "ask" }
    return isGivenUp(situation) ? { deed: "end", end: notThere(situation) } : askOrListen(situation)
  }
  const { identity } = sight.answer
  if (runsExactly(identity, order.to, known)) return { deed: "end", end: verified(order, identity) }
  if (runsExactly(identity, order.from, known)) return { deed: "type" }
  // An odd answer alone ends nothing.
  if (settledAnswer(situation) === null) return askOrListen(situation)
  return {
    deed: "end",
    end: failed(
      identity,
      `The module runs ${identity.version}, and the package is for ${order.from}; ${nothingMore(state)}`,
    ),
  }
}

function nothingMore({ tries, isTaken }: HostState): string {
  if (tries === 0) return "nothing was typed."
  return isTaken
    ? "nothing more was typed, and whether it still obeys what it took is not known."
    : "nothing more was typed."
}

/** The module answers, has settled, and does not run the new firmware, long enough after the last step. */
function judgeOldVersion({ order, state, known }: Situation, identity: DeviceIdentity): Verdict {
  if (!runsExactly(identity, order.from, known)) {
    return {
      deed: "end",
      end: failed(identity, `The module runs ${identity.version}, which is neither the old firmware nor the new.`),
    }
  }
  switch (state.step) {
    case "ended": {
      const code = state.ended?.code ?? 0
      if (code !== 0) return { deed: "fail-try", code, sentence: `END ${code}` }
      return { deed: "end", end: failed(identity, `The module said END,0 and still runs ${identity.version}.`) }
    }
    case "downloaded":
    case "updating":
      return {
        deed: "end",
        end: failed(
          identity,
          `The module took the package and runs ${identity.version} again; how its update ended was not heard.`,
        ),
      }
    default:
      return { deed: "fail-try", code: null, sentence: sentences[state.step] ?? "The module fell silent." }
  }
}

const sentences: Readonly<Record<string, string>> = {
  typing: "Whether the module took the command is not known, and it does nothing.",
  accepted: "The module took the command and did not begin to download in time.",
  downloading: "The download did not end in time, or the module restarted in it.",
}

/** How long after the beginning of a step the old version begins to mean something. */
function patience({ order: { limits }, state, sight }: Situation): number {
  if (state.busySinceMs !== null) return hostLimits.busyPauseMs
  const start = limits.startSeconds * 1000
  const download = limits.downloadSeconds * 1000
  switch (state.step) {
    case "typing":
      // The module may be downloading since before this process began.
      return start + download
    case "accepted":
      return sight.deafMs >= state.sinceMs ? start + download : start
    case "downloading":
      return download
    case "downloaded":
      return Math.max(limits.beginSeconds * 1000, hostLimits.patienceMs)
    case "updating":
      return state.signMs - state.sinceMs + Math.max(limits.endSeconds * 1000, hostLimits.patienceMs)
    default:
      return state.ended?.code === 0 ? hostLimits.lastRestartMs : hostLimits.askEveryMs * 2
  }
}

function isBeforeRestart({ step }: HostState): boolean {
  return step === "typing" || step === "accepted" || step === "downloading"
}

/** A module that starts forgets its download (quectel.md 4.5); one that has it whole goes on by itself and says so. */
function hasRestartedInDownload({ state, sight }: Situation): boolean {
  return isBeforeRestart(state) && sight.startedMs !== null && sight.startedMs >= state.sinceMs
}

/** The answer that has been the same for long enough, last given lately. */
function settledAnswer({ sight: { answer }, nowMs }: Situation): DeviceIdentity | null {
  if (answer === null || answer.lastMs - answer.firstMs < hostLimits.settleMs) return null
  return nowMs - answer.lastMs <= hostLimits.askEveryMs ? answer.identity : null
}

function askOrListen({ state, sight, nowMs }: Situation): Verdict {
  const every = sight.answer === null ? hostLimits.askEveryMs : hostLimits.settleMs
  // Not into an update that is under way and says so.
  const nextMs = Math.max(sight.askedMs + every, Math.max(sight.awakeMs, state.signMs) + hostLimits.settleMs)
  return nowMs >= nextMs ? { deed: "ask" } : { deed: "listen", untilMs: nextMs }
}

function isGivenUp({ state, sight, nowMs }: Situation): boolean {
  return nowMs - Math.max(state.signMs, sight.awakeMs) >= hostLimits.giveUpMs
}

function verified({ to }: HostOrder, { version: build }: DeviceIdentity): HostEnd {
  return { state: "verified", code: null, version: to, build, sentence: `The module says that it runs ${to}.` }
}

function failed({ version }: DeviceIdentity, sentence: string): HostEnd {
  return { state: "failed", code: null, version, sentence }
}

/** Where nothing was typed nothing has failed: the order stands. */
function notThere(situation: Situation): HostEnd {
  const end = noAnswer(situation)
  return situation.state.tries > 0 ? end : { ...end, state: "dropped" }
}

function noAnswer({ order: { to }, state: { imei }, sight: { otherImei } }: Situation): HostEnd {
  const minutes = hostLimits.giveUpMs / 60_000
  const who = imei === null ? "" : ` ${imei}`
  const other = otherImei === null ? "" : ` At its port stands another, ${otherImei}, at which nothing was typed.`
  return {
    state: "failed",
    code: null,
    version: null,
    sentence: `The module${who} has not answered for ${minutes} minutes; whether it runs ${to} is not known.${other}`,
  }
}

/** Nothing is known to have failed: whoever asks for its version later learns what became of it. */
function stayedBusy({ order: { to } }: Situation, { version }: DeviceIdentity): HostEnd {
  const hours = hostLimits.busyMs / 3_600_000
  return {
    state: "failed",
    code: null,
    version,
    sentence: `The module took the command, refuses another, and has said nothing of its update for ${hours} hours; it runs ${version}, and whether it will install ${to} is not known.`,
  }
}
