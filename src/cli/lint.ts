import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import { Command } from "commander"
import { families } from "../core/families/index.ts"
import { Failure } from "./failure.ts"
import { printJson, printLines } from "./output.ts"

/** `waft lint FILE`: needs no server. */
export function lintCommand(): Command {
  return new Command("lint")
    .description("name what is wrong with a file that devices read or run, rule by rule")
    .argument("<FILE>", "an UPGRADE.TXT, a program, a manifest, an FTP listing …")
    .option("--family <FAMILY>", "only this family's rules")
    .option("--json", "print JSON")
    .action(async (file: string, options: { readonly family?: string; readonly json?: boolean }) => {
      const bytes = await readFile(file).catch((error: unknown) => {
        throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
      })
      const found = lint(basename(file), bytes, options.family)
      if (found === null) {
        throw new Failure(`${file} is nothing that a device of a known family reads; say which with --family.`)
      }
      if (options.json) printJson(found)
      else if (found.faults.length === 0) printLines(`${file}: a good ${found.title}`)
      else printLines(...found.faults.map(({ rule, sentence }) => `${file}: ${rule}: ${sentence}`))
      if (found.faults.length > 0) process.exitCode = 1
    })
}

function lint(fileName: string, bytes: Uint8Array, familyId: string | undefined) {
  const known = families.filter(({ id }) => familyId === undefined || id === familyId)
  if (known.length === 0) {
    const ids = families.map(({ id }) => id).join(", ")
    throw new Failure(`There is no family ${familyId}; known are ${ids}.`, { exitCode: 2, title: "usage" })
  }
  for (const family of known) {
    const linter =
      family.linters.find((one) => one.matches(fileName, bytes)) ??
      (familyId === undefined ? undefined : family.linters.find((one) => one.matchesInFamily?.(fileName, bytes)))
    if (linter !== undefined) {
      return { family: family.id, title: linter.title, faults: linter.lint(fileName, bytes) }
    }
  }
  return null
}
