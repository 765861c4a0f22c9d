import { Command, CommanderError } from "commander"
import { shownJson, shownLines } from "../core/kit/clean-text.ts"
import { ConfigError, StartError } from "../server/config.ts"
import { Failure } from "./failure.ts"
import { version } from "./version.ts"

/** In the order of the help. Each is loaded only when it is asked for: together they take a second to load. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./serve.ts")).serveCommand(),
  config: async () => (await import("./config.ts")).configCommand(),
  limits: async () => (await import("./limits.ts")).limitsCommand(),
  backup: async () => (await import("./backup.ts")).backupCommand(),
  restore: async () => (await import("./backup.ts")).restoreCommand(),
  release: async () => (await import("./release.ts")).releaseCommand(),
  device: async () => (await import("./device.ts")).deviceCommand(),
  import: async () => (await import("./import.ts")).importCommand(),
  enrolment: async () => (await import("./enrolment.ts")).enrolmentCommand(),
  token: async () => (await import("./token.ts")).tokenCommand(),
  user: async () => (await import("./user.ts")).userCommand(),
  login: async () => (await import("./login.ts")).loginCommand(),
  logout: async () => (await import("./login.ts")).logoutCommand(),
  session: async () => (await import("./login.ts")).sessionCommand(),
  webhook: async () => (await import("./webhook.ts")).webhookCommand(),
  audit: async () => (await import("./audit.ts")).auditCommand(),
  group: async () => (await import("./group.ts")).groupCommand(),
  rollout: async () => (await import("./rollout.ts")).rolloutCommand(),
  rehearse: async () => (await import("./rehearse.ts")).rehearseCommand(),
  channel: async () => (await import("./channel.ts")).channelCommand(),
  image: async () => (await import("./image.ts")).imageCommand(),
  lint: async () => (await import("./lint.ts")).lintCommand(),
  delta: async () => (await import("./delta.ts")).deltaCommand(),
  events: async () => (await import("./events.ts")).eventsCommand(),
  virtual: async () => (await import("./virtual.ts")).virtualCommand(),
  agent: async () => (await import("./agent.ts")).agentCommand(),
  completion: async () => (await import("./completion.ts")).completionCommand(wholeProgram),
  version: async () => (await import("./version.ts")).versionCommand(),
  certify: async () => (await import("./certify.ts")).certifyCommand(),
}

/** The `waft` program. Exit codes: 0 done, 1 failed, 2 wrong use, 3 lost from sight. Errors go to stderr as one sentence, or as problem JSON. */
async function main(args: readonly string[]): Promise<number> {
  const program = new Command("waft")
    .description("Over-the-air firmware updates for devices that cannot be taught a new protocol.")
    .version(version)
    .enablePositionalOptions()
  for (const load of asked(args)) program.addCommand(await load())
  program.commands.forEach(exitByThrowing)
  exitByThrowing(program)
  try {
    await program.parseAsync([...args], { from: "user" })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return tell(error, args.includes("--json"))
  }
}

/** Every command, for those who ask about all of them. */
async function wholeProgram(): Promise<Command> {
  const program = new Command("waft")
  for (const load of Object.values(commands)) program.addCommand(await load())
  return program
}

/** The command that the first word names; all of them where it names none, as for help; the version needs none. */
function asked([first = ""]: readonly string[]): readonly (() => Promise<Command>)[] {
  if (first === "--version" || first === "-V") return []
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined
  return command === undefined ? Object.values(commands) : [command]
}

/** Lets commander throw instead of ending the process, and leaves the telling to `tell`. */
function exitByThrowing(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined })
  command.commands.forEach(exitByThrowing)
}

function tell(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // A command without its subcommand: its help has been printed already.
    if (error.code === "commander.help") return 2
    return tell(new Failure(usageSentence(error.message), { exitCode: 2, title: "usage" }), json)
  }
  const isOurs = error instanceof Failure || error instanceof ConfigError || error instanceof StartError
  if (!isOurs) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return 1
  }
  const exitCode = error instanceof Failure ? error.exitCode : error instanceof ConfigError ? 2 : 1
  const problem = {
    type: "about:blank",
    title: error instanceof Failure ? error.title : error.name,
    ...(error instanceof Failure && error.status !== null ? { status: error.status } : {}),
    exitCode,
    detail: error.message,
  }
  process.stderr.write(json ? `${shownJson(problem)}\n` : `waft: ${shownLines(error.message)}\n`)
  return exitCode
}

/**
 * `waft … | head` closes our output before we are done: that is a quiet end, as SIGPIPE is for other programs. What runs until
 * it is told to stop (serve, agent) is told to stop, so that it ends in order. Node gives the error once for a pipe, later writes
 * come here again.
 */
function endQuietlyWithoutReader(): void {
  let isEnding = false
  const end = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") throw error
    if (isEnding) return
    isEnding = true
    if (process.listenerCount("SIGTERM") > 0) process.kill(process.pid, "SIGTERM")
    else process.exit()
  }
  process.stdout.on("error", end)
  process.stderr.on("error", end)
}

/** "error: required option …" as a sentence. */
function usageSentence(message: string): string {
  const text = message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .replace(/[.\s]*$/, "")
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; --help says more.`
}

endQuietlyWithoutReader()
process.exitCode = await main(process.argv.slice(2))
