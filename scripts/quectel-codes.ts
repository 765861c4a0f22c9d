import { type NamedFault, namedFaults } from "../src/core/families/quectel/device/faults.ts"
import { moduleProfile } from "../src/core/families/quectel/models.ts"
import { resultCodes } from "../src/core/families/quectel/result-codes.ts"

/** Marks around the part of docs/protocols/quectel.md that this writes. */
export const begin = "<!-- result codes: written by `npx tsx scripts/write-quectel-codes.ts`, do not edit -->"
export const end = "<!-- end of result codes -->"

/** One module of each table of codes. */
const sections: readonly { readonly title: string; readonly model: string }[] = [
  { title: "AG35 (the guide's Table 1)", model: "AG35" },
  { title: "EP06, EG06, EM06", model: "EP06" },
  { title: "EC2x QuecOpen (`EC2X`, `EC2X-128`)", model: "EC2X" },
  { title: "Standard(A) (`EC200A`, `EC600`, `EC800`, `EG800`, `EG91X`, `EG915N`)", model: "EC200A" },
  { title: "BG96", model: "BG96" },
]

/** The tables of every code: its fault, the documents' words, what follows, the operator's sentence. */
export function codeTables(): string {
  return sections.map(({ title, model }) => `### ${title}\n\n${codes(model)}\n${others(model)}`).join("\n")
}

function codes(model: string): string {
  const rows = resultCodes(moduleProfile(model)).map(({ event, code, words, retry, sentence }) => {
    const faults = namesOf((fault) => fault.model === model && fault.code === `${event} ${code}` && code !== 0)
    return `| ${event} ${code} | ${faults} | ${words} | ${retry} | ${sentence} |\n`
  })
  return `| Code | Fault | The documents' words | Retry | What the operator reads |\n|---|---|---|---|---|\n${rows.join("")}`
}

/** Faults after which the update still comes to a good end, or to none. */
function others(model: string): string {
  const names = namesOf(({ model: own, code }) => own === model && (code === "END 0" || code === "idle"))
  return `Faults that end with END 0, or with no code: ${names}.\n`
}

function namesOf(isWanted: (fault: NamedFault) => boolean): string {
  return namedFaults
    .filter(isWanted)
    .map(({ fault }) => `\`${fault}\``)
    .join(" ")
}

/** The page with its tables written anew. Throws when the page has lost its marks. */
export function withTables(page: string): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error("the page has no marks for the tables")
  return `${page.slice(0, from)}${begin}\n\n${codeTables()}\n${page.slice(to)}`
}
