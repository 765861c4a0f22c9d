import type { RouteUpdate } from "../../routes.ts"
import type { ReportMeaning } from "../../report-meaning.ts"
import type { Execution, Feedback } from "../codec/feedback.ts"

type Meanings = Readonly<Record<Execution, (said: Said) => readonly ReportMeaning[]>>

interface Said {
  readonly feedback: Feedback
  readonly update: RouteUpdate
  /** What it said, with a colon before; empty = nothing. */
  readonly words: string
}

/** What a feedback means for the update. */
export function meaningOf(feedback: Feedback, update: RouteUpdate): readonly ReportMeaning[] {
  const words = feedback.details.length === 0 ? "" : `: ${feedback.details.join("; ").replace(/[.\s]+$/, "")}`
  const code = feedback.code === null ? {} : { code: feedback.code }
  return meanings[feedback.execution]({ feedback, update, words }).map((meaning) => ({ ...meaning, ...code }))
}

const hasFetched: ReadonlySet<string> = new Set(["downloaded", "installing"])
const hasBegun: ReadonlySet<string> = new Set(["downloading", "downloaded", "installing"])

const meanings: Meanings = {
  closed: ({ feedback, update, words }) =>
    feedback.finished === "failure"
      ? [{ kind: "install-failed", sentence: `The client says that it could not install ${update.version}${words}.` }]
      : [{ kind: "installed", sentence: `The client says that it runs ${update.version}${words}.` }],
  // hawkBit maps it to RUNNING whatever it is about; what was fetched before says what is under way.
  proceeding: ({ update, words }) =>
    hasFetched.has(update.state)
      ? [{ kind: "install-started", sentence: `The client installs ${update.version}${words}.` }]
      : accepted(update, words),
  scheduled: ({ update, words }) => accepted(update, words),
  resumed: ({ update, words }) => accepted(update, words),
  download: ({ update, words }) => accepted(update, words),
  downloaded: ({ update, words }) => [
    { kind: "transfer-finished", sentence: `The client says that it has ${update.version} whole${words}.` },
  ],
  // It cannot be done at this point in time; the action stays open.
  rejected: ({ update, words }) =>
    hasBegun.has(update.state)
      ? []
      : [{ kind: "offer-read", sentence: `The client does not do ${update.version} now${words}.` }],
  canceled: ({ update, words }) =>
    hasFetched.has(update.state)
      ? [{ kind: "install-failed", sentence: `The client has given ${update.version} up${words}.` }]
      : [{ kind: "declined", sentence: `The client does not take ${update.version}${words}.` }],
}

function accepted({ version, state }: RouteUpdate, words: string): readonly ReportMeaning[] {
  if (hasBegun.has(state)) return []
  return [{ kind: "accepted", sentence: `The client has taken up ${version}${words}.` }]
}
