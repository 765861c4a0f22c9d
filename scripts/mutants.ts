// `npm run mutants [-- --generic 40 --seed 1 --only NAME]`: plants mistakes in copies of server/fleet and core/domain, one at a time, and
// runs the tests that should notice. First the mistakes that were made once, then some of every kind, chosen by a seed. Ends with 1 when
// one survives that has no written reason in `reasons`.
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Where `from` begins; absent = it stands in the file once. */
  readonly at?: number
}

const fleet = "src/server/fleet"

/** Mistakes that once survived the tests. */
const planted: readonly Mutant[] = [
  {
    name: "memory is changed before the store",
    file: `${fleet}/commit.ts`,
    from: "  const appended = await store.commit(actor, told)\n",
    to: "  for (const _ of applyChanges(live, changes)) continue\n  const appended = await store.commit(actor, told)\n",
  },
  {
    name: "listeners are told before memory knows",
    file: `${fleet}/commit.ts`,
    from: "  try {\n    const rest",
    to: "  tell()\n  try {\n    const rest",
  },
  {
    name: "a lock does not wait",
    file: `${fleet}/ledger/device-lock.ts`,
    from: "    for (const { freed } of before) await freed\n",
    to: "",
  },
  {
    name: "an erase takes no lock",
    file: `${fleet}/order-erase.ts`,
    from: "return withLocks(needs, known, async () => {",
    to: "return Promise.resolve().then(async () => {",
  },
  {
    name: "a resumed rollout keeps the old silence",
    file: `${fleet}/steer-rollout.ts`,
    from: "    silentFrom: Math.round(uptime),\n",
    to: "    silentFrom: Math.round(uptime) * 0,\n",
  },
  {
    name: "a restart forgets silence",
    file: `${fleet}/load-fleet.ts`,
    from: "    live.quietSince = row.upAt\n",
    to: "    live.quietSince = fleet.uptime()\n",
  },
  {
    name: "an outage accuses devices",
    file: `${fleet}/live-fleet.ts`,
    from: "    this.#upBefore = saved - this.#clock.monotonic()\n",
    to: "    this.#upBefore = 0 * saved\n",
  },
  {
    name: "a stream forgets what came while it caught up",
    file: "src/server/api/events/event-streams.ts",
    from: "      this.#write(stream, this.#recent)\n",
    to: "",
  },
  {
    name: "a withdrawn release stays on channels",
    file: `${fleet}/steer-rollout.ts`,
    from: "    .filter(({ channel }) => channel.releaseId === id)\n",
    to: "    .filter(({ channel }) => channel.releaseId === id && id === channel.name)\n",
  },
  {
    name: "an image hold is never released",
    file: "src/server/gateway/login-session.ts",
    from: "        hold.release()\n        if (login.transfer",
    to: "        if (login.transfer",
  },
  {
    name: "the default silence is a day",
    file: "src/core/domain/plan.ts",
    from: "export const usualSilenceMs = 14 * 86_400_000",
    to: "export const usualSilenceMs = 1 * 86_400_000",
  },
  {
    name: "an enrolment does not go on after a crash",
    file: `${fleet}/continue-enrolments.ts`,
    from: "    if (!isEnrolling(rollout) ||",
    to: "    if (isEnrolling(rollout) ||",
  },
  {
    name: "a stale record is saved all the same",
    file: `${fleet}/ledger/device-lock.ts`,
    from: "!(error instanceof StaleRecord) || tries === mostTries",
    to: "tries > 0",
  },
  {
    name: "counters forget where a device came from",
    file: `${fleet}/ledger/count-moves.ts`,
    from: "    if (before !== null) this.#add(rolloutId, before, -1)\n",
    to: "",
  },
]

/** Mistakes that no test can notice, and why. */
const reasons: Readonly<Record<string, string>> = {}

const operators: readonly (readonly [RegExp, string])[] = [
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ < /g, " <= "],
  [/ >= /g, " > "],
  [/ \+ 1\b/g, " - 1"],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/\bif \((?=[^\n]*\) return)/g, "if (false && "],
  [/\.filter\(/g, ".slice().filter(() => true || "],
  [/^ {2,}(?:await )?commit\(needs[^\n]*\)\n/gm, "\n"],
]

const { values } = parseArgs({
  options: {
    generic: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    planted: { type: "boolean", default: true },
  },
  allowNegative: true,
})

/** Seeded numbers from 0 to below `most` (mulberry32). */
function randomFrom(seed: number): (most: number) => number {
  let state = seed >>> 0
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % most
  }
}

function genericMutants(count: number, seed: number): readonly Mutant[] {
  const files = execFileSync("git", ["ls-files", fleet, "src/core/domain"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => file.endsWith(".ts") && !/\.(test|testing)\.ts$/.test(file))
  const sites = files.flatMap((file) => {
    const text = readFileSync(file, "utf8")
    return operators.flatMap(([pattern, to]) =>
      [...text.matchAll(pattern)]
        .filter(({ index }) => !isComment(text, index))
        .map(({ index, 0: from }): Mutant => {
          const line = text.slice(0, index).split("\n").length
          return { name: `${file}:${line} ${from.trim()} → ${to.trim()}`, file, from, to, at: index }
        }),
    )
  })
  const random = randomFrom(seed)
  return Array.from({ length: Math.min(count, sites.length) }, () => sites.splice(random(sites.length), 1)[0] as Mutant)
}

function isComment(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", index) + 1, index).trimStart()
  return (
    line.startsWith("*") || line.startsWith("//") || line.startsWith("/*") || line.includes('"') || line.includes("`")
  )
}

/** The tests that know most of these rooms, without those that start servers. */
const tests = [
  "src/server/fleet",
  "src/server/gateway",
  "src/server/api",
  "src/core/domain",
  "src/core/rollout",
  "test/rollouts-by-plan",
]

function survives(folder: string, { file, from, to, at }: Mutant): boolean {
  const path = join(folder, file)
  const text = readFileSync(path, "utf8")
  const index = at ?? text.indexOf(from)
  if (index < 0 || (at === undefined && text.indexOf(from, index + 1) >= 0))
    throw new Error(`"${from}" does not stand in ${file} once`)
  writeFileSync(path, `${text.slice(0, index)}${to}${text.slice(index + from.length)}`)
  try {
    // Most are noticed by few tests; what those let pass is shown to every one that has to do with the file.
    const passes = (...args: readonly string[]): boolean =>
      spawnSync("npx", ["vitest", ...args, "--project", "fast", "--bail", "1", "--reporter", "dot"], {
        cwd: folder,
        stdio: "ignore",
        timeout: 600_000,
      }).status === 0
    return passes("run", ...tests) && passes("related", "--run", file)
  } finally {
    writeFileSync(path, text)
  }
}

const folder = mkdtempSync(join(tmpdir(), "waft-mutants-"))
try {
  for (const part of ["src", "test", "scripts", "demo", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(part, join(folder, part), { recursive: true })
  }
  for (const part of ["node_modules", "dist", "docs", "device"])
    symlinkSync(join(process.cwd(), part), join(folder, part))
  const all = [
    ...(values.planted ? planted : []),
    ...genericMutants(Number(values.generic), Number(values.seed)),
  ].filter(({ name }) => values.only === undefined || name.includes(values.only))
  const survivors: string[] = []
  for (const mutant of all) {
    const isAlive = survives(folder, mutant)
    const reason = reasons[mutant.name]
    if (isAlive && reason === undefined) survivors.push(mutant.name)
    process.stdout.write(
      `${isAlive ? (reason === undefined ? "SURVIVES" : `harmless (${reason})`) : "noticed"}: ${mutant.name}\n`,
    )
  }
  process.stdout.write(`${all.length} mistakes planted, ${survivors.length} survive\n`)
  if (survivors.length > 0) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
