import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import type { Command } from "commander"
import type { Upload } from "../core/families/family.ts"
import { Failure } from "./failure.ts"
import { addFamilyOptions, givenOptions } from "./family-options.ts"

/** What a file of firmware is said to be. */
export interface ReleaseOptions {
  readonly family: string
  readonly version?: string
  readonly to?: string
  readonly model?: readonly string[]
  readonly set?: readonly string[]
}

/** The options by which a file is published, and signed. */
export function releaseOptions(command: Command): Command {
  return addFamilyOptions(command, ({ publishOptions }) => publishOptions)
    .requiredOption("--family <FAMILY>", "device family")
    .option("--version <VERSION>", "version in the family's own scheme")
    .option("--to <VERSION>", "a package: the exact firmware that it leads to (the same as --version)")
    .option("--model <MODEL...>", "models it is for; absent = all of the family")
    .option("--set <KEY=VALUE...>", "further options of the family")
}

/** The file with what is said of it. Throws `Failure`. */
export async function readReleaseFile(file: string, options: ReleaseOptions): Promise<Upload> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
  const settings = givenOptions(options, ({ publishOptions }) => publishOptions)
  for (const setting of options.set ?? []) {
    const at = setting.indexOf("=")
    if (at < 1) throw new Failure(`--set takes KEY=VALUE, not "${setting}".`, { exitCode: 2, title: "usage" })
    settings[setting.slice(0, at)] = setting.slice(at + 1)
  }
  const version = options.to ?? options.version
  return {
    fileName: basename(file),
    bytes,
    models: options.model ?? [],
    options: settings,
    ...(version === undefined ? {} : { version }),
  }
}
