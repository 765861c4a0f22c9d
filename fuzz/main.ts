// `npm run fuzz [--inputs N] [--target NAME,NAME] [--seed N] [--progress FILE] [--write]`: feeds every reader of bytes from outside until
// it is ended, or N inputs each. What should not have happened is written into a file beside its seed, and the program ends with 1.
// --progress: goes on from where the run that wrote FILE ended, and keeps it: 10 million inputs need no single night.
// --write: puts what was reached into docs/security.md.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { mutated, Random } from "./inputs.ts"
import { finding, type Target, targets } from "./targets.ts"

const { values } = parseArgs({
  options: {
    inputs: { type: "string" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    progress: { type: "string" },
    write: { type: "boolean", default: false },
  },
})
const most = values.inputs === undefined ? Number.POSITIVE_INFINITY : Number(values.inputs)
const names = values.target?.split(",").map((name) => name.trim())
const chosen = targets.filter(({ name }) => names?.includes(name) ?? true)
if (chosen.length === 0 || chosen.length !== (names?.length ?? chosen.length) || !(most > 0)) {
  process.stderr.write(
    `--target takes of these, with commas: ${targets.map(({ name }) => name).join(", ")}; --inputs a number\n`,
  )
  process.exit(2)
}

/** What one reader has been through; `random` is its generator's state, from which a later run goes on. */
interface Reached {
  readonly seed: number
  readonly random: number
  readonly inputs: number
  /** What the inputs took, made and read, ms. */
  readonly ms: number
  /** The slowest input, ms. */
  readonly slowest: number
}

interface Run {
  readonly target: Target
  readonly seed: number
  readonly random: Random
  inputs: number
  ms: number
  slowest: number
}

const seed = Number(values.seed)
const before = kept()
const runs = chosen.map((target): Run => {
  const { random, ...reached } = before[target.name] ?? {
    seed: seed + targets.indexOf(target),
    random: null,
    inputs: 0,
    ms: 0,
    slowest: 0,
  }
  return { target, ...reached, random: random === null ? new Random(reached.seed) : Random.at(random) }
})
const findings: string[] = []
const ending = new AbortController()
process.once("SIGINT", () => ending.abort())
process.once("SIGTERM", () => ending.abort())

/** One reader's turn: readers that are quick get further in the same time. */
const turnMs = 250
const keepEveryMs = 10_000

function feed(run: Run): void {
  const began = performance.now()
  let now = began
  while (run.inputs < most && now - began < turnMs) {
    const bytes = mutated(run.random, run.target.sound)
    const at = performance.now()
    const found = finding(run.target, bytes)
    now = performance.now()
    run.slowest = Math.max(run.slowest, now - at)
    if (found !== null) keepFinding(run, bytes, found)
    run.inputs++
  }
  run.ms += now - began
}

function keepFinding({ target, seed: from, inputs }: Run, bytes: Uint8Array, error: Error): void {
  const file = `fuzz-${target.name.replaceAll(/\W+/g, "-")}-${from}-${inputs}.bin`
  writeFileSync(file, bytes)
  findings.push(file)
  process.stdout.write(`${target.name}: ${error.stack ?? error.message}\n  input kept in ${file}\n`)
}

let keptAt = performance.now()
while (!ending.signal.aborted && findings.length < 20 && runs.some(({ inputs }) => inputs < most)) {
  for (const run of runs) if (run.inputs < most) feed(run)
  if (performance.now() - keptAt > keepEveryMs) {
    keep()
    keptAt = performance.now()
  }
  // Signals are heard between the rounds.
  await new Promise((resolve) => setImmediate(resolve))
}
keep()
for (const { target, inputs, ms, slowest } of runs) {
  const rate = Math.round((1000 * inputs) / ms)
  process.stdout.write(`${target.name}: ${inputs} inputs, ${rate} a second, the slowest ${slowest.toFixed(0)} ms\n`)
}
process.stdout.write(`${findings.length} findings\n`)
if (values.write && findings.length === 0) writeDocs()
process.exit(findings.length === 0 ? 0 : 1)

/** What earlier runs have kept. */
function kept(): Readonly<Record<string, Reached>> {
  const file = values.progress
  return file !== undefined && existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Reached>>)
    : {}
}

/** Keeps how far the readers of this run have come; the file's other readers stay, other runs may be at work on them. */
function keep(): void {
  const file = values.progress
  if (file === undefined || findings.length > 0) return
  const reached = runs.map(({ target, random, ...run }) => [target.name, { ...run, random: random.state }] as const)
  writeFileSync(`${file}.new`, JSON.stringify({ ...kept(), ...Object.fromEntries(reached) }, null, 1))
  renameSync(`${file}.new`, file)
}

/** The readers of this run in docs/security.md; what others have reached stays. */
function writeDocs(): void {
  const file = new URL("../docs/security.md", import.meta.url)
  const page = readFileSync(file, "utf8")
  const old = /<!-- fuzz -->\n([\s\S]*?)<!-- \/fuzz -->/.exec(page)?.[1] ?? ""
  const rows = new Map([...old.matchAll(/^\| (.+?) \| [\d,]+ \|.*\|$/gm)].map(([row, name = ""]) => [name, row]))
  for (const { target, inputs, seed: from } of runs) {
    rows.set(target.name, `| ${target.name} | ${inputs.toLocaleString("en")} | ${from} |`)
  }
  const head = "| Reader | Inputs without a finding | Seed |"
  const ofToday = targets.flatMap(({ name }) => rows.get(name) ?? [])
  const table = [head, "|---|---|---|", ...ofToday].join("\n")
  const text = `Written by \`npm run fuzz -- --write\` (until it was ended; \`--inputs N\` for so many each, \`--progress FILE\` to go on another day):\n\n${table}\n`
  writeFileSync(file, page.replace(/<!-- fuzz -->\n[\s\S]*?<!-- \/fuzz -->/, `<!-- fuzz -->\n${text}<!-- /fuzz -->`))
}
