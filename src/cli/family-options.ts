import type { Command } from "commander"
import type { Family, FamilyOption } from "../core/families/family.ts"
import { families } from "../core/families/index.ts"
import { secretOption } from "./secret-option.ts"

type OptionsOf = (family: Family) => readonly FamilyOption[] | undefined

/** Adds the options that families have of their own, each once. */
export function addFamilyOptions(command: Command, optionsOf: OptionsOf): Command {
  for (const { name, value, help, isSecret } of ownOptions(optionsOf)) {
    const variable = `WAFT_${name.toUpperCase().replaceAll("-", "_")}`
    if (isSecret === true && value !== undefined) secretOption(command, { flag: name, value, help, variable })
    else command.option(value === undefined ? `--${name}` : `--${name} <${value}>`, help)
  }
  return command
}

/** What was given of them, by name. */
export function givenOptions(options: object, optionsOf: OptionsOf): Record<string, string> {
  const given: Record<string, string> = {}
  for (const { name } of ownOptions(optionsOf)) {
    const value = (options as Record<string, unknown>)[camelCase(name)]
    if (typeof value === "string") given[name] = value
    else if (value === true) given[name] = "true"
  }
  return given
}

/** Their names, family by family, for a line of help. */
export function optionNames(optionsOf: OptionsOf): string {
  const rows = families.flatMap((family) => {
    const names = (optionsOf(family) ?? []).map(({ name }) => name)
    return names.length === 0 ? [] : [`${family.id}: ${names.join(", ")}`]
  })
  return rows.join("; ")
}

function ownOptions(optionsOf: OptionsOf): readonly FamilyOption[] {
  const byName = new Map<string, FamilyOption>()
  for (const option of families.flatMap((family) => optionsOf(family) ?? [])) {
    if (!byName.has(option.name)) byName.set(option.name, option)
  }
  return [...byName.values()]
}

/** Commander gives `compiledVersion` for `--compiled-version`. */
function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
