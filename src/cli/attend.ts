import { readFileSync } from "node:fs"
import type { Command } from "commander"
import { AgentTrouble, type AttendOptions, runAttendance, WrongUse } from "../agent/main.ts"
import type { AttendOption, AttendSide } from "../core/families/family.ts"
import { families } from "../core/families/index.ts"
import type { JsonObject } from "../core/kit/json.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { addFamilyOptions, givenOptions } from "./family-options.ts"
import { printJsonLine, printLines } from "./output.ts"
import { secretOption } from "./secret-option.ts"

interface AttendCommandOptions {
  readonly port: readonly string[]
  readonly baud: string
  readonly family?: string
  readonly plan?: string
  readonly server?: string
  readonly token?: string
  readonly speed: string
  readonly state?: string
  readonly json?: boolean
}

/** `waft agent attend`: the host program beside a module whose server speaks with the module itself. */
export function addAttend(agent: Command): void {
  const command = secretOption(agent.command("attend"), {
    flag: "token",
    value: "TOKEN",
    help: "the device's token for that",
    variable: "WAFT_AGENT_TOKEN",
  })
    .description(
      "stand beside a module for good: PIN, registration, the answer to its question, its settings after updates",
    )
    .requiredOption("--port <PORT...>", "where the module may be: /dev/ttyUSB2, '/dev/ttyUSB*', tcp://HOST:PORT")
    .option("--baud <N>", "bits a second of the port; the module is set to it", "115200")
    .option("--family <FAMILY>", "device family, where there are several that an agent can attend to")
    .option("--plan <FILE>", "what to do, as JSON; the options below count before it")
    .option("--server <URL>", "tell this server (its device HTTP listener) what is seen and done, for its event log")
    .option(
      "--state <DIR>",
      "folder of this attendance alone: it stands beside the same module after a restart; absent = while it runs",
    )
    .option("--speed <N>", "time runs so much faster: for rehearsals beside a virtual module", "1")
    .option("--json", "print each line as JSON")
    .action(run)
  addFamilyOptions(command, ({ attend }) => attend?.options)
}

async function run(options: AttendCommandOptions): Promise<void> {
  const { port, family, speed, state, json } = options
  const server = serverOf(options)
  const ending = new AbortController()
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort())
  try {
    await runAttendance({
      ports: port,
      baudRate: Number(options.baud),
      plan: { ...filePlan(options.plan), ...flagPlan(options), baudRate: Number(options.baud) },
      speed: Number(speed),
      tell: (event) => {
        if (json === true) printJsonLine({ time: new Date().toISOString(), ...event })
        else printLines(event.version === null ? event.text : `${event.version}: ${event.text}`)
      },
      signal: ending.signal,
      ...(family === undefined ? {} : { family }),
      ...(state === undefined ? {} : { state }),
      ...(server === undefined ? {} : { server }),
    })
  } catch (error) {
    if (ending.signal.aborted) return
    if (error instanceof WrongUse) throw wrong(error.message)
    if (error instanceof AgentTrouble) throw new Failure(`${error.message}.`)
    throw error
  }
}

/** Whom to tell what was seen; undefined = nobody. */
function serverOf({ server, token }: AttendCommandOptions): AttendOptions["server"] {
  // A token that the environment has for other commands asks for nothing.
  if (server === undefined && (token === undefined || process.env["WAFT_AGENT_TOKEN"] === token)) return undefined
  if (server === undefined || token === undefined) {
    throw wrong("--server goes with the device's --token, or with --token-file")
  }
  return { url: server, token: token.trim() }
}

/** What the flags say of the plan; a flag that was not given says nothing. */
function flagPlan(options: AttendCommandOptions): JsonObject {
  const side = attendSide(options.family)
  const typed = givenOptions(options, ({ attend }) => attend?.options)
  const given: Record<string, string | readonly string[] | number> = {}
  for (const { name, reads, environment } of side.options) {
    const value = typed[name]
    const fromEnvironment = environment === undefined ? undefined : process.env[environment]
    if (value !== undefined) given[name] = valueOf(name, value, reads)
    else if (fromEnvironment !== undefined) given[name] = fromEnvironment
  }
  try {
    return side.planOf(given)
  } catch (error) {
    throw error instanceof RangeError ? wrong(error.message) : error
  }
}

function attendSide(id: string | undefined): AttendSide {
  const able = families.filter(({ attend }) => attend !== undefined)
  const found = id === undefined && able.length === 1 ? able[0] : able.find((family) => family.id === id)
  if (found?.attend !== undefined) return found.attend
  const names = able.map((family) => family.id).join(", ")
  throw wrong(
    id === undefined
      ? `name the device family: ${names}`
      : `an agent cannot attend to "${id}"; it can attend to ${names}`,
  )
}

function valueOf(name: string, value: string, reads: AttendOption["reads"]): string | readonly string[] | number {
  if (reads === "file") return readText(`--${name}`, value)
  if (reads === "lines") return linesOf(readText(`--${name}`, value))
  return reads === "duration" ? parseDuration(`--${name}`, value) : value
}

function filePlan(path: string | undefined): JsonObject {
  if (path === undefined) return {}
  try {
    const plan: unknown = JSON.parse(readText("--plan", path))
    if (isObject(plan)) return plan
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw wrong(`the plan ${path} is no JSON object`)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Empty lines and those that begin with `;` say nothing. */
function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith(";"))
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw wrong(`${flag}: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function wrong(message: string): Failure {
  const text = `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith(".") ? "" : "."}`
  return new Failure(text, { exitCode: 2, title: "usage" })
}
