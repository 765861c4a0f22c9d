import { Command } from "commander"
import { connect } from "./api-client.ts"
import { parseLabels } from "./device.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"

interface CreateOptions extends Common {
  readonly family: string
  readonly label?: readonly string[]
  readonly accept?: boolean
}

/** `waft enrolment …`: tokens with which devices that have an agent add themselves. */
export function enrolmentCommand(): Command {
  const command = new Command("enrolment").description("tokens with which agents add their own devices")
  common(command.command("create"))
    .description("make a token; every device that comes with it waits until you accept it")
    .requiredOption("--family <FAMILY>", "family of its devices")
    .option("--label <NAME=VALUE...>", "labels that its devices get")
    .option("--accept", "do not wait: whoever has the token takes part at once")
    .action(async ({ family, label, accept, ...options }: CreateOptions) => {
      const admission = accept === true ? ("accepted" as const) : ("pending" as const)
      const body = { family, labels: parseLabels(label ?? []), admission }
      const made = await (await connect(options)).call("createEnrolment", { body })
      if (options.json) return printJson(made)
      printLines(`${made.id}: waft agent run --enrol ${made.token} --server URL --port PORT`)
    })
  listing(common(command.command("list")))
    .description("list the tokens")
    .action(async (options: Common & Listing) => {
      const enrolments = await readList(await connect(options), "listEnrolments", {}, options)
      if (options.json) return printJson(enrolments)
      printTable(
        enrolments,
        [
          { title: "ENROLMENT", text: ({ id }) => id },
          { title: "FAMILY", text: ({ family }) => family },
          { title: "DEVICES", text: ({ admission }) => (admission === "pending" ? "wait" : "take part at once") },
          { title: "CREATED", text: ({ createdAt }) => timeText(createdAt) },
          {
            title: "TOKEN",
            text: ({ revokedAt }) => (revokedAt === null ? "valid" : `revoked ${timeText(revokedAt)}`),
          },
        ],
        "No enrolment; `waft enrolment create` makes one.",
      )
    })
  common(command.command("revoke <ENROLMENT>"))
    .description("take a token back; devices that have enrolled stay")
    .action(async (id: string, options: Common) => {
      const revoked = await (await connect(options)).call("revokeEnrolment", { params: { id } })
      if (options.json) return printJson(revoked)
      printLines(`${id} was revoked.`)
    })
  return command
}
