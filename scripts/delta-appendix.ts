import { readFileSync } from "node:fs"
import { oldSlotPrior, oldSmallWeightPrior, oldWeightPrior } from "../src/core/delta/code/old-prior-table.ts"
import { slotPrior, smallSlotPrior, smallWeightPrior, weightPrior } from "../src/core/delta/code/prior-table.ts"
import { lnMantissa, rateTable, squashSteps } from "../src/core/delta/code/tables.ts"
import { slotLayout, weightLayout } from "../src/core/delta/code/slot-layout.ts"
import { architectures } from "../src/core/delta/predict/architectures.ts"

/** docs/delta-format-appendix.md, whole: the tables and listings that a decoder needs, from those that ours runs on. */
export function deltaAppendix(): string {
  return [
    "# The patch format: tables and listings",
    "Written by `npx tsx scripts/write-delta-appendix.ts` from what the decoder itself runs on; do not edit. With [delta-format.md](delta-format.md) this is all that a decoder needs; the listings bind where the text is shorter than they are.",
    "## A. Tables",
    "### A.1 `squashSteps`\n\nChance of 1, of 65536, for the logits -2816, -2752 … 2816 (1/256).",
    numbers(squashSteps),
    "### A.2 `lnMantissa`\n\n256 ln(1 + (i + 1/2) / 64) for i = 0 … 63.",
    numbers(lnMantissa),
    "### A.3 `rate`\n\nfloor(327680 / (9 k + 13)) for the count k = 0 … 31.",
    numbers(rateTable),
    "### A.4 Where direct slots and weights begin",
    "The profile tiny has the columns *small*. Hashed slots stand behind the last direct one.",
    layoutTable("direct slots of", (isSmall) => slotLayout({ isSmall, isSparing: false })),
    "From version 3 on, with small models:",
    layoutTable("direct slots of", () => slotLayout({ isSmall: true, isSparing: true })),
    layoutTable("weights of", weightLayout),
    "### A.5 Starting tables 1\n\nBase64. A byte for each direct slot, in the order of A.4; a byte for each weight. Up to version 2 the profile tiny begins with the first direct slots of the others.",
    ...[
      { title: "version 3, direct slots", base64: slotPrior },
      { title: "version 3, weights", base64: weightPrior },
      { title: "version 3, direct slots, small", base64: smallSlotPrior },
      { title: "version 3, weights, small", base64: smallWeightPrior },
      { title: "versions 1 and 2, direct slots", base64: oldSlotPrior },
      { title: "versions 1 and 2, weights", base64: oldWeightPrior },
      { title: "versions 1 and 2, weights, small", base64: oldSmallWeightPrior },
    ].map(({ title, base64 }) => `${title}:\n\n\`\`\`\n${lines(base64, 120)}\n\`\`\``),
    "## B. Coding the target",
    "TypeScript; numbers are integers, `>>` and `<<` and `|` work on 32 bits with sign, `>>>` without, `Math.imul` multiplies modulo 2^32.",
    listing("code/target-coder.ts"),
    "### Packed payloads",
    listing("code/packed.ts"),
    "## C. Translating addresses",
    "`map.shiftOf(q)` is the shift of the piece with the greatest old start at or before q, of the first piece where there is none, 0 in an empty map.",
    listing("predict/translate.ts"),
    "## D. Windows and predictors",
    listing("predict/window.ts"),
    ...[...new Set(architectures.flatMap(({ name }) => (name === "none" ? [] : [name])))].map((name) => {
      const row = architectures.find((one) => one.name === name)
      const file = files[name] ?? name
      const first = architectures.find((one) => (files[one.name] ?? one.name) === file)
      const text = first === row ? listing(`predict/${file}.ts`) : `Listed under ${first?.code} ${first?.name}.`
      return `### ${row?.code} ${name}\n\n${text}`
    }),
    `### Pointers\n\n${listing("predict/pointers.ts")}`,
  ].join("\n\n")
}

/** Predictors whose file has another name than their instruction set. */
const files: Readonly<Record<string, string>> = {
  "8051": "i8051",
  "videocore4-near": "videocore4",
  "pic24-data": "pic24",
  "xtensa-be": "xtensa",
}

function numbers(values: Iterable<number>): string {
  return `\`\`\`\n${lines([...values].join(" "), 110)}\n\`\`\``
}

/** Breaks at spaces where there are any. */
function lines(text: string, width: number): string {
  return (
    text.match(text.includes(" ") ? new RegExp(`.{1,${width}}(?: |$)`, "g") : new RegExp(`.{1,${width}}`, "g")) ?? []
  )
    .map((line) => line.trimEnd())
    .join("\n")
}

function layoutTable(title: string, layout: (isSmall: boolean) => Readonly<Record<string, number>>): string {
  const whole = layout(false)
  const small = layout(true)
  const rows = Object.keys(whole).map((name) => `| ${name} | ${whole[name]} | ${small[name]} |`)
  return [`| ${title} | first | first, small |`, "|---|---|---|", ...rows].join("\n")
}

/** A file without what only the compiler needs. */
function listing(file: string): string {
  const text = readFileSync(new URL(`../src/core/delta/${file}`, import.meta.url), "utf8")
  const code = text
    .replace(/^import .*\n/gm, "")
    .replace(/^export /gm, "")
    .replaceAll(" as number", "")
    .replace(/\b(private|readonly) /g, "")
    .trim()
  return `\`\`\`ts\n${code}\n\`\`\``
}
