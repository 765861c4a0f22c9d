import { Command } from "commander"
import { client, connect, serverUrl } from "./api-client.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"
import { askPassword, readSecretFile } from "./password.ts"
import { savedSession, saveSession } from "./saved-sessions.ts"

interface LoginOptions {
  readonly server?: string
  readonly passwordFile?: string
  readonly json?: boolean
}

/** `waft login` */
export function loginCommand(): Command {
  return new Command("login")
    .description(
      "log in at a server; later commands use the session while WAFT_SERVER names it and WAFT_TOKEN is not set",
    )
    .argument("<USER>")
    .option("--server <URL>", "address of its management API (default WAFT_SERVER)")
    .option("--password-file <FILE>", "file whose first line is the password; - = standard input")
    .option("--json", "print JSON")
    .action(async (user: string, options: LoginOptions) => {
      const url = urlOf(options)
      warnOfPlainText(url)
      const { passwordFile: file } = options
      const password =
        file === undefined
          ? await askPassword(`Password of ${user} at ${url}: `)
          : await readSecretFile("--password-file", file)
      const opened = await client(url, "").call("login", { body: { user, password, keep: "text" } })
      const { token, ...shown } = opened
      await saveSession(url, { token: token ?? "", expiresAt: opened.expiresAt })
      if (options.json) return printJson(shown)
      const devices = opened.group ?? "the whole fleet"
      printLines(`${user} is logged in until ${timeText(opened.expiresAt)}: ${opened.role}, ${devices}.`)
      if (process.env["WAFT_SERVER"] === undefined) printLines(`Set WAFT_SERVER=${url} for the commands that follow.`)
    })
}

/** `waft logout` */
export function logoutCommand(): Command {
  return new Command("logout")
    .description("end the session that `waft login` opened")
    .option("--server <URL>", "address of the server's management API (default WAFT_SERVER)")
    .action(async (options: LoginOptions) => {
      const url = urlOf(options)
      const token = await savedSession(url)
      await saveSession(url, null)
      if (token === null) return printLines(`Nobody is logged in at ${url} here.`)
      await client(url, token).call("logout", {})
      printLines(`The session at ${url} is over.`)
    })
}

/** `waft session …` */
export function sessionCommand(): Command {
  const command = new Command("session").description("logins that last, of browsers and of `waft login`")
  listing(common(command.command("list")))
    .description("list your sessions; as an admin, everybody's")
    .action(async (options: Common & Listing) => {
      const sessions = await readList(await connect(options), "listSessions", {}, options)
      if (options.json) return printJson(sessions)
      printTable(
        sessions,
        [
          { title: "SESSION", text: ({ id, isOwn }) => `${id}${isOwn ? " (this one)" : ""}` },
          { title: "WHOSE", text: ({ kind, name }) => (kind === "user" ? name : `token ${name}`) },
          { title: "FROM", text: ({ from }) => from },
          { title: "SINCE", text: ({ createdAt }) => timeText(createdAt) },
          { title: "UNTIL", text: ({ expiresAt }) => timeText(expiresAt) },
          { title: "BROWSER", text: ({ browser }) => browser },
        ],
        "No session.",
      )
    })
  common(command.command("revoke <SESSION>"))
    .description("end a session, at once")
    .action(async (id: string, options: Common) => {
      const ended = await (await connect(options)).call("revokeSession", { params: { id } })
      if (options.json) return printJson(ended)
      printLines(`The session ${id} is over.`)
    })
  return command
}

function urlOf({ server = process.env["WAFT_SERVER"] }: LoginOptions): string {
  if (server !== undefined && /^https?:\/\//.test(server)) return serverUrl(server)
  const says = server === undefined ? "names no server" : `names "${server}", which is no address`
  throw new Failure(`WAFT_SERVER or --server ${says}; give --server http://HOST:PORT.`, { exitCode: 2, title: "usage" })
}

function warnOfPlainText(url: string): void {
  const { protocol, hostname } = new URL(url)
  if (protocol === "https:" || hostname === "localhost" || /^(127\.|\[::1\])/.test(hostname)) return
  process.stderr.write("waft: the password goes over the network as it is; a server with TLS keeps it to itself.\n")
}
