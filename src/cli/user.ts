import { Command } from "commander"
import type { UserView } from "../core/contract/schemas.ts"
import { roles } from "../core/domain/people.ts"
import { connect } from "./api-client.ts"
import { confirm, confirmable, type Confirmable } from "./confirm.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"
import { newPassword } from "./password.ts"
import { parseRole } from "./token.ts"

interface Rights {
  readonly role?: string
  readonly group?: string
  readonly passwordFile?: string
  readonly subject?: string
}

type SetOptions = Common &
  Omit<Rights, "subject"> & {
    readonly subject?: string | false
    readonly password?: boolean
    readonly wholeFleet?: boolean
  }

/** `waft user …`: people who log in. */
export function userCommand(): Command {
  const command = new Command("user").description("people who log in, with their role and group")
  common(command.command("add <NAME>"))
    .description("make a user, with a password that is asked for or read from --password-file, or with a --subject")
    .requiredOption("--role <ROLE>", Object.keys(roles).join(", "))
    .option("--group <EXPR>", "only the devices of this group expression, such as site=north")
    .option("--password-file <FILE>", "file whose first line is the password; - = standard input")
    .option("--subject <SUBJECT>", "how the identity provider knows them: they sign in there, and need no password")
    .action(add)
  listing(common(command.command("list")))
    .description("list the users")
    .action(async (options: Common & Listing) => {
      const users = await readList(await connect(options), "listUsers", {}, options)
      if (options.json) return printJson(users)
      printTable(
        users,
        [
          { title: "USER", text: ({ name }) => name },
          { title: "ROLE", text: ({ role }) => role },
          { title: "DEVICES", text: ({ group }) => group ?? "all" },
          { title: "LOGS IN BY", text: meansText },
          { title: "CREATED", text: ({ createdAt }) => timeText(createdAt) },
        ],
        "No user yet; `waft user add` makes one.",
      )
    })
  common(command.command("set <NAME>"))
    .description("change a user's rights or password, at once")
    .option("--role <ROLE>", Object.keys(roles).join(", "))
    .option("--group <EXPR>", "only the devices of this group expression")
    .option("--whole-fleet", "all devices, instead of those of a group")
    .option("--password", "give them another password, which is asked for; their sessions end")
    .option("--password-file <FILE>", "the same from a file's first line; - = standard input")
    .option("--subject <SUBJECT>", "how the identity provider knows them; their sessions end")
    .option("--no-subject", "let them sign in at the identity provider no longer; their sessions end")
    .action(set)
  confirmable(common(command.command("remove <NAME>")))
    .description("take a user away, with their sessions")
    .action(async (name: string, options: Common & Confirmable) => {
      await confirm(options, { says: `${name} may log in no longer.`, answer: name })
      const removed = await (await connect(options)).call("removeUser", { params: { name } })
      if (options.json) return printJson(removed)
      printLines(`The user ${name} was removed.`)
    })
  return command
}

async function add(
  name: string,
  { role = "", group, passwordFile, subject, ...options }: Common & Rights,
): Promise<void> {
  const wish = {
    name,
    role: parseRole(role),
    ...(group === undefined ? {} : { group }),
  }
  const api = await connect(options)
  const means = {
    ...(subject === undefined ? {} : { subject }),
    ...(subject === undefined || passwordFile !== undefined ? { password: await newPassword(name, passwordFile) } : {}),
  }
  const user = await api.call("createUser", { body: { ...wish, ...means } })
  if (options.json) return printJson(user)
  printLines(`${name} may log in: ${user.role}, ${user.group ?? "the whole fleet"}.`)
}

async function set(name: string, options: SetOptions): Promise<void> {
  const { role, group, wholeFleet, password, passwordFile, subject } = options
  if (group !== undefined && wholeFleet === true) {
    throw new Failure("--group and --whole-fleet say different things; give one.", { exitCode: 2, title: "usage" })
  }
  const api = await connect(options)
  const isNew = password === true || passwordFile !== undefined
  const body = {
    ...(role === undefined ? {} : { role: parseRole(role) }),
    ...(group === undefined ? {} : { group }),
    ...(wholeFleet === true ? { group: null } : {}),
    ...(subject === undefined ? {} : { subject: subject === false ? null : subject }),
    ...(isNew ? { password: await newPassword(name, passwordFile) } : {}),
  }
  const user = await api.call("setUser", { params: { name }, body })
  if (options.json) return printJson(user)
  printLines(`${name}: ${user.role}, ${user.group ?? "the whole fleet"}${isNew ? ", with a new password" : ""}.`)
}

function meansText({ hasPassword, subject }: UserView): string {
  return [...(hasPassword ? ["password"] : []), ...(subject === null ? [] : [`provider (${subject})`])].join(", ")
}
