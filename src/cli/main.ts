import { Command, CommanderError } from "commander"
import { ConfigError, StartError } from "../server/config.ts"
import { agentCommand } from "./agent.ts"
import { certifyCommand } from "./certify.ts"
import { channelCommand } from "./channel.ts"
import { deltaCommand } from "./delta.ts"
import { deviceCommand } from "./device.ts"
import { enrolmentCommand } from "./enrolment.ts"
import { eventsCommand } from "./events.ts"
import { Failure } from "./failure.ts"
import { imageCommand } from "./image.ts"
import { lintCommand } from "./lint.ts"
import { releaseCommand } from "./release.ts"
import { rolloutCommand } from "./rollout.ts"
import { serveCommand } from "./serve.ts"
import { version } from "./version.ts"
import { virtualCommand } from "./virtual.ts"

/** The `waft` program. Exit codes: 0 done, 1 failed, 2 wrong use. Errors go to stderr as one sentence, or as problem JSON. */
async function main(args: readonly string[]): Promise<number> {
  const program = new Command("waft")
    .description("Over-the-air firmware updates for devices that cannot be taught a new protocol.")
    .version(version)
    .enablePositionalOptions()
  for (const command of [
    serveCommand(),
    releaseCommand(),
    deviceCommand(),
    enrolmentCommand(),
    rolloutCommand(),
    channelCommand(),
    imageCommand(),
    lintCommand(),
    deltaCommand(),
    eventsCommand(),
    virtualCommand(),
    agentCommand(),
    certifyCommand(),
  ]) {
    program.addCommand(command)
  }
  program.commands.forEach(exitByThrowing)
  exitByThrowing(program)
  try {
    await program.parseAsync([...args], { from: "user" })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return tell(error, args.includes("--json"))
  }
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
    status: exitCode,
    detail: error.message,
  }
  process.stderr.write(json ? `${JSON.stringify(problem)}\n` : `waft: ${error.message}\n`)
  return exitCode
}

/** "error: required option …" as a sentence. */
function usageSentence(message: string): string {
  const text = message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .replace(/[.\s]*$/, "")
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; --help says more.`
}

process.exitCode = await main(process.argv.slice(2))
