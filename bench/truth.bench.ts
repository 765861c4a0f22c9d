import { freshTally, medianContacts, tallyRuns, type TruthTally } from "../test/truth/plans.testing.ts"
import { runTruth } from "../test/truth/run.testing.ts"
import { orderedModels, orderedPlan, runOrdered } from "../test/truth/ordered.testing.ts"
import { pullModels, recordScripts } from "../test/truth/scripts.testing.ts"
import { writeSection } from "./write-section.ts"

/**
 * `npm run bench truth [RUNS [SEED [ORDERED]]]`: what the server says of devices, against what they run. RUNS (a million) are
 * spread over all models that report nothing; SEED is the first. Of each other model ORDERED (100) are played.
 */
const runs = Number(process.argv[2] ?? 1_000_000)
const first = Number(process.argv[3] ?? 1)
/** Runs of each model whose updates are ordered or reported. */
const ordered = Number(process.argv[4] ?? 100)
/** Runs between two words about how far it is. */
const pieceRuns = 20_000
/** Runs whose story is told. */
const mostStories = 5

interface Row {
  readonly model: string
  readonly tally: TruthTally
  readonly sound: string
}

async function measure(): Promise<readonly Row[]> {
  const rows: Row[] = []
  const each = Math.ceil(runs / pullModels.length)
  let stories = 0
  for (const { family, model } of pullModels) {
    const scripts = await recordScripts(family, model)
    const tally = freshTally()
    for (let done = 0; done < each; done += pieceRuns) {
      const count = Math.min(pieceRuns, each - done)
      tallyRuns(scripts, {
        from: first + done,
        count,
        tally,
        onLie: (seed, { story }) => {
          if (stories++ < mostStories) console.log(`${family.id} ${model}, seed ${seed}:\n  ${story.join("\n  ")}`)
        },
      })
    }
    const plain = runTruth({ scripts, faults: [], seed: 1, isPlain: true })
    rows.push({ model: `${family.id} ${model}`, tally, sound: `${plain.end} after ${plain.contacts}` })
    console.log(`${family.id} ${model}: ${tally.runs} runs, ${tally.falseSuccess} false successes`)
  }
  return rows
}

/** The models whose devices are told what to do, or say what came of it, through the real gateways. */
async function measureOrdered(): Promise<string> {
  const head = [
    "Model",
    "Runs",
    "False successes",
    "False records",
    "Failed, but runs it",
    "Not over after 14 contacts",
  ]
  const lines: string[] = []
  for (const { family, model } of orderedModels) {
    const sum = { falseSuccess: 0, falseRecord: 0, falseFailure: 0, open: 0 }
    for (let seed = first; seed < first + ordered; seed++) {
      const run = await runOrdered(orderedPlan({ family, model }, seed))
      if (run.falseSuccess) sum.falseSuccess++
      if (run.falseRecord) sum.falseRecord++
      if (run.falseFailure) sum.falseFailure++
      if (!["succeeded", "failed", "declined", "cancelled"].includes(run.end)) sum.open++
      if (run.falseSuccess || run.falseRecord || run.falseFailure)
        console.log(`${family.id} ${model}, seed ${seed}:\n  ${run.story.join("\n  ")}`)
    }
    lies += sum.falseSuccess
    lines.push([`${family.id} ${model}`, ordered, ...Object.values(sum)].join(" | "))
    console.log(`${family.id} ${model}: ${ordered} runs, ${sum.falseSuccess} false successes`)
  }
  return [head.join(" | "), head.map(() => "---").join(" | "), ...lines].map((line) => `| ${line} |`).join("\n")
}

let lies = 0

function table(rows: readonly Row[]): string {
  const head = [
    ...["Model", "Runs", "False successes", "False failures", "False declines", "Never taken back"],
    ...["True of one of two devices", "Undecided", "Contacts until decided (median)", "A sound update"],
  ]
  const lines = rows.map(({ model, tally, sound }) =>
    [
      ...[model, tally.runs, tally.falseSuccess, tally.falseFailure, tally.falseDecline, tally.uncorrected],
      ...[tally.otherMissed, tally.undecided, medianContacts(tally), sound],
    ].join(" | "),
  )
  const sum = (field: Exclude<keyof TruthTally, "contacts">): number =>
    rows.reduce((total, { tally }) => total + tally[field], 0)
  const all = [
    ...["all", sum("runs"), sum("falseSuccess"), sum("falseFailure"), sum("falseDecline"), sum("uncorrected")],
    ...[sum("otherMissed"), sum("undecided"), "", ""],
  ].join(" | ")
  return [head.join(" | "), head.map(() => "---").join(" | "), ...lines, all].map((line) => `| ${line} |`).join("\n")
}

const startedAt = performance.now()
const rows = await measure()
const seconds = Math.round((performance.now() - startedAt) / 1000)
const orderedTable = await measureOrdered()
writeSection(
  "truth",
  `## Truth: what is said of devices, and what they run

\`npm run bench truth ${runs} ${first} ${ordered}\` plays contacts as the virtual devices made them, fault by fault, against the server's conclusions on a
clock that only counts: every fault alone and every two in a row, then three in a row, with rhythms from seconds to weeks, networks that
change, visitors, imitators, power cuts, restarts, and two devices on one login. It took ${seconds} s.

A **false success** is every moment in which the server said \`succeeded\` and the device that had fetched did not run the release, whatever the
wire had shown. In a tenth of the runs two devices use one login: what was said may then be **true of one** of them, while the other, which
has not fetched or not yet called, runs something else; its next fetch takes it back. **Undecided** after 24 contacts are mostly such logins,
which wait for the operator's word, and polls faster than a device of that model can make.

${table(rows)}

Devices that report, or are told what to do, through the real fleet and its gateways, each with one to three faults in a row and a restart of the
server in half of the runs. A **false record**: what the device is said to run, and not marked as unknown, was once not so.

${orderedTable}`,
)
if (lies > 0 || rows.some(({ tally }) => tally.falseSuccess > 0 || tally.uncorrected > 0)) process.exitCode = 1
