import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const src = join(root, "src")

/** The walls: which room may import which. A room may always import itself. The longest matching prefix is the room. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "core/kit": [],
  "core/domain": ["core/kit"],
  "core/protocols": ["core/kit"],
  "core/delta": ["core/kit"],
  "core/rollout": ["core/kit", "core/domain"],
  "core/families": ["core/kit", "core/domain", "core/protocols", "core/delta"],
  "core/contract": ["core/kit", "core/domain"],
  "server/fleet": ["core/kit", "core/domain", "core/rollout", "core/families"],
  "server/store": ["core/kit", "core/domain", "server/fleet"],
  "server/delta-jobs": ["core/kit", "core/delta", "server/fleet"],
  "server/upload-jobs": ["core/kit", "core/domain", "core/families", "server/fleet"],
  "server/transports": ["core/kit", "core/protocols"],
  "server/gateway": [
    "core/kit",
    "core/domain",
    "core/contract",
    "core/protocols",
    "core/families",
    "server/fleet",
    "server/transports",
  ],
  "server/people": ["core/kit", "core/domain", "core/contract", "server/fleet"],
  "server/webhooks": ["core/kit", "core/domain", "core/contract", "server/fleet", "server/people"],
  "server/api": [
    "core/kit",
    "core/domain",
    "core/rollout",
    "core/contract",
    "server/fleet",
    "server/people",
    "server/transports",
    "server/webhooks",
  ],
  // main.ts and config.ts: the only place where everything meets.
  server: ["core", "server", "serial", "signing"],
  signing: ["core/kit", "core/domain"],
  disk: [],
  serial: ["core/kit", "core/protocols"],
  virtual: ["core/kit", "core/protocols", "core/delta", "core/families", "disk"],
  agent: ["core/kit", "core/protocols", "core/families", "core/contract", "disk", "serial"],
  console: ["core/kit", "core/domain", "core/contract"],
  cli: ["core/kit", "core/domain", "core/contract", "signing", "disk"],
}

/** Doors through which the CLI starts the other programs, and reaches the engines that run without a server. */
const doors: Readonly<Record<string, readonly string[]>> = {
  cli: [
    "server/main.ts",
    "server/config.ts",
    "server/backup.ts",
    "virtual/main.ts",
    "agent/main.ts",
    "core/families/index.ts",
    "core/families/family.ts",
    "core/delta/index.ts",
  ],
}

/** Packages and Node modules that pure rooms may import: data and arithmetic, no I/O. */
const purePackages = new Set([
  "nrf-intel-hex",
  "typebox",
  "yaml",
  "@noble/hashes",
  "@noble/curves",
  "vitest",
  "fast-check",
])

interface Import {
  readonly file: string
  readonly line: number
  readonly text: string
  readonly target: string
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(dir, name))
}

const importPattern = /\b(?:from\s+|import\s*\(\s*|import\s+|new URL\(\s*)["']([^"']+)["']/g

function importsOf(file: string): Import[] {
  const found: Import[] = []
  for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
    if (/^\s*(\*|\/\/)/.test(text)) continue
    for (const match of text.matchAll(importPattern)) {
      // A data file that a program reads beside itself is no import.
      if (match[0].startsWith("new URL") && !/\.[jt]s$/.test(match[1] ?? "")) continue
      found.push({ file, line: index + 1, text: text.trim(), target: match[1] ?? "" })
    }
  }
  return found
}

function roomOf(file: string): string {
  const path = relative(src, file)
  const rooms = Object.keys(mayImport).filter((room) => path === room || path.startsWith(`${room}/`))
  const room = rooms.sort((a, b) => b.length - a.length)[0]
  if (room === undefined) throw new Error(`${path} stands in no room; add one to the walls and to docs/architecture.md`)
  return room
}

function within(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`)
}

function offence(found: Import): string | null {
  const room = roomOf(found.file)
  const where = `${relative(root, found.file)}:${found.line}: ${found.text}`
  const isTest = /\.test\.ts$|\.testing\.ts$/.test(found.file)
  if (!found.target.startsWith(".")) {
    if (!room.startsWith("core/") || isTest) return null
    const packageName = found.target.startsWith("@")
      ? found.target.split("/").slice(0, 2).join("/")
      : found.target.split("/")[0]
    return purePackages.has(packageName ?? "") ? null : `${where}\n    core is pure: no ${found.target} here`
  }
  // A worker thread's file may be named where it is built; it belongs to the room of its source.
  const target = relative(src, resolve(dirname(found.file), found.target)).replace(/^\.\.\/dist\//, "")
  if (target.startsWith("..")) return isTest ? null : `${where}\n    src imports nothing outside src`
  if (within(target, room)) return null
  // A test may stand on what another room's tests stand on: nothing of it is in the program.
  if (isTest && target.endsWith(".testing.ts")) return null
  if ((mayImport[room] ?? []).some((allowed) => within(target, allowed))) return null
  if ((doors[room] ?? []).includes(target)) return null
  return `${where}\n    ${room} may import ${(mayImport[room] ?? []).join(", ") || "nothing"}`
}

const files = sourceFiles(src)
const imports = files.flatMap(importsOf)

describe("the walls", () => {
  it("stand: every import stays inside what its room may use", () => {
    expect(imports.length).toBeGreaterThan(0)
    expect(
      imports
        .map(offence)
        .filter((line) => line !== null)
        .join("\n"),
    ).toBe("")
  })

  it("let core have no clock and no randomness", () => {
    const offences = files
      .filter((file) => roomOf(file).startsWith("core/") && !file.endsWith(".test.ts"))
      .flatMap((file) =>
        readFileSync(file, "utf8")
          .split("\n")
          .map((text, index) => ({ text, where: `${relative(root, file)}:${index + 1}` }))
          .filter(({ text }) => /\bDate\.now\(|\bMath\.random\(|new Date\(\)/.test(text))
          .map(({ text, where }) => `${where}: ${text.trim()}`),
      )
    expect(offences.join("\n")).toBe("")
  })

  it("keep clock, randomness and environment out of the server but for its main and config", () => {
    const offences = files
      .filter((file) => relative(src, file).startsWith("server/") && !file.endsWith(".test.ts"))
      .filter((file) => !["server/main.ts", "server/config.ts", "server/clock.ts"].includes(relative(src, file)))
      .flatMap((file) =>
        readFileSync(file, "utf8")
          .split("\n")
          .map((text, index) => ({ text, where: `${relative(root, file)}:${index + 1}` }))
          .filter(({ text }) => /\bDate\.now\(|\bMath\.random\(|new Date\(\)|process\.env\b/.test(text))
          .map(({ text, where }) => `${where}: ${text.trim()}`),
      )
    expect(offences.join("\n")).toBe("")
  })

  it("enclose no import cycle, types included", () => {
    const graph = new Map<string, string[]>()
    for (const found of imports) {
      if (!found.target.startsWith(".")) continue
      const targets = graph.get(found.file) ?? []
      targets.push(resolve(dirname(found.file), found.target))
      graph.set(found.file, targets)
    }
    expect(findCycle(graph)).toBeNull()
  })
})

/** The first import cycle as a readable path, or null. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): string | null => {
    const start = path.indexOf(file)
    if (start >= 0) return [...path.slice(start), file].map((name) => relative(root, name)).join("\n -> ")
    if (done.has(file)) return null
    path.push(file)
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target)
      if (cycle !== null) return cycle
    }
    path.pop()
    done.add(file)
    return null
  }
  for (const file of graph.keys()) {
    const cycle = visit(file)
    if (cycle !== null) return cycle
  }
  return null
}
