import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { ddi } from "../src/core/families/ddi/index.ts"
import { boardFaults } from "../src/core/families/pic32mzw1/device/faults.ts"
import { resultWords } from "../src/core/families/pic32mzw1/result-codes.ts"

const root = new URL("..", import.meta.url)
const pageOf = (family: string): string => readFileSync(new URL(`docs/protocols/${family}.md`, root), "utf8")

/** `file` "sentence", or `file`, vector "sentence". A sentence may go over the end of a line. */
const namedIn = (family: string) =>
  [...pageOf(family).matchAll(/`([\w/.-]+\.test\.ts)`(,\s+vector)?\s+"([^"]+)"/g)].map(
    ([, file = "", vector, name = ""]) => ({
      file: /^(?:src|test)\//.test(file) ? file : `src/core/families/${family}/${file}`,
      isVector: vector !== undefined,
      name: name.replaceAll(/\s+/g, " "),
    }),
  )

describe.each([
  ["pic32mzw1", 60],
  ["telit", 45],
  ["ddi", 20],
] as const)("docs/protocols/%s.md", (family, least) => {
  const named = namedIn(family)

  it("names a test for its rules", () => {
    expect(named.length).toBeGreaterThan(least)
  })

  it.each(named)("names a test that exists: $file, $name", ({ file, isVector, name }) => {
    const path = fileURLToPath(new URL(file, root))
    expect(existsSync(path), file).toBe(true)
    const vectors = fileURLToPath(new URL(`src/core/families/${family}/vectors.json`, root))
    const text = readFileSync(isVector ? vectors : path, "utf8")
    expect(text.replaceAll('\\"', '"').includes(name), name).toBe(true)
  })
})

describe("docs/protocols/ddi.md", () => {
  const [, table = ""] = /\n## Routes\n([\s\S]*?)\n## /.exec(pageOf("ddi")) ?? []
  const rows = table.split("\n").filter((line) => /^\| (?!route)/.test(line))

  it("has a row for each route, and a test in each row", () => {
    const written = rows.map((row) => row.split("|")[1] ?? "").join("\n")
    const missing = ddi.http?.routes.filter(({ path }) => {
      const short = path
        .replace("/:tenant/controller/v1/:id", "")
        .replaceAll(/:module|:(\w+)/g, (_, name) => `{${name ?? "id"}}`)
      const last =
        short === "" ? "base" : short.replace(/^\/(?=\w)/, "").replace("confirmationBase/deactivate", "…/deactivate")
      return !written.includes(`${last}\``) && !written.includes(`\` ${last}`)
    })
    expect(missing?.map(({ path }) => path)).toEqual([])
    expect(rows.filter((row) => !/\.test\.ts` "|\| as above \|/.test(row))).toEqual([])
  })
})

describe("docs/conclusions.md", () => {
  const text = readFileSync(new URL("docs/conclusions.md", root), "utf8")
  const named = [...text.matchAll(/`([\w/.-]+\.test\.ts)`\s+"([^"]+)"/g)].map(([, file = "", name = ""]) => ({
    file,
    name,
  }))

  it.each(named)("names a test that exists: $file, $name", ({ file, name }) => {
    expect(readFileSync(new URL(file, root), "utf8")).toContain(name)
  })

  it("names one for each thing that was seen", () => {
    expect(named.length).toBeGreaterThan(14)
  })
})

describe("docs/field.md", () => {
  const rows = readFileSync(new URL("docs/field.md", root), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\| What comes|^\|---/.test(line))
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(\S+\.test\.ts)` "([^"]+)"/g)].map(([, file = "", name = ""]) => ({ row, file, name })),
  )

  it("names a test in every row", () => {
    expect(rows.length).toBeGreaterThan(55)
    expect(rows.filter((row) => !named.some((one) => one.row === row))).toEqual([])
    expect(rows.map((row) => row.split(/(?<!\\)\|/).length)).toEqual(rows.map(() => 5))
  })

  it.each(named)("names a test that exists: $file, $name", ({ file, name }) => {
    expect(readFileSync(new URL(file, root), "utf8").replaceAll(String.raw`\"`, '"')).toContain(name)
  })
})

describe("docs/protocols/pic32mzw1.md", () => {
  it("lists every result code with its words and the faults that end in it", () => {
    const rows = Object.entries(resultWords).map(([code, words]) => {
      const faults = boardFaults.filter((fault) => fault.code === code).map(({ name }) => `\`${name}\``)
      return `| \`${code}\` | ${faults.join(", ")} | ${words} |`
    })
    const table = ["| code | faults | words |", "|---|---|---|", ...rows].join("\n")
    expect(/<!-- codes -->\n([\s\S]*?)\n?<!-- \/codes -->/.exec(pageOf("pic32mzw1"))?.[1]).toBe(table)
  })
})
