import { parseCommandLine } from "../../../protocols/at/command-line.ts"
import type { CertificationRow } from "../../certification.ts"
import { isInhibited } from "../device/inhibited.ts"
import { isSetting, settings } from "../device/kept-settings.ts"
import type { Variant } from "../models.ts"
import type { PfmFromModule } from "../codec/pfm-table.ts"
import type { UrcName } from "../codec/urcs.ts"

/** Parts of a certification, in their order. */
export type CertificationStage = "start" | "failed-update" | "update" | "sim-change"

/** One thing that was seen while a host was judged; `atMs` since 1970. */
export type CertificationFact = { readonly atMs: number } & (
  | { readonly kind: "stage"; readonly stage: CertificationStage }
  /** A whole line, without its end. */
  | { readonly kind: "typed"; readonly line: string }
  | { readonly kind: "said"; readonly urc: UrcName }
  /** Hosts that have the port open. */
  | { readonly kind: "hosts"; readonly count: number }
  /** The server heard the module. */
  | { readonly kind: "heard"; readonly message: PfmFromModule }
  /** Settings that are not as in a new module: before the update was ordered, and when the host had had its time after it. */
  | { readonly kind: "settings"; readonly when: "before" | "after"; readonly values: Readonly<Record<string, string>> }
)

export interface Judged {
  readonly facts: readonly CertificationFact[]
  readonly variant: Variant
  /** IMSI of the SIM that is put in last. */
  readonly secondImsi: string
}

type Verdict = Pick<CertificationRow, "verdict" | "words">

interface Criterion extends Pick<CertificationRow, "name" | "title" | "section"> {
  readonly judge: (judged: Judged) => Verdict
}

const passed = (words: string): Verdict => ({ verdict: "passed", words })
const failed = (words: string): Verdict => ({ verdict: "failed", words })
const notSeen = (words: string): Verdict => ({ verdict: "not-seen", words })

/** What the note asks of a host program ("must be fully respected", §3.1), and what its update process lives by. */
const criteria: readonly Criterion[] = [
  { name: "registration", title: "registers the module", section: "3.2.1, 4.2.1, 5.2.1", judge: judgeRegistration },
  { name: "answer", title: "answers the module's question in 60 s", section: "3.2.3", judge: judgeAnswer },
  { name: "speed", title: "sets +IPR off autobauding", section: "3.1.2", judge: judgeSpeed },
  { name: "inhibited", title: "types no inhibited command in the download", section: "3.1.2", judge: judgeInhibited },
  { name: "power", title: "keeps power and port during the update", section: "3.1.2", judge: judgePower },
  { name: "failed-update", title: "goes on after a failed update", section: "3.2.3.1", judge: judgeFailedUpdate },
  { name: "pin", title: "enters the PIN after the update", section: "3.1.1", judge: judgePin },
  { name: "settings", title: "restores its settings after the update", section: "3.1.2, 9.1", judge: judgeSettings },
  { name: "sim-change", title: "survives a change of the SIM", section: "3.2.1", judge: judgeSimChange },
]

/** Judges a host by everything that was seen of it. Pure. */
export function judgeHost(judged: Judged): readonly CertificationRow[] {
  return criteria.map(({ judge, ...row }) => ({ ...row, ...judge(judged) }))
}

function judgeRegistration({ facts }: Judged): Verdict {
  if (heard(facts, "remoteRegistration").length > 0) return passed("The module registered.")
  if (!facts.some(({ kind }) => kind === "typed")) return failed("The host never typed anything.")
  const hasTyped = typed(facts).some(({ line }) => /AT#OTASNAP/i.test(line))
  return failed(
    hasTyped
      ? "The host named a server, and the module could not register: its PIN was not entered."
      : "The host never named a server with AT#OTASNAP or AT#OTASNAPIP.",
  )
}

function judgeAnswer({ facts, variant }: Judged): Verdict {
  if (variant === "ip") {
    const count = heard(facts, "updateRequest").length
    if (count > 0) return passed("The host asks for updates itself (AT#OTAIPUPD); there is no question.")
    return failed("The host never asked for an update with AT#OTAIPUPD.")
  }
  const asked = said(facts, "question")
  const [first] = asked
  if (first === undefined) return notSeen("The module never came to its question.")
  if (said(facts, "answerTimeout").length > 0) return failed("A question was not answered in 60 seconds.")
  const answer = typed(facts).find(({ atMs, line }) => atMs >= first.atMs && /AT#OTASUAN=[012]/i.test(line))
  if (answer === undefined) return failed("The question was not answered.")
  return passed(`${asked.length} questions; the first was answered after ${seconds(answer.atMs - first.atMs)}.`)
}

function judgeSpeed({ facts }: Judged): Verdict {
  const before = settingsOf(facts, "before")
  if (before === null) return notSeen("The module never came to an update.")
  const speed = before["+IPR"] ?? settings["+IPR"].byDefault
  if (speed === "0") return failed("The module was updated under autobauding: its first lines after it can be lost.")
  return passed(`AT+IPR=${speed}.`)
}

function judgeInhibited({ facts }: Judged): Verdict {
  const downloads = spans(facts, ["downloadComplete", "failed", "upgraded"])
  if (downloads.length === 0) return notSeen("The module never downloaded.")
  const names = typed(downloads.flat())
    .flatMap(({ line }) => callsIn(line).filter(isInhibited))
    .map((call) => (call.form === "register" ? `S${call.register}` : `AT${call.name}`))
  if (names.length === 0) return passed(`${downloads.length} downloads without one.`)
  return failed(`Typed during a download: ${[...new Set(names)].join(", ")}.`)
}

/** Commands that take the power away, or restart the module. */
const powerCommands = /^(#REBOOT|#SHDN|#ENHRST|#SYSHALT)$/

function judgePower({ facts }: Judged): Verdict {
  const updates = spans(facts, ["failed", "upgraded"])
  if (updates.length === 0) return notSeen("The module never downloaded.")
  const seen = updates.flat()
  if (seen.some((fact) => fact.kind === "hosts" && fact.count === 0))
    return failed("The host closed the port during an update.")
  const offs = typed(seen)
    .flatMap(({ line }) => callsIn(line))
    .filter((call) => {
      if (call.form === "register") return false
      if (powerCommands.test(call.name)) return true
      if (call.name !== "+CFUN" || call.form !== "write") return false
      return call.arguments[0]?.text === "0" || call.arguments[1]?.text === "1"
    })
  if (offs.length > 0) return failed("The host switched the module off, or restarted it, during an update.")
  return passed("The port stayed open and nothing was switched off.")
}

function judgeFailedUpdate({ facts }: Judged): Verdict {
  const [failure] = said(facts, "failed")
  if (failure === undefined) return notSeen("The update that should fail was never begun.")
  const later = facts.slice(facts.indexOf(failure) + 1)
  if (said(later, "startDownload").length > 0) return passed("The next update began.")
  return failed("After a failed update the host did not take the next.")
}

function judgePin({ facts }: Judged): Verdict {
  const [upgraded] = facts.filter((fact) => fact.kind === "settings" && fact.when === "after")
  const restart = said(facts, "upgraded").at(0) ?? upgraded
  if (restart === undefined) return notSeen("The module was never updated.")
  const final = heard(facts, "commandFinal").find(({ message }) => message.fields.result === "updated")
  if (final !== undefined) return passed("The module told its server of the new firmware.")
  const tried = typed(facts).some(({ atMs, line }) => atMs > restart.atMs && /AT\+CPIN=/i.test(line))
  return failed(tried ? "A PIN was entered, and not the right one." : "The PIN was not entered after the update.")
}

function judgeSettings({ facts }: Judged): Verdict {
  const before = settingsOf(facts, "before")
  const after = settingsOf(facts, "after")
  if (before === null || after === null) return notSeen("The module was never updated.")
  const lost = Object.entries(before).filter(([name]) => isSetting(name) && !settings[name].isKept)
  const missing = lost.filter(([name, value]) => after[name] !== value).map(([name]) => name)
  if (missing.length > 0) return failed(`Not restored: ${missing.join(", ")}.`)
  return passed(
    lost.length === 0
      ? "The host had set nothing that an update loses."
      : `Restored: ${lost.map(([name]) => name).join(", ")}.`,
  )
}

function judgeSimChange({ facts, secondImsi }: Judged): Verdict {
  const change = facts.find((fact) => fact.kind === "stage" && fact.stage === "sim-change")
  if (change === undefined) return notSeen("The SIM was never changed.")
  const registered = heard(facts, "remoteRegistration").some(
    ({ atMs, message }) => atMs >= change.atMs && message.fields.imsi === secondImsi,
  )
  if (registered) return passed("The PIN was entered, and the module registered with its new SIM.")
  const tried = typed(facts).some(({ atMs, line }) => atMs > change.atMs && /AT\+CPIN=/i.test(line))
  return failed(tried ? "The module did not register with its new SIM." : "The PIN of the new SIM was not entered.")
}

// ---- what the facts hold

type FactOf<Kind extends CertificationFact["kind"]> = Extract<CertificationFact, { kind: Kind }>

function typed(facts: readonly CertificationFact[]): readonly FactOf<"typed">[] {
  return facts.filter((fact) => fact.kind === "typed")
}

function said(facts: readonly CertificationFact[], urc: UrcName): readonly FactOf<"said">[] {
  return facts.filter((fact) => fact.kind === "said").filter((fact) => fact.urc === urc)
}

function heard<Name extends PfmFromModule["name"]>(
  facts: readonly CertificationFact[],
  name: Name,
): readonly { readonly atMs: number; readonly message: Extract<PfmFromModule, { name: Name }> }[] {
  const isNamed = (message: PfmFromModule): message is Extract<PfmFromModule, { name: Name }> => message.name === name
  return facts.flatMap((fact) =>
    fact.kind === "heard" && isNamed(fact.message) ? [{ atMs: fact.atMs, message: fact.message }] : [],
  )
}

function settingsOf(facts: readonly CertificationFact[], when: "before" | "after") {
  const found = facts.filter((fact) => fact.kind === "settings").findLast((fact) => fact.when === when)
  return found?.values ?? null
}

/** What was seen from each beginning of a download to the first of some URCs behind it. */
function spans(
  facts: readonly CertificationFact[],
  ends: readonly UrcName[],
): readonly (readonly CertificationFact[])[] {
  return said(facts, "startDownload").map((start) => {
    const later = facts.slice(facts.indexOf(start) + 1)
    const end = later.findIndex((fact) => fact.kind === "said" && ends.includes(fact.urc))
    return end < 0 ? later : later.slice(0, end)
  })
}

function callsIn(line: string) {
  const start = line.search(/at/i)
  return start < 0 ? [] : (parseCommandLine(line.slice(start + 2)) ?? [])
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
