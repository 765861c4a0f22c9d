// `npm run bench delta CORPUS [--only=NAME,…] [--without=NAME,…] [--no-peers] [--no-write]`: our patches against the best public tool for each pair.
// `--results=FILE` keeps each pair's result there and does not measure anew what it holds, so that a long run can be cut, or shared by
// several processes, each with its `--share=I/N` of the pairs; the last run, without a share, writes the tables.
import { spawnSync } from "node:child_process"
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { applyPatch, makePatch, type ProfileName } from "../src/core/delta/index.ts"
import { Study } from "../src/core/delta/match/study.ts"
import { writeSection } from "./write-section.ts"

interface Row {
  readonly id: string
  readonly title: string
  readonly profile: ProfileName
  readonly sectorSize?: number
  readonly required: number
  /** With the header counted. */
  readonly requiredFile?: number
}

const rows: readonly Row[] = [
  { id: "gateway", title: "gateway", profile: "gateway", required: 0.37, requiredFile: 0.39 },
  { id: "std", title: "std", profile: "std", required: 0.38 },
  { id: "mcu", title: "mcu", profile: "mcu", required: 0.395, requiredFile: 0.415 },
  { id: "tiny", title: "tiny", profile: "tiny", required: 0.455 },
  {
    id: "in-place",
    title: "mcu, in place, 4 KB sectors, resumable",
    profile: "mcu",
    sectorSize: 4096,
    required: 0.36,
  },
]

/** So that the envelope does not decide patches of a few bytes. */
const envelope = 64

interface Peers {
  readonly best: number
  readonly tool: string
  readonly bestInPlace: number
  readonly full: number
}

/** Runs the peers that this machine has; their sizes replace the recorded ones. */
const live: Readonly<Record<string, (files: { old: string; new: string; out: string }) => readonly string[]>> = {
  bsdiff: (f) => ["bsdiff", f.old, f.new, f.out],
  "xdelta3-9": (f) => ["xdelta3", "-9", "-f", "-B", "67108864", "-e", "-s", f.old, f.new, f.out],
  "zstd-22-patch": (f) => [
    "zstd",
    "-q",
    "-f",
    "--ultra",
    "-22",
    "--long=27",
    `--patch-from=${f.old}`,
    f.new,
    "-o",
    f.out,
  ],
}

function recordedPeers(corpus: string): Map<string, Map<string, number>> {
  const peers = new Map<string, Map<string, number>>()
  for (const line of readFileSync(join(corpus, "baselines.tsv"), "utf8").trim().split("\n").slice(1)) {
    const cells = line.split("\t")
    const pair = peers.get(cells[0] ?? "") ?? new Map<string, number>()
    pair.set(cells[5] ?? "", Number(cells[6]))
    peers.set(cells[0] ?? "", pair)
  }
  return peers
}

function runLive(scratch: string, pair: { old: string; new: string }): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const [tool, command] of Object.entries(live)) {
    const out = join(scratch, "patch")
    rmSync(out, { force: true })
    const [program, ...args] = command({ ...pair, out })
    const done = spawnSync(program ?? "", args, { stdio: "ignore", timeout: 300_000 })
    if (done.status === 0 && existsSync(out)) sizes.set(tool, statSync(out).size)
  }
  return sizes
}

function peersOf(sizes: ReadonlyMap<string, number>): Peers {
  const least = (keep: (tool: string) => boolean): [string, number] => {
    let best: [string, number] = ["none", Number.POSITIVE_INFINITY]
    for (const [tool, size] of sizes) if (keep(tool) && size < best[1]) best = [tool, size]
    return best
  }
  const [tool, best] = least((name) => name !== "full-xz9e")
  const [, bestInPlace] = least((name) => name.includes("-ip"))
  return { best, tool, bestInPlace, full: sizes.get("full-xz9e") ?? Number.POSITIVE_INFINITY }
}

interface Result {
  readonly name: string
  readonly family: string
  readonly newSize: number
  readonly peers: Peers
  readonly payload: Readonly<Record<string, number>>
  readonly file: Readonly<Record<string, number>>
  readonly makeSeconds: number
  readonly applySeconds: number
}

const ratioOf = (result: Result, row: Row, sizes: Readonly<Record<string, number>>): number =>
  ((sizes[row.id] ?? 0) + envelope) /
  ((row.sectorSize === undefined ? result.peers.best : result.peers.bestInPlace) + envelope)
const ratio = (result: Result, row: Row): number => ratioOf(result, row, result.payload)

const geomean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

/** Processor time of this process so far, s: what else the machine does hardly changes it. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function benchPair(
  folder: string,
  names: { family: string; name: string },
  sizes: ReadonlyMap<string, number>,
): Result {
  const oldBytes = new Uint8Array(readFileSync(join(folder, "old.bin")))
  const newBytes = new Uint8Array(readFileSync(join(folder, "new.bin")))
  const study = new Study(oldBytes, newBytes)
  const payload: Record<string, number> = {}
  const file: Record<string, number> = {}
  let makeSeconds = 0
  let applySeconds = 0
  for (const row of rows) {
    const beganAt = processorSeconds()
    const isTimed = row.id === "std"
    const { patch, header } = makePatch(oldBytes, newBytes, {
      profile: row.profile,
      ...(row.sectorSize === undefined ? {} : { sectorSize: row.sectorSize }),
      ...(isTimed ? {} : { study }),
    })
    payload[row.id] = header.payloadSize
    file[row.id] = patch.length
    if (!isTimed) continue
    makeSeconds = processorSeconds() - beganAt
    const madeAt = processorSeconds()
    applyPatch(patch, oldBytes)
    applySeconds = processorSeconds() - madeAt
  }
  return { ...names, newSize: newBytes.length, peers: peersOf(sizes), payload, file, makeSeconds, applySeconds }
}

function overview(results: readonly Result[]): string {
  const counted = results.filter((result) => result.family !== "hard")
  const lines = [
    "| profile | geometric mean | required | whole file | required | pairs won | worst pair |",
    "|---|---|---|---|---|---|---|",
  ]
  for (const row of rows) {
    const ratios = counted.map((result) => ratio(result, row))
    const worst = counted.reduce((most, next) => (ratio(next, row) > ratio(most, row) ? next : most))
    const files = counted.map((result) => ratioOf(result, row, result.file))
    const won = ratios.filter((value) => value < 1).length
    lines.push(
      `| ${row.title} | **${geomean(ratios).toFixed(3)}** | ${row.required} | ${geomean(files).toFixed(3)} | ${row.requiredFile ?? ""} | ${won} of ${counted.length} | ${worst.name} ${ratio(worst, row).toFixed(3)} |`,
    )
  }
  return lines.join("\n")
}

function families(results: readonly Result[]): string {
  const names = [...new Set(results.map((result) => result.family))]
  const lines = [
    `| family | pairs | ${rows.map((row) => row.id).join(" | ")} |`,
    `|---|---|${rows.map(() => "---|").join("")}`,
  ]
  for (const family of names) {
    const members = results.filter((result) => result.family === family)
    const cells = rows.map((row) => geomean(members.map((result) => ratio(result, row))).toFixed(3))
    lines.push(`| ${family} | ${members.length} | ${cells.join(" | ")} |`)
  }
  return lines.join("\n")
}

function pairs(results: readonly Result[]): string {
  const lines = [
    `| pair | new image | best peer | ${rows.map((row) => row.id).join(" | ")} | make s/MB | apply kB/s |`,
    `|---|---|---|${rows.map(() => "---|").join("")}---|---|`,
  ]
  for (const result of results) {
    const cells = rows.map((row) => `${result.payload[row.id]} (${ratio(result, row).toFixed(2)})`)
    const speed = `${(result.makeSeconds / (result.newSize / 1e6)).toFixed(1)} | ${(result.newSize / 1e3 / result.applySeconds).toFixed(0)}`
    lines.push(
      `| ${result.name} | ${result.newSize} | ${result.peers.tool} ${result.peers.best} | ${cells.join(" | ")} | ${speed} |`,
    )
  }
  return lines.join("\n")
}

const args = process.argv.slice(2)
const corpus = args.find((arg) => !arg.startsWith("--"))
if (corpus === undefined) {
  process.stderr.write(
    "usage: npm run bench delta CORPUS [--only=NAME,…] [--without=NAME,…] [--no-peers] [--no-write]\n",
  )
  process.exit(2)
}
const namesOf = (option: string): readonly string[] | undefined =>
  args
    .find((arg) => arg.startsWith(`${option}=`))
    ?.slice(option.length + 1)
    .split(",")
const only = namesOf("--only")
const without = namesOf("--without") ?? []
const isWanted = (name: string): boolean =>
  (only?.some((part) => name.startsWith(part)) ?? true) && !without.some((part) => name.startsWith(part))
/** Pairs of the corpus that were not asked for. */
const leftOut: string[] = []
const scratch = mkdtempSync(join(tmpdir(), "waft-bench-"))
const recorded = recordedPeers(corpus)
const results: Result[] = []
const resultsFile = namesOf("--results")?.[0]
const [share = 0, shares = 1] = namesOf("--share")?.[0]?.split("/").map(Number) ?? []
const known = resultsFile !== undefined && existsSync(resultsFile) ? readFileSync(resultsFile, "utf8").split("\n") : []
const before = new Map(
  known
    .filter((line) => line !== "")
    // JSON knows no infinity, which stands for a peer that was not measured.
    .map((line) => JSON.parse(line, (_, value: unknown) => value ?? Number.POSITIVE_INFINITY) as Result)
    .map((result) => [result.name, result] as const),
)
let seen = 0
const measured = new Set<string>()
for (const family of readdirSync(corpus).filter((name) => statSync(join(corpus, name)).isDirectory())) {
  for (const name of readdirSync(join(corpus, family))) {
    if (!isWanted(name)) {
      leftOut.push(name)
      continue
    }
    const earlier = before.get(name)
    if (earlier !== undefined) results.push(earlier)
    if (earlier !== undefined || seen++ % shares !== share) continue
    const folder = join(corpus, family, name)
    const sizes = new Map(recorded.get(name))
    const now = args.includes("--no-peers")
      ? new Map<string, number>()
      : runLive(scratch, { old: join(folder, "old.bin"), new: join(folder, "new.bin") })
    for (const [tool, size] of now) {
      sizes.set(tool, size)
      measured.add(tool)
    }
    const result = benchPair(folder, { family, name }, sizes)
    results.push(result)
    if (resultsFile !== undefined) appendFileSync(resultsFile, `${JSON.stringify(result)}\n`)
    const cells = rows.map((row) => `${row.id} ${result.payload[row.id]} (${ratio(result, row).toFixed(3)})`)
    process.stdout.write(
      `${name}: best peer ${result.peers.best} ${result.peers.tool}; ${cells.join(", ")}; ${result.makeSeconds.toFixed(1)} s\n`,
    )
  }
}
rmSync(scratch, { recursive: true, force: true })
const totalBytes = results.reduce((sum, result) => sum + result.newSize, 0)
const makeSeconds = results.reduce((sum, result) => sum + result.makeSeconds, 0)
const applySeconds = results.reduce((sum, result) => sum + result.applySeconds, 0)
const markdown = [
  "## Patches",
  "",
  "Written by `npm run bench delta CORPUS`. Geometric mean of (our payload + 64 bytes) over (the best peer's patch + 64 bytes)",
  "for each pair of real consecutive firmware versions; the `hard` pairs (encrypted, compressed) are not counted in it. In",
  "place we are held against the best in-place peer. *Whole file* is the same with our header counted. The coder's starting tables were trained on pairs of this corpus.",
  "",
  `Peers run here: ${[...measured].join(", ") || "none"}. All others (hdiffz, HPatchLite, detools, JojoDiff, and what was not run here) are recorded figures of \`baselines.tsv\`.`,
  ...(leftOut.length === 0 ? [] : [`Left out of this run: ${leftOut.join(", ")}.`]),
  `${results.length} pairs, Node ${process.versions.node}, one core of ${cpus()[0]?.model ?? "an unknown processor"}:`,
  `making for std ${(makeSeconds / (totalBytes / 1e6)).toFixed(2)} s of processor time for a MB with verification, applying ${(totalBytes / 1e3 / applySeconds).toFixed(0)} kB/s.`,
  "",
  overview(results),
  "",
  "### By family (ratio to the best peer)",
  "",
  families(results),
  "",
  "### By pair (payload bytes, and the ratio)",
  "",
  pairs(results),
].join("\n")
process.stdout.write(`\n${overview(results)}\n\n${families(results)}\n`)
if (!args.includes("--no-write")) writeSection("delta", markdown)
