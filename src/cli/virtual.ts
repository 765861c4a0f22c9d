import { Command } from "commander"
import {
  listFaults,
  needsAgent,
  OddState,
  planSwarm,
  runSwarm,
  runVirtual,
  type SwarmDevice,
  WrongUse,
} from "../virtual/main.ts"
import { connect } from "./api-client.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { type Common, common } from "./options.ts"
import { printJson, printJsonLine, printLines, printTable } from "./output.ts"
import { practiceCommand } from "./practice.ts"
import { knownDevices, untilInterrupted } from "./virtual-fleet.ts"
import { secretOption } from "./secret-option.ts"

interface ServerOptions {
  readonly ftp?: string
  readonly user?: string
  readonly password?: string
  readonly url?: string
}

interface RunOptions extends ServerOptions {
  readonly family: string
  readonly model: string
  readonly state?: string
  readonly every?: string
  readonly fault?: string
  readonly console?: readonly string[]
  readonly pty?: string
  readonly tcp?: string
  readonly firmware?: string
  readonly imei?: string
  readonly imageBytes?: string
  readonly key?: string
  readonly imsi?: string
  readonly number?: string
  readonly pin?: string
  readonly smsCentre?: string
  readonly smsNumber?: string
  readonly speed: string
  readonly json?: boolean
}

interface SwarmCommandOptions extends ServerOptions, Common {
  readonly family: string
  readonly model?: readonly string[]
  readonly count: string
  readonly prefix: string
  readonly every: string
  readonly rounds?: string
  readonly state?: string
  readonly fault?: string
  readonly imageBytes?: string
  readonly speed: string
  readonly atOnce: string
}

/** Pauses and time limits of a device are shortened by this unless told: a rehearsal takes seconds, not minutes. */
const standardSpeed = "100"

/** `waft virtual …`: devices in software. */
export function virtualCommand(): Command {
  const command = new Command("virtual").description("devices in software, to rehearse updates with")
  const running = secretOption(device(command.command("run")), {
    flag: "key",
    value: "SECRET",
    help: "a module with a SIM: the device's secret, the part of its token behind the dot",
    variable: "WAFT_VIRTUAL_KEY",
  })
  secretOption(running, {
    flag: "pin",
    value: "DIGITS",
    help: "a module with a SIM: its card's PIN; absent = it asks for none",
    variable: "WAFT_SIM_PIN",
  })
    .description(
      "run one device: one contact, or one every so often; a module at its AT port until interrupted; ends with code, words and what it runs",
    )
    .requiredOption("--model <MODEL>", "model of the device")
    .option("--pty <LINK>", "give a module's AT port a pseudo-terminal, and this symbolic link to it (needs socat)")
    .option("--tcp <HOST:PORT>", "give a module's AT port to hosts that connect here; port 0 = any")
    .option("--firmware <VERSION>", "firmware that a new module comes with")
    .option("--imei <DIGITS>", "IMEI of a new module; absent = a random one")
    .option("--image-bytes <N>", "size of a new module's firmware")
    .option("--imsi <DIGITS>", "a module with a SIM: its card's identity")
    .option("--number <NUMBER>", "a module with a SIM: its card's number")
    .option("--sms-centre <HOST:PORT>", "a module with a SIM: where its network's SMS centre takes a server by SMPP")
    .option("--sms-number <NUMBER>", "a module with a SIM: the number of that server")
    .option("--every <TIME>", "make a contact every so often (10s, 1m, 1d) until interrupted")
    .option("--console <LINE...>", "lines to type on its console at each contact (families that have one)")
    .option("--json", "print only the end of each contact, as JSON")
    .action((options: RunOptions) => guarded(() => run(options)))
  common(device(command.command("swarm")))
    .description("run many devices in one process; those that the server does not know are added to it")
    .option("--model <MODEL...>", "models, in turn; absent = all of the family")
    .requiredOption("--count <N>", "how many")
    .option("--prefix <TEXT>", "device ids are the prefix and a number", "virtual-")
    .option("--every <TIME>", "time between two contacts of a device", "1m")
    .option("--rounds <N>", "contacts of each device; absent = until interrupted")
    .option("--image-bytes <N>", "size of a new module's firmware")
    .option("--at-once <N>", "contacts at the same time", "100")
    .action((options: SwarmCommandOptions) => guarded(() => swarm(options)))
  command.addCommand(practiceCommand())
  command
    .command("faults")
    .description("list the named faults of a family's devices, with the code that each ends in and its words")
    .requiredOption("--family <FAMILY>", "device family")
    .option("--json", "print JSON")
    .action((options: { readonly family: string; readonly json?: boolean }) => guarded(() => faults(options)))
  return command
}

const device = (command: Command): Command =>
  secretOption(command, {
    flag: "password",
    value: "PASSWORD",
    help: "its FTP password",
    variable: "WAFT_VIRTUAL_PASSWORD",
  })
    .requiredOption("--family <FAMILY>", "device family")
    .option("--ftp <HOST:PORT>", "FTP server it asks (families that use FTP)")
    .option("--user <USER>", "its FTP user; {n} is a swarm device's number")
    .option("--url <URL>", "manifest it asks for (families that use HTTP)")
    .option("--state <DIR>", "folder in which it lives on; without one it is new every time")
    .option("--fault <NAME>", "what goes wrong; `waft virtual faults` lists what can")
    .option("--speed <N>", "its own pauses are divided by this; 1 = as the hardware", standardSpeed)

async function run(options: RunOptions): Promise<void> {
  const ending = untilInterrupted()
  await runVirtual({
    family: options.family,
    model: options.model,
    server: {
      ...serverOf(options),
      ...given({ firmware: options.firmware, imei: options.imei, imageBytes: options.imageBytes, key: options.key }),
      ...(options.console === undefined ? {} : { console: options.console.join("\n") }),
    },
    speed: Number(options.speed),
    signal: ending,
    log: (line) => (options.json === true ? undefined : printLines(line)),
    onEnd: (end) => {
      if (options.json !== true) printLines(`${end.code}: ${end.words}`)
      printJsonLine(end)
    },
    ...doorsOf(options),
    sim: given({
      imsi: options.imsi,
      number: options.number,
      pin: options.pin,
      centre: options.smsCentre,
      serverNumber: options.smsNumber,
    }),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    ...(options.every === undefined ? {} : { everyMs: parseDuration("--every", options.every) }),
  })
}

/** The device's own configuration: exactly what was given. */
function serverOf({ ftp, user, password, url }: ServerOptions): Record<string, string> {
  return given({ ftp, user, password, url })
}

function given(options: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function doorsOf({ pty, tcp }: RunOptions): { readonly doors?: Readonly<Record<string, string>> } {
  return pty === undefined && tcp === undefined ? {} : { doors: given({ pty, tcp }) }
}

async function swarm(options: SwarmCommandOptions): Promise<void> {
  const count = Number(options.count)
  const ending = untilInterrupted()
  const isOwn = options.user === undefined && options.url === undefined
  const devices = isOwn
    ? await knownDevices(await connect(options), options, count)
    : planSwarm({
        count,
        models: options.model ?? ["any"],
        server: serverOf(options),
        ...(options.state === undefined ? {} : { state: options.state }),
      })
  if (needsAgent(options.family)) return runModuleSwarm(options, devices, ending)
  const result = await runSwarm({
    family: options.family,
    devices,
    everyMs: parseDuration("--every", options.every),
    speed: Number(options.speed),
    atOnce: Number(options.atOnce),
    signal: ending,
    ...(options.rounds === undefined ? {} : { rounds: Number(options.rounds) }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    onContact: ({ id }, { code, words, running }) =>
      options.json === true ? undefined : printLines(`${id}: ${code} ${words}; runs version ${running.version}`),
  })
  if (options.json) return printJson(result)
  const tally = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([key, n]) => `${n} x ${key}`)
      .join(", ")
  printLines(
    `${result.devices} devices made ${result.contacts} contacts`,
    `codes: ${tally(result.codes)}`,
    `versions: ${tally(result.running)}`,
  )
}

/** Modules with an agent at the port of each, until interrupted. */
async function runModuleSwarm(
  { family, speed, fault, json, imageBytes }: SwarmCommandOptions,
  devices: readonly SwarmDevice[],
  signal: AbortSignal,
): Promise<void> {
  // With it comes the agent, which no other device needs.
  const { runModules } = await import("./module-swarm.ts")
  await runModules({
    family,
    devices: devices.map((device) => ({ ...device, server: { ...device.server, ...given({ imageBytes }) } })),
    speed: Number(speed),
    signal,
    ...(fault === undefined ? {} : { fault }),
    onEvent: ({ id }, { event, text }) => {
      if (json === true) printJsonLine({ device: id, event, text })
      else printLines(`${id}: ${text}`)
    },
  })
}

function faults({ family, json }: { readonly family: string; readonly json?: boolean }): void {
  const rows = listFaults(family)
  if (json) return printJson(rows)
  printTable(
    rows,
    [
      { title: "MODEL", text: ({ model }) => model },
      { title: "FAULT", text: ({ fault }) => fault },
      { title: "CODE", text: ({ code }) => code },
      { title: "WORDS", text: ({ words }) => words },
    ],
    "This family has no named faults.",
  )
}

/** Wrong use and odd folders are told in a sentence; being interrupted is how an endless run ends. */
async function guarded(deed: () => Promise<void> | void): Promise<void> {
  try {
    await deed()
  } catch (error) {
    if (error instanceof WrongUse) throw new Failure(sentence(error.message), { exitCode: 2, title: "usage" })
    if (error instanceof OddState) throw new Failure(sentence(error.message))
    if (error instanceof Error && error.name === "AbortError") return
    throw error
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`
}
