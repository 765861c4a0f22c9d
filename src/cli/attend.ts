import { readFileSync } from "node:fs"
import type { Command } from "commander"
import { type AttendOptions, runAttendance, WrongUse } from "../agent/main.ts"
import type { Json, JsonObject } from "../core/kit/json.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { clean, printLines } from "./output.ts"

interface AttendCommandOptions {
  readonly port: readonly string[]
  readonly baud: string
  readonly family?: string
  readonly plan?: string
  readonly variant?: string
  readonly smsNumber?: string
  readonly serverTcp?: string
  readonly apn?: string
  readonly apnUser?: string
  readonly apnPassword?: string
  readonly ownNumber?: string
  readonly answer?: string
  readonly pinFile?: string
  readonly restore?: string
  readonly every?: string
  readonly server?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly speed: string
  readonly json?: boolean
}

/** `waft agent attend`: the host program beside a module whose server speaks with the module itself. */
export function addAttend(agent: Command): void {
  agent
    .command("attend")
    .description(
      "stand beside a module for good: PIN, registration, the answer to its question, its settings after updates",
    )
    .requiredOption("--port <PORT...>", "where the module may be: /dev/ttyUSB2, '/dev/ttyUSB*', tcp://HOST:PORT")
    .option("--baud <N>", "bits a second of the port; the module is set to it", "115200")
    .option("--family <FAMILY>", "device family, where there are several that an agent can attend to")
    .option("--plan <FILE>", "what to do, as JSON; the options below count before it")
    .option("--variant <NAME>", "sms, combined or tcp-ip")
    .option("--sms-number <NUMBER>", "number of the server, with +")
    .option("--server-tcp <HOST:PORT>", "the server's address for modules")
    .option("--apn <NAME>", "access point of the variants over TCP")
    .option("--apn-user <USER>", "its user")
    .option("--apn-password <PASSWORD>", "its password")
    .option("--own-number <NUMBER>", "the module's own number, where its SIM does not hold it")
    .option("--answer <WHAT>", "when the module asks whether it may update: accept, reject or delay")
    .option("--pin-file <FILE>", "file with the SIM's PIN; absent = WAFT_PIN in the environment, or none")
    .option("--restore <FILE>", "AT commands, one a line, typed at the start and after every update")
    .option("--every <TIME>", "tcp-ip: ask for an update every so often (1h, 1d)")
    .option("--server <URL>", "tell this server (its device HTTP listener) what is seen and done, for its event log")
    .option("--token <TOKEN>", "the device's token for that")
    .option("--token-file <FILE>", "file with it")
    .option("--speed <N>", "time runs so much faster: for rehearsals beside a virtual module", "1")
    .option("--json", "print each line as JSON")
    .action(run)
}

async function run(options: AttendCommandOptions): Promise<void> {
  const { port, family, speed, json } = options
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
        if (json === true)
          process.stdout.write(`${clean(JSON.stringify({ time: new Date().toISOString(), ...event }))}\n`)
        else printLines(event.version === null ? event.text : `${event.version}: ${event.text}`)
      },
      signal: ending.signal,
      ...(family === undefined ? {} : { family }),
      ...(server === undefined ? {} : { server }),
    })
  } catch (error) {
    if (ending.signal.aborted) return
    if (error instanceof WrongUse) throw wrong(error.message)
    throw error
  }
}

/** Whom to tell what was seen; undefined = nobody. */
function serverOf({ server, token, tokenFile }: AttendCommandOptions): AttendOptions["server"] {
  const given = [token, tokenFile].filter((value) => value !== undefined).length
  if (server === undefined && given === 0) return undefined
  if (server === undefined || given !== 1) throw wrong("--server goes with the device's --token, or with --token-file")
  return { url: server, token: token ?? readText("--token-file", tokenFile ?? "").trim() }
}

/** What the flags say of the plan; a flag that was not given says nothing. */
function flagPlan(options: AttendCommandOptions): JsonObject {
  const { variant, smsNumber, serverTcp, apn, ownNumber, answer, restore, every } = options
  const pin = options.pinFile === undefined ? process.env["WAFT_PIN"] : readText("--pin-file", options.pinFile).trim()
  return given({
    variant,
    smsNumber,
    ownNumber,
    answer,
    pin: pin === "" ? undefined : pin,
    server: serverTcp === undefined ? undefined : address(serverTcp),
    bearer:
      apn === undefined
        ? undefined
        : { kind: 2, access: apn, user: options.apnUser ?? "", password: options.apnPassword ?? "" },
    restore: restore === undefined ? undefined : linesOf(readText("--restore", restore)),
    askEveryMs: every === undefined ? undefined : parseDuration("--every", every),
  })
}

function given(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined))
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

function address(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^([^:\s]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined) throw wrong(`--server-tcp takes HOST:PORT, not "${text}"`)
  return { host, port: Number(port) }
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
