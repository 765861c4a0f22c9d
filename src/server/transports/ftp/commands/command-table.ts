import type { CommandTable } from "./command-row.ts"
import { dataConnectionCommands } from "./data-connections.ts"
import { directoryCommands } from "./directories.ts"
import { fileCommands } from "./files.ts"
import { informationCommands } from "./information.ts"
import { listingCommands } from "./listings.ts"
import { loginCommands } from "./login.ts"
import { parameterCommands } from "./parameters.ts"
import { refusedCommands } from "./refused.ts"
import { securityCommands } from "./security.ts"

/** Every command that the server knows, by name. */
export const commandTable: CommandTable = new Map(
  [
    loginCommands,
    securityCommands,
    parameterCommands,
    dataConnectionCommands,
    fileCommands,
    listingCommands,
    directoryCommands,
    informationCommands,
    refusedCommands,
  ].flatMap((rows) => rows.map((row) => [row.name, row])),
)
