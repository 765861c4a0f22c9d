import { Command } from "commander"
import { type AgentEvent, AgentTrouble, runAgent, WrongUse } from "../agent/main.ts"
import { addAttend } from "./attend.ts"
import { Failure } from "./failure.ts"
import { printJsonLine, printLines } from "./output.ts"
import { secretOption } from "./secret-option.ts"

interface AgentCommandOptions {
  readonly port: readonly string[]
  readonly baud: string
  readonly server: string
  readonly token?: string
  readonly enrol?: string
  readonly id?: string
  readonly model?: string
  readonly imei?: string
  readonly state: string
  readonly family?: string
  readonly speed: string
  readonly once?: boolean
  readonly json?: boolean
}

/** `waft agent …`: the program beside a real module. */
export function agentCommand(): Command {
  const command = new Command("agent").description(
    "the program beside a module that is updated by a command on its AT port",
  )
  const own = secretOption(command.command("run"), {
    flag: "token",
    value: "TOKEN",
    help: "the device's token",
    variable: "WAFT_AGENT_TOKEN",
  })
  secretOption(own, {
    flag: "enrol",
    value: "TOKEN",
    help: "enrolment token: the device is made at first contact, with a token of its own",
    variable: "WAFT_ENROL_TOKEN",
  })
    .description("ask the server for work, drive the module's AT port through it, report; goes on after any kill")
    .requiredOption("--port <PORT...>", "where the module may be: /dev/ttyUSB2, '/dev/ttyUSB*', tcp://HOST:PORT")
    .option("--baud <N>", "bits a second of a serial port", "115200")
    .requiredOption("--server <URL>", "the server's device HTTP listener: http://HOST:PORT")
    .option("--id <ID>", "with --enrol: the device's id; absent = the module's IMEI")
    .option("--model <MODEL>", "with --enrol: the device's model; absent = what the module says")
    .option(
      "--imei <IMEI>",
      "the module that the device is from now on; absent = the one that it was, or the first met",
    )
    .option("--state <DIR>", "folder of this agent alone; it goes on from there", "./waft-agent")
    .option("--family <FAMILY>", "device family, where there are several that an agent can drive")
    .option("--speed <N>", "time runs so much faster: for rehearsals beside a virtual module", "1")
    .option("--once", "end after one order, or when there is none")
    .option("--json", "print each line as JSON")
    .action(run)
  addAttend(command)
  return command
}

async function run(options: AgentCommandOptions): Promise<void> {
  const { port, baud, speed, json, once, ...rest } = options
  const ending = untilInterrupted()
  const baudRate = Number(baud)
  if (!Number.isInteger(baudRate) || baudRate < 300) {
    throw new Failure(`--baud takes a number such as 115200, not "${baud}".`, { exitCode: 2, title: "usage" })
  }
  try {
    const { end, order, version } = await runAgent({
      ...rest,
      ports: port,
      baudRate,
      speed: Number(speed),
      once: once === true,
      tell: json === true ? tellJson : tellLine,
      signal: ending,
    })
    if (order === null)
      return (json === true ? tellJson : tellLine)({
        event: "end",
        text: `Nothing to do for ${version ?? "the module"}.`,
      })
    if (end?.state === "failed") process.exitCode = 1
  } catch (error) {
    if (ending.aborted) return
    if (error instanceof WrongUse) throw new Failure(sentence(error.message), { exitCode: 2, title: "usage" })
    if (error instanceof AgentTrouble) throw new Failure(sentence(error.message))
    throw error
  }
}

function tellLine({ text }: AgentEvent): void {
  printLines(text)
}

function tellJson(event: AgentEvent): void {
  printJsonLine({ time: new Date().toISOString(), ...event })
}

function untilInterrupted(): AbortSignal {
  const ending = new AbortController()
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort())
  return ending.signal
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`
}
