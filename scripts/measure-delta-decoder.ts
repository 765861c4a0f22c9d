// Code, table, stack and state sizes of the C decoder on Cortex-M, by arm-none-eabi-gcc: `npx tsx scripts/measure-delta-decoder.ts`.
// Writes the table of docs/delta.md between its marks.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const source = join(root, "device", "c", "waft_delta.c")
const folder = mkdtempSync(join(tmpdir(), "waft-size-"))
const run = (program: string, args: readonly string[]): string =>
  execFileSync(program, args, { encoding: "utf8", cwd: folder })

const cores = [
  { name: "Cortex-M0+", flag: "-mcpu=cortex-m0plus" },
  { name: "Cortex-M4", flag: "-mcpu=cortex-m4" },
] as const
const builds = [
  { name: "Thumb-2 alone", flags: ["-DWAFT_ONE_ARCH", "-DWAFT_ARCH_THUMB2"] },
  { name: "all instruction sets", flags: [] },
] as const

interface Measured {
  readonly code: number
  readonly tables: number
  readonly stack: number
}

function measure(core: string, flags: readonly string[]): Measured {
  const base = ["-std=c99", "-Os", "-mthumb", core, "-DWAFT_PROFILE=1", ...flags]
  run("arm-none-eabi-gcc", [...base, "-fcallgraph-info=su", "-c", source, "-o", "decoder.o"])
  const sections = run("arm-none-eabi-size", ["-A", "decoder.o"])
  const sum = (prefix: RegExp): number =>
    [...sections.matchAll(/^(\.\S+)\s+(\d+)/gm)]
      .filter((row) => prefix.test(row[1] ?? ""))
      .reduce((total, row) => total + Number(row[2]), 0)
  return {
    code: sum(/^\.text/),
    tables: sum(/^\.rodata/),
    stack: deepestStack(readFileSync(join(folder, "decoder.ci"), "utf8")),
  }
}

/** The deepest path through the call graph, in bytes; predictors are called through a table, the host's functions count nothing. */
function deepestStack(graph: string): number {
  const own = new Map<string, number>()
  for (const [, title, label] of graph.matchAll(/node: \{ title: "([^"]+)" label: "([^"]*)"/g)) {
    own.set(title ?? "", Number(/(\d+) bytes/.exec(label ?? "")?.[1] ?? 0))
  }
  const calls = new Map<string, string[]>()
  for (const [, from, to] of graph.matchAll(/edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/g)) {
    calls.set(from ?? "", [...(calls.get(from ?? "") ?? []), to ?? ""])
  }
  const predictors = [...own.keys()].filter((name) => /predict_(?!pointers)/.test(name))
  const depth = (name: string, path: readonly string[]): number => {
    if (path.includes(name)) throw new Error(`the decoder recurses: ${[...path, name].join(" -> ")}`)
    const next =
      name === "__indirect_call"
        ? path.some((step) => /decode_/.test(step))
          ? predictors
          : []
        : (calls.get(name) ?? [])
    return (own.get(name) ?? 0) + Math.max(0, ...next.map((to) => depth(to, [...path, name])))
  }
  return Math.max(
    ...[...own.keys()].filter((name) => /waft_delta_(stream|in_place)$/.test(name)).map((name) => depth(name, [])),
  )
}

function stateSize(profile: number): number {
  writeFileSync(join(folder, "state.c"), '#include "waft_delta.h"\nchar state[sizeof(struct waft_delta)];\n')
  run("arm-none-eabi-gcc", [
    "-std=c99",
    "-mthumb",
    "-mcpu=cortex-m4",
    `-DWAFT_PROFILE=${profile}`,
    `-I${join(root, "device", "c")}`,
    "-c",
    "state.c",
  ])
  return Number(/\.bss\s+(\d+)/.exec(run("arm-none-eabi-size", ["-A", "state.o"]))?.[1])
}

const lines = ["| core | build | code | constant tables | deepest stack |", "|---|---|---|---|---|"]
for (const core of cores) {
  for (const build of builds) {
    const { code, tables, stack } = measure(core.flag, build.flags)
    lines.push(`| ${core.name} | ${build.name} | ${code} | ${tables} | ${stack} |`)
  }
}
lines.push("", "| profile | state, one struct |", "|---|---|")
for (const [profile, name] of ["tiny", "mcu", "std", "gateway"].entries())
  lines.push(`| ${name} | ${stateSize(profile)} |`)
rmSync(folder, { recursive: true, force: true })

const page = join(root, "docs", "delta.md")
const text = readFileSync(page, "utf8")
const [begin, end] = ["<!-- decoder size -->", "<!-- /decoder size -->"]
writeFileSync(
  page,
  `${text.slice(0, text.indexOf(begin) + begin.length)}\n${lines.join("\n")}\n${text.slice(text.indexOf(end))}`,
)
process.stdout.write(`${lines.join("\n")}\n`)
