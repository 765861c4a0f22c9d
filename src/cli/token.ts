import { Command } from "commander"
import type { TokenView } from "../core/contract/schemas.ts"
import { type Role, roles } from "../core/domain/people.ts"
import { connect } from "./api-client.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"

interface AddOptions extends Common {
  readonly role: string
  readonly group?: string
  readonly expires?: string
}

/** `waft token …`: what programs and people call the server with. */
export function tokenCommand(): Command {
  const command = new Command("token").description("tokens that programs and people call the server with")
  common(command.command("add <NAME>"))
    .description("make a token; its text is printed once and kept nowhere")
    .requiredOption("--role <ROLE>", Object.keys(roles).join(", "))
    .option("--group <EXPR>", "only the devices of this group expression, such as site=north")
    .option("--expires <DURATION>", "worth nothing after this time, such as 12h or 90d")
    .action(async (name: string, { role, group, expires, ...options }: AddOptions) => {
      const body = {
        name,
        role: parseRole(role),
        ...(group === undefined ? {} : { group }),
        ...(expires === undefined ? {} : { expiresInMs: parseDuration("--expires", expires) }),
      }
      const made = await (await connect(options)).call("createToken", { body })
      if (options.json) return printJson(made)
      printLines(made.token)
      process.stderr.write(`The token ${name} is shown this once; set WAFT_TOKEN to it.\n`)
    })
  listing(common(command.command("list")))
    .description("list the tokens, without their texts")
    .action(async (options: Common & Listing) => {
      const tokens = await readList(await connect(options), "listTokens", {}, options)
      if (options.json) return printJson(tokens)
      printTable(
        tokens,
        [
          { title: "TOKEN", text: ({ name }) => name },
          { title: "ID", text: ({ id }) => id },
          { title: "ROLE", text: ({ role }) => role },
          { title: "DEVICES", text: ({ group }) => group ?? "all" },
          { title: "CREATED", text: ({ createdAt }) => timeText(createdAt) },
          { title: "WORTH", text: worthText },
        ],
        "No token but the first, admin, which stands in the data folder; `waft token add` makes one.",
      )
    })
  common(command.command("revoke <TOKEN>"))
    .description("take a token back, at once, by its id or name")
    .action(async (id: string, options: Common) => {
      const revoked = await (await connect(options)).call("revokeToken", { params: { id } })
      if (options.json) return printJson(revoked)
      printLines(`The token ${revoked.name} was revoked.`)
    })
  common(command.command("rotate <TOKEN>"))
    .description("give a token a new text; the old one is worth nothing at once")
    .action(async (id: string, options: Common) => {
      const rotated = await (await connect(options)).call("rotateToken", { params: { id } })
      if (options.json) return printJson(rotated)
      printLines(rotated.token)
      process.stderr.write(`The new text of ${rotated.name} is shown this once.\n`)
    })
  return command
}

/** A role by its name. Throws `Failure`. */
export function parseRole(text: string): Role {
  const found = (Object.keys(roles) as Role[]).find((role) => role === text)
  if (found !== undefined) return found
  throw new Failure(`--role takes ${Object.keys(roles).join(", ")}, not "${text}".`, { exitCode: 2, title: "usage" })
}

function worthText({ expiresAt, revokedAt }: TokenView): string {
  if (revokedAt !== null) return `revoked ${timeText(revokedAt)}`
  if (expiresAt === null) return "until revoked"
  return `${expiresAt <= Date.now() ? "expired" : "until"} ${timeText(expiresAt)}`
}
