// `npm run fuzz [--inputs N] [--target NAME] [--seed N] [--write]`: feeds every reader of bytes from outside until it is ended, or
// N inputs each. What should not have happened is written into a file beside its seed, and the program ends with 1.
import { readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { mutated, Random } from "./inputs.ts"
import { finding, type Target, targets } from "./targets.ts"

const { values } = parseArgs({
  options: {
    inputs: { type: "string" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    write: { type: "boolean", default: false },
  },
})
const most = values.inputs === undefined ? Number.POSITIVE_INFINITY : Number(values.inputs)
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
if (chosen.length === 0 || !(most > 0)) {
  process.stderr.write(`--target takes one of: ${targets.map(({ name }) => name).join(", ")}; --inputs a number\n`)
  process.exit(2)
}

interface Run {
  readonly target: Target
  readonly random: Random
  inputs: number
  ms: number
  /** The slowest input, ms. */
  slowest: number
}

const seed = Number(values.seed)
const runs = chosen.map((target, at): Run => ({ target, random: new Random(seed + at), inputs: 0, ms: 0, slowest: 0 }))
const findings: string[] = []
const ending = new AbortController()
process.once("SIGINT", () => ending.abort())
process.once("SIGTERM", () => ending.abort())

/** A thousand inputs of one reader. */
function feed(run: Run): void {
  const until = Math.min(most, run.inputs + 1000)
  const began = performance.now()
  for (; run.inputs < until; run.inputs++) {
    const bytes = mutated(run.random, run.target.sound)
    const at = performance.now()
    const found = finding(run.target, bytes)
    run.slowest = Math.max(run.slowest, performance.now() - at)
    if (found !== null) keep(run, bytes, found)
  }
  run.ms += performance.now() - began
}

function keep({ target, inputs }: Run, bytes: Uint8Array, error: Error): void {
  const file = `fuzz-${target.name.replaceAll(/\W+/g, "-")}-${seed}-${inputs}.bin`
  writeFileSync(file, bytes)
  findings.push(file)
  process.stdout.write(`${target.name}: ${error.stack ?? error.message}\n  input kept in ${file}\n`)
}

while (!ending.signal.aborted && findings.length < 20 && runs.some(({ inputs }) => inputs < most)) {
  for (const run of runs) if (run.inputs < most) feed(run)
  // Signals are heard between the rounds.
  await new Promise((resolve) => setImmediate(resolve))
}
for (const { target, inputs, ms, slowest } of runs) {
  const rate = Math.round((1000 * inputs) / ms)
  process.stdout.write(`${target.name}: ${inputs} inputs, ${rate} a second, the slowest ${slowest.toFixed(0)} ms\n`)
}
process.stdout.write(`${findings.length} findings, seed ${seed}\n`)
if (values.write && findings.length === 0) writeDocs()
process.exit(findings.length === 0 ? 0 : 1)

/** The readers of this run in docs/security.md; what others have reached stays. */
function writeDocs(): void {
  const file = new URL("../docs/security.md", import.meta.url)
  const page = readFileSync(file, "utf8")
  const before = /<!-- fuzz -->\n([\s\S]*?)<!-- \/fuzz -->/.exec(page)?.[1] ?? ""
  const rows = new Map(
    [...before.matchAll(/^\| (.+?) \| ([\d,]+) \| \d+ \|$/gm)].map(([row, name = ""]) => [name, row]),
  )
  for (const { target, inputs } of runs) {
    rows.set(target.name, `| ${target.name} | ${inputs.toLocaleString("en")} | ${seed} |`)
  }
  const table = ["| Reader | Inputs without a finding | Seed |", "|---|---|---|", ...rows.values()].join("\n")
  const text = `Written by \`npm run fuzz -- --write\` (until it was ended; \`--inputs N\` for so many each):\n\n${table}\n`
  writeFileSync(file, page.replace(/<!-- fuzz -->\n[\s\S]*?<!-- \/fuzz -->/, `<!-- fuzz -->\n${text}<!-- /fuzz -->`))
}
