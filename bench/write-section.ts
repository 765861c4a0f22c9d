import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const page = join(fileURLToPath(new URL("..", import.meta.url)), "docs", "benchmarks.md")

/** Writes a benchmark's section of docs/benchmarks.md, between its two marks; the rest of the page stays. */
export function writeSection(name: string, markdown: string): void {
  const begin = `<!-- bench ${name} -->`
  const end = `<!-- /bench ${name} -->`
  const before = existsSync(page)
    ? readFileSync(page, "utf8")
    : "# Benchmarks\n\nEvery table is written by `npm run bench NAME`.\n"
  const section = `${begin}\n${markdown.trim()}\n${end}`
  const from = before.indexOf(begin)
  const to = before.indexOf(end)
  const after =
    from >= 0 && to > from
      ? before.slice(0, from) + section + before.slice(to + end.length)
      : `${before.trimEnd()}\n\n${section}\n`
  writeFileSync(page, after)
}
