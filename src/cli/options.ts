import type { Command } from "commander"

/** Options that every command which talks to a server takes. */
export interface Common {
  readonly data?: string
  readonly json?: boolean
}

export function common(command: Command): Command {
  return command
    .option("--data <DIR>", "data folder of a server on this machine (WAFT_DATA, default ./waft-data)")
    .option("--json", "print JSON")
}

type Defined<Values> = { [Key in keyof Values]?: Exclude<Values[Key], undefined> }

/** Leaves out what is undefined. */
export function defined<Values extends Readonly<Record<string, unknown>>>(values: Values): Defined<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<Values>
}
