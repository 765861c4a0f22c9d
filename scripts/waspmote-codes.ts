import { namedFaults } from "../src/core/families/waspmote/device/faults.ts"
import { resultCodes } from "../src/core/families/waspmote/result-codes.ts"

/** Marks around the part of docs/protocols/waspmote.md that this writes. */
export const begin = "<!-- result codes: written by `npx tsx scripts/write-waspmote-codes.ts`, do not edit -->"
export const end = "<!-- end of result codes -->"

const sections: readonly { readonly title: string; readonly model: string }[] = [
  { title: "4G", model: "4g" },
  { title: "WiFi PRO", model: "wifi-pro" },
  { title: "3G", model: "3g" },
  { title: "GPRS_Pro and GPRS+GPS (`gprs-pro`, `gprs-gps`)", model: "gprs-pro" },
  { title: "Every modem: `Utils.checkNewProgram()`", model: "any" },
]

/** The tables of every return code: the faults that produce it, the guide's words, the operator's sentence. */
export function codeTables(): string {
  return sections.map(({ title, model }) => `### ${title}\n\n${table(model)}`).join("\n")
}

function table(model: string): string {
  const rows = resultCodes
    .filter((row) => row.model === model)
    .map(({ code, words, sentence }) => {
      const faults = namedFaults.filter((fault) => fault.model === model && fault.code === code)
      const names = faults.map((fault) => `\`${fault.fault}\``).join(" ")
      return `| ${code} | ${names} | ${words} | ${sentence} |\n`
    })
  return `| Code | Fault | The guide's words | What the operator reads |\n|---|---|---|---|\n${rows.join("")}`
}

/** The page with its tables written anew. Throws when the page has lost its marks. */
export function withTables(page: string): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error("the page has no marks for the tables")
  return `${page.slice(0, from)}${begin}\n\n${codeTables()}\n${page.slice(to)}`
}
