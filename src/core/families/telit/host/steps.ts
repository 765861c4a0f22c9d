import { isSameModule } from "../../exact-version.ts"
import type { AtAnswer } from "../../../protocols/at/at-host.ts"
import type { AttendEventName } from "./events.ts"
import { type AttendPlan, isInhibitedLine } from "./plan.ts"

/** What the steps of a preparation may touch. */
export interface StepBench {
  readonly plan: AttendPlan
  readonly tell: (event: AttendEventName, detail?: string) => void
  /** Types a command, after whatever the module has said is heard. */
  readonly type: (text: string, isAnswer?: (line: string) => boolean) => Promise<AtAnswer>
  readonly mayType: () => boolean
  /** Keeps the serial number of the first module that was met. */
  readonly bind: (imei: string) => Promise<void>
  /** What is known of the module from one preparation to the next. */
  readonly known: ModuleKnown
}

/** What a host remembers of its module while it runs. */
export interface ModuleKnown {
  version: string | null
  /** Its serial number: the plan's, or the first that was met. */
  imei: string | null
  /** The serial number of another module that was met last. */
  other: string | null
  /** The PIN of the plan was refused, or twice not answered: a third try could lock the SIM. */
  isPinRefused: boolean
  /** How often the PIN was typed without an answer since it was last taken. */
  openPins: number
  /** The last word about the SIM, so that it is told once. */
  sim: string | null
  isRegistrationAsked: boolean
  /** The new firmware has not told the server yet: a registration would close its connection (§4.2.1). */
  owesFinal: boolean
}

/** Whether a step is done; a step that is not is tried again later, and those behind it wait. */
export type Step = (bench: StepBench) => Promise<boolean>

/** What a host does at a module that has started, in this order; each may be repeated and then changes nothing. */
export const preparation: readonly Step[] = [
  wake,
  readImei,
  readVersion,
  fixSpeed,
  showMessages,
  openSim,
  restore,
  register,
]

/** Results in words, no echo. A module that starts, or whose interface is frozen, says nothing. */
async function wake({ type }: StepBench): Promise<boolean> {
  return (await type("ATE0V1")).end === "ok"
}

/** `AT+CGSN` before anything else: a module with another serial number is another device, whatever stood at the port before. */
export async function readImei({ type, known, tell, bind }: StepBench): Promise<boolean> {
  const imei = await readOne(type, "AT+CGSN", (text) => /^\d{14,17}$/.test(text))
  if (imei === null) return false
  if (known.imei === null) {
    await bind(imei)
    known.imei = imei
  }
  if (isSameModule(imei, known.imei)) {
    known.other = null
    return true
  }
  if (known.other !== imei) tell("other-module", `it is ${imei}, and ${known.imei} is meant.`)
  known.other = imei
  return false
}

/** `AT+CGMR`, as the note's figures ask for it. What says that the firmware has changed is asked twice. */
export async function readVersion({ type, known, tell }: StepBench): Promise<boolean> {
  const version = await readOne(type, "AT+CGMR", isVersion)
  if (version === null) return false
  if (version !== known.version) {
    if ((await readOne(type, "AT+CGMR", isVersion)) !== version) return false
    known.version = version
    tell("version")
  }
  return true
}

/** Telit's names are numbers with dots, `10.00.144`, with letters behind them or not; no word and no line with a colon is one. */
function isVersion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+-]{1,63}$/.test(text) && /\d/.test(text) && /[A-Za-z.]/.test(text)
}

/** The one line of an answer that has its shape; null = there is none, or several, of which one is something else. */
async function readOne(
  type: StepBench["type"],
  command: string,
  is: (text: string) => boolean,
): Promise<string | null> {
  const name = command.slice(2)
  const valueOf = (line: string): string =>
    line.trim().startsWith(`${name}:`)
      ? line
          .trim()
          .slice(name.length + 1)
          .trim()
      : line.trim()
  for (let n = 0; n < mostReadings; n++) {
    const { end, lines } = await type(command, (line) => is(valueOf(line)))
    const [value, ...more] = new Set(lines.map(valueOf))
    if (end === "ok" && value !== undefined && more.length === 0) return value
    if (end === "timeout" || end === "gone") return null
  }
  return null
}

const mostReadings = 3

/** "To avoid this, it is necessary to set the DTE speed to the DCE speed using the AT+IPR command" (§3.1.2). */
async function fixSpeed({ plan, type, tell }: StepBench): Promise<boolean> {
  const asked = await type("AT+IPR?")
  if (asked.end === "ok" && asked.lines.some((line) => Number(/^\+IPR: *(\d+)/.exec(line)?.[1]) === plan.baudRate)) {
    return true
  }
  if ((await type(`AT+IPR=${plan.baudRate}`)).end !== "ok") return false
  tell("speed-set", `${plan.baudRate} bits a second.`)
  return true
}

/** `#OTASUAN`: no answer, the mode, and 1 for what the module has kept in the meantime (AT reference). */
async function showMessages({ plan, type }: StepBench): Promise<boolean> {
  return isOver(await type(`AT#OTASUAN=,${plan.urcMode},1`))
}

const sims: Readonly<Record<string, AttendEventName>> = { "SIM PUK": "puk-needed", none: "no-sim" }

/** "After the update, the PIN insertion must be managed by the external application" (§3.1.1); and after every start. */
export async function openSim(bench: StepBench): Promise<boolean> {
  const { plan, type, known, tell } = bench
  const answer = await type("AT+CPIN?")
  const sim = simOf(answer)
  if (sim === null) return false
  const hasChanged = sim !== known.sim
  known.sim = sim
  if (sim === "none") known.isPinRefused = false
  if (sim === "none" || sim === "READY") known.openPins = 0
  const told = sims[sim]
  if (told !== undefined && hasChanged) tell(told)
  if (sim !== "SIM PIN") return sim === "READY"
  if (plan.pin === null || known.isPinRefused) {
    if (hasChanged && plan.pin === null) tell("pin-needed")
    return false
  }
  return enterPin(bench, plan.pin)
}

/** Each try counts, answered or not, and the SIM is the module's that is meant: another's has another PIN, and three tries too. */
async function enterPin(bench: StepBench, pin: string): Promise<boolean> {
  const { type, known, tell } = bench
  if (!(await readImei(bench))) return false
  known.openPins++
  const entered = await type(`AT+CPIN=${pin}`)
  if (entered.end === "ok") {
    known.sim = "READY"
    known.openPins = 0
    tell("pin-entered")
    return true
  }
  const isRefused = entered.end === "error"
  if (!isRefused && known.openPins < mostOpenPins) return false
  known.isPinRefused = true
  tell("pin-refused", isRefused ? `${entered.final.line}.` : "it was typed twice, and nothing came back.")
  return false
}

/** A SIM takes three tries. */
const mostOpenPins = 2

/** `READY`, `SIM PIN`, `SIM PUK` …; `none` without a card; null = the module did not say. */
function simOf(answer: AtAnswer): string | null {
  // 3GPP TS 27.007 §9.2: 10 = SIM not inserted.
  if (answer.end === "error") {
    const { error } = answer.final
    return error?.code === 10 || /not inserted/i.test(error?.words ?? "") ? "none" : null
  }
  const text = answer.lines.map((line) => /^\+CPIN: *(.*\S)/i.exec(line)?.[1]?.toUpperCase())
  return answer.end === "ok" ? (text.find((found) => found !== undefined) ?? null) : null
}

/** "The external application … [is] responsible of restoring the settings made before the firmware update" (§3.1.2). */
async function restore({ plan, type, mayType, tell }: StepBench): Promise<boolean> {
  const first = plan.restore.some(isInhibitedLine) && (await isUpdating(type))
  for (const command of plan.restore) {
    if (!mayType()) return false
    if (first && isInhibitedLine(command)) continue
    const answer = await type(command)
    if (answer.end === "error") tell("setting-refused", `${command}: ${answer.final.line}.`)
    else if (answer.end !== "ok") return false
  }
  if (first) tell("settings-wait")
  else if (plan.restore.length > 0) tell("settings-restored", `${plan.restore.length} commands.`)
  return !first
}

/** `AT#OTAIPUPD?`: 1 = an update runs (AT reference); a module that does not know the command has none over IP. */
export async function isUpdating(type: StepBench["type"]): Promise<boolean> {
  const { end, lines } = await type("AT#OTAIPUPD?")
  return end === "ok" && lines.some((line) => /^#OTAIPUPD: *1/i.test(line))
}

/**
 * §3.2.1, §4.2.1, §5.2.1: "must be performed at least once". By SMS the same number again registers a module that is not
 * yet, and does nothing otherwise; over TCP it would register anew each time, so the address is asked for first.
 */
async function register(bench: StepBench): Promise<boolean> {
  const { plan, type, known, tell } = bench
  if (known.isRegistrationAsked) return true
  if (known.owesFinal || !(await readImei(bench))) return false
  const isKnown = plan.variant !== "sms" && (await hasServer(plan, type))
  if (!isKnown) {
    for (const command of registrationCommands(plan)) {
      const answer = await type(command)
      if (answer.end === "error") tell("registration-refused", `${answer.final.line}.`)
      if (answer.end !== "ok") return false
    }
    tell(
      "registration-asked",
      `${plan.variant === "sms" ? plan.smsNumber : `${plan.server?.host}:${plan.server?.port}`}.`,
    )
  }
  known.isRegistrationAsked = true
  return true
}

function registrationCommands({ variant, smsNumber, server, bearer, ownNumber }: AttendPlan): readonly string[] {
  if (variant === "sms" || server === null || bearer === null) return [`AT#OTASNAP="${smsNumber}"`]
  const { kind, access, user, password } = bearer
  const login = user === "" ? "" : `,"${user}","${password}"`
  const own = ownNumber === null ? "" : `,"${ownNumber}"`
  return [`AT#OTASNAPIPCFG=${kind},"${access}"${login}`, `AT#OTASNAPIP=${server.port},"${server.host}"${own}`]
}

async function hasServer({ server }: AttendPlan, type: StepBench["type"]): Promise<boolean> {
  const { lines } = await type("AT#OTASNAPIP?")
  return lines.some((line) => {
    const [, port, host] = /^#OTASNAPIP: *(\d+), *"?([^",]*)/i.exec(line) ?? []
    return Number(port) === server?.port && host === server?.host
  })
}

/** The module gave a result, whichever. */
function isOver({ end }: AtAnswer): boolean {
  return end === "ok" || end === "error"
}
