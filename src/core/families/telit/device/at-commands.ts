import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer, AtAnswerSoon, AtCommand, AtCommands } from "../../../protocols/at/interpreter.ts"
import { inhibited } from "./inhibited.ts"
import { goOnAir } from "./go-on-air.ts"
import type { TelitModule } from "./module.ts"
import { otaCommands } from "./ota-commands.ts"
import { settingCommands } from "./setting-commands.ts"
import { smsCommands } from "./sms-commands.ts"

type Module = TelitModule
type Command = AtCommand<Module>

const ok: AtAnswer = {}
const lines = (...text: readonly string[]): AtAnswer => ({ lines: text })
const says = (text: (module: Module) => string): Command => ({
  test: () => ok,
  execute: (module) => lines(text(module)),
})

/** 3GPP TS 27.007 §9.2. */
const errors = {
  notAllowed: { cme: 3, words: "operation not allowed" },
  noSim: { cme: 10, words: "SIM not inserted" },
  needsPin: { cme: 11, words: "SIM PIN required" },
  needsPuk: { cme: 12, words: "SIM PUK required" },
  wrongPassword: { cme: 16, words: "incorrect password" },
} as const

const simErrors = { none: errors.noSim, pin: errors.needsPin, puk: errors.needsPuk } as const

const plain: AtCommands<Module> = {
  I: { basic: (module, value) => lines(value === 3 ? "Telit" : value === 4 ? module.model.id : "332") },
  "+CGMI": says(() => "Telit"),
  "+GMI": says(() => "Telit"),
  "+CGMM": says(({ model }) => model.id),
  "+GMM": says(({ model }) => model.id),
  "+CGMR": says(({ version }) => version),
  "+GMR": says(({ version }) => version),
  "+CGSN": says(({ imei }) => imei),
  "+GSN": says(({ imei }) => imei),
  "+CIMI": {
    test: () => ok,
    execute: ({ sim }) => (sim.state === "ready" ? lines(sim.ready?.imsi ?? "") : simErrors[sim.state]),
  },
  "#CIMI": {
    test: () => ok,
    execute: ({ sim }) => (sim.state === "ready" ? lines(`#CIMI: ${sim.ready?.imsi ?? ""}`) : simErrors[sim.state]),
  },
  "+CPIN": { test: () => ok, read: readPin, write: enterPin },
  "+CSQ": {
    test: () => lines("+CSQ: (0-31,99),(0-7,99)"),
    execute: (module) => lines(module.radio.network() === null ? "+CSQ: 99,99" : "+CSQ: 20,0"),
  },
  "+CFUN": {
    test: () => lines("+CFUN: (0,1,4,5),(0,1)"),
    read: ({ isRadioOn }) => lines(`+CFUN: ${isRadioOn ? 1 : 4}`),
    write: setFunctionality,
  },
  D: { basic: dial },
  H: { basic: () => ok },
  "#REBOOT": { execute: (module) => ({ afterwards: () => module.happen({ kind: "restart" }) }) },
}

/** Registration at the network is read, and what a host wrote is kept, as for every setting. */
const registration: AtCommands<Module> = Object.fromEntries(
  (["+CREG", "+CGREG"] as const).map((name) => [
    name,
    {
      ...settingCommands[name],
      read: (module: Module) => lines(`${name}: ${module.setting(name)},${module.radio.network() === null ? 0 : 1}`),
    },
  ]),
)

const operators: AtCommands<Module> = {
  "+COPS": {
    ...settingCommands["+COPS"],
    read: (module) => {
      const network = module.radio.network()
      const mode = module.setting("+COPS").split(",")[0] ?? "0"
      return lines(network === null ? `+COPS: ${mode}` : `+COPS: ${mode},2,"${network}"`)
    },
  },
}

/** AT commands of the virtual module. */
export const atCommands: AtCommands<Module> = guardAll({
  ...settingCommands,
  ...registration,
  ...operators,
  ...otaCommands,
  ...smsCommands,
  ...plain,
})

function guardAll(commands: AtCommands<Module>): AtCommands<Module> {
  return Object.fromEntries(
    Object.entries(commands).map(([name, command]) => {
      const what = inhibited[name]
      return [name, what === undefined ? command : guard(command, what)]
    }),
  )
}

function guard(command: Command, what: string): Command {
  const refuse = (module: Module, first: string | null, deed: () => AtAnswerSoon | undefined): AtAnswerSoon =>
    module.isDownloading && (what === "whole" || first === what) ? errors.notAllowed : (deed() ?? "ERROR")
  const { execute, basic } = command
  return {
    ...command,
    write: (module, values) => refuse(module, values[0]?.text ?? null, () => command.write?.(module, values)),
    ...(execute === undefined ? {} : { execute: (module) => refuse(module, null, () => execute(module)) }),
    ...(basic === undefined ? {} : { basic: (module, value) => refuse(module, null, () => basic(module, value)) }),
  }
}

function readPin({ sim }: Module): AtAnswer {
  if (sim.state === "none") return errors.noSim
  return lines(`+CPIN: ${{ pin: "SIM PIN", puk: "SIM PUK", ready: "READY" }[sim.state]}`)
}

function enterPin(module: Module, [pin]: readonly AtArgument[]): AtAnswer {
  const { sim } = module
  if (sim.state === "none") return errors.noSim
  if (sim.state === "ready") return errors.notAllowed
  if (sim.state === "puk") return errors.needsPuk
  if (!sim.enter(pin?.text ?? "")) return errors.wrongPassword
  return { afterwards: () => module.beside(() => goOnAir(module)) }
}

function setFunctionality(module: Module, [mode, restart]: readonly AtArgument[]): AtAnswer {
  if (mode === undefined || !/^[0145]$/.test(mode.text)) return "ERROR"
  if (restart?.text === "1") return { afterwards: () => module.happen({ kind: "restart" }) }
  const isOn = mode.text === "1" || mode.text === "5"
  const wasOn = module.isRadioOn
  module.isRadioOn = isOn
  if (!isOn) module.radio.setOnAir(false)
  if (!isOn || wasOn) return ok
  return { afterwards: () => module.beside(() => goOnAir(module)) }
}

/** A data call: the port carries data until the host types `+++`. */
function dial(module: Module): AtAnswer {
  if (module.radio.network() === null) return errors.notAllowed
  module.urcs.isInDataMode = true
  return lines("CONNECT")
}
