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
