import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { limits } from "../src/core/kit/limits.ts"
import { serverSettings } from "../src/server/config.ts"

const root = new URL("..", import.meta.url)
const page = readFileSync(new URL("docs/security.md", root), "utf8")

/** The rows of the table between two marks, each a list of its cells. */
function tableOf(mark: string): readonly (readonly string[])[] {
  const text = new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*?)<!-- /${mark} -->`).exec(page)?.[1] ?? ""
  const rows = text.trim().split("\n").slice(2)
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** `file` "sentence" …: the tests that a cell names. */
const testsIn = (cell: string) =>
  [...cell.matchAll(/`([\w/.-]+\.test\.ts)` "([^"]+)"/g)].map(([, file = "", name = ""]) => ({ file, name }))

function expectTests(cell: string): void {
  const named = testsIn(cell)
  expect(named.length, cell).toBeGreaterThan(0)
  for (const { file, name } of named) {
    const path = fileURLToPath(new URL(file, root))
    expect(existsSync(path), file).toBe(true)
    expect(readFileSync(path, "utf8").includes(name), `${file}: ${name}`).toBe(true)
  }
}

describe("docs/security.md", () => {
  const costs = tableOf("limits")

  it("names every bound that the program has, and no other", () => {
    const named = costs.map(([, , , , limit = ""]) => limit.replaceAll("`", ""))
    expect(new Set(named)).toEqual(new Set(Object.keys(limits)))
    expect(named).toHaveLength(new Set(named).size)
  })

  it.each(costs.map((cells) => [cells[4] ?? "", cells] as const))(
    "says of %s what the program runs on, a setting that exists and a test that does",
    (_name, [, , , most = "", limit = "", setting = "", test = ""]) => {
      const bound = limits[limit.replaceAll("`", "") as keyof typeof limits]
      expect(most).toBe(`${bound.most} ${bound.unit}`)
      const flags = new Set<string>(serverSettings.map(({ flag }) => flag))
      for (const [, flag = ""] of setting.matchAll(/`--([a-z-]+)`/g)) expect(flags.has(flag), flag).toBe(true)
      expectTests(test)
    },
  )

  it("shares processor and disk at each listener by bounds that the program has", () => {
    const shares = tableOf("shares")
    expect(shares.map(([listener]) => listener)).toEqual(["FTP", "HTTP", "TCP, SMS", "management"])
    for (const [listener, ...cells] of shares) {
      const named = [...cells.join(" ").matchAll(/`([a-z]+\.[a-z-]+)`/g)].map(([, name]) => name ?? "")
      expect(named.length, listener).toBeGreaterThan(0)
      for (const name of named) expect(Object.keys(limits), name).toContain(name)
    }
  })

  const attacks = tableOf("attacks")

  it("has rows for each of nineteen attacks, one for each thing that holds it", () => {
    const numbers = attacks.map(([number]) => Number(number))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(new Set(numbers)).toEqual(new Set(Array.from({ length: 19 }, (_, at) => at + 1)))
  })

  it.each(attacks.map(([number = "", , held = "", tests = ""]) => [number, held, tests] as const))(
    "names tests that exist for %s: %s",
    (_number, _held, tests) => expectTests(tests),
  )
})
