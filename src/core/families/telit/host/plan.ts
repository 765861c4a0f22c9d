import type { JsonObject } from "../../../kit/json.ts"
import { type AtCall, parseCommandLine } from "../../../protocols/at/command-line.ts"
import { isInhibited } from "../device/inhibited.ts"
import type { Variant } from "../models.ts"

/** What a host that stands beside a module shall do there. */
export interface AttendPlan {
  /** How the module registers and is updated; `ip` is the TCP/IP variant. */
  readonly variant: Variant
  /** The server's number for registrations by SMS, with `+`; needed for `sms`. */
  readonly smsNumber: string | null
  /** Needed for `combined` and `ip`. */
  readonly server: { readonly host: string; readonly port: number } | null
  /** Needed for `combined` and `ip`: the first parameters of `#OTASNAPIPCFG`. */
  readonly bearer: AttendBearer | null
  /** `<mynumber>` of `#OTASNAPIP`; null = what the SIM says. */
  readonly ownNumber: string | null
  /** What the module is told to do when it asks whether it may update. */
  readonly answer: "accept" | "reject" | "delay"
  /** The serial number of the module that is meant; null = the first that is met. */
  readonly imei: string | null
  /** Never told to anybody but the module. */
  readonly pin: string | null
  /** `+IPR`, bits a second: never 0, under which the first lines after an update are lost (§3.1.2). */
  readonly baudRate: number
  /** Second parameter of `#OTASUAN`, 0 to 2. */
  readonly urcMode: number
  /** Commands that set up the module as its host needs it: typed at the start and after every update (§3.1.2). */
  readonly restore: readonly string[]
  /** `ip` alone: ms between two questions for an update. */
  readonly askEveryMs: number
}

export interface AttendBearer {
  /** 1 = CSD, 2 = GPRS, as the note's figures write it. */
  readonly kind: 1 | 2
  /** APN, or the number to call. */
  readonly access: string
  readonly user: string
  readonly password: string
}

export const standardPlan: AttendPlan = {
  variant: "sms",
  smsNumber: null,
  server: null,
  bearer: null,
  ownNumber: null,
  answer: "accept",
  imei: null,
  pin: null,
  baudRate: 115_200,
  urcMode: 2,
  restore: [],
  askEveryMs: 24 * 60 * 60_000,
}

const baudRates: readonly number[] = [300, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200]
const mostRestored = 64
const longestCommand = 400
/** The attendant's own: a second hand on these would undo its work. */
const reserved = /^(\+CPIN|\+CLCK|\+CPWD|\+IPR|#OTA\w*|#REBOOT|#SHDN|D|O|A)$/

/** What is wrong with a plan, a sentence each; empty = it can be attended to. */
export function faultsOfPlan(plan: AttendPlan): readonly string[] {
  return [...faultsOfServer(plan), ...faultsOfModule(plan), ...faultsOfRestore(plan.restore)]
}

function faultsOfServer({ variant, smsNumber, server, bearer, ownNumber, askEveryMs }: AttendPlan): readonly string[] {
  const faults: string[] = []
  const isNumber = (text: string): boolean => /^\+?\d{3,20}$/.test(text)
  if (variant === "sms" && smsNumber === null) faults.push("the SMS variant needs the server's number")
  if (smsNumber !== null && !isNumber(smsNumber)) faults.push("a number has 3 to 20 digits, with + before them or not")
  if (ownNumber !== null && !isNumber(ownNumber)) faults.push("the module's own number has 3 to 20 digits")
  if (variant !== "sms" && server === null) faults.push("the variants over TCP need the server's host and port")
  if (variant !== "sms" && bearer === null) faults.push("the variants over TCP need an access point")
  if (server !== null && !/^[A-Za-z0-9.:-]{1,64}$/.test(server.host)) faults.push("the server's host is no host")
  if (server !== null && !(Number.isInteger(server.port) && server.port >= 1 && server.port <= 65_535)) {
    faults.push("the server's port is a number from 1 to 65535")
  }
  if (bearer !== null && !isBearer(bearer)) {
    faults.push("an access point has 1 to 32 characters, its user and password at most 16, none of them a quote")
  }
  if (variant === "ip" && !(askEveryMs >= 60_000)) faults.push("an update is asked for every minute at most")
  return faults
}

function isBearer({ access, user, password }: AttendBearer): boolean {
  return (
    /^[\x21\x23-\x7e]{1,32}$/.test(access) && [user, password].every((text) => /^[\x21\x23-\x7e]{0,16}$/.test(text))
  )
}

function faultsOfModule({ imei, pin, baudRate, urcMode }: AttendPlan): readonly string[] {
  const faults: string[] = []
  if (imei !== null && !/^\d{14,17}$/.test(imei)) faults.push("an IMEI has 15 digits")
  if (pin !== null && !/^\d{4,8}$/.test(pin)) faults.push("a PIN has 4 to 8 digits")
  if (!baudRates.includes(baudRate)) faults.push(`the speed is one of ${baudRates.join(", ")}`)
  if (![0, 1, 2].includes(urcMode)) faults.push("the mode of the module's messages is 0, 1 or 2")
  return faults
}

function faultsOfRestore(commands: readonly string[]): readonly string[] {
  if (commands.length > mostRestored) return [`at most ${mostRestored} commands are restored`]
  return commands
    .filter((command) => !mayBeRestored(command))
    .map((command) => `${JSON.stringify(command.slice(0, 60))} is no setting that could be restored`)
}

function mayBeRestored(command: string): boolean {
  const calls = command.length <= longestCommand && /^[\x20-\x7e]+$/.test(command) ? callsOf(command) : null
  return (
    calls !== null && calls.length > 0 && !calls.some((call) => call.form !== "register" && reserved.test(call.name))
  )
}

/** Whether a command of the list may not be typed while a download runs. */
export function isInhibitedLine(command: string): boolean {
  return (callsOf(command) ?? []).some(isInhibited)
}

function callsOf(command: string): readonly AtCall[] | null {
  return /^at/i.test(command) ? parseCommandLine(command.slice(2)) : null
}

/**
 * A plan as a file holds it: any of the fields of `AttendPlan`, the others as in `standardPlan`. `tcp-ip` is another word for
 * the variant `ip`. Throws `RangeError` for a field that is none, or that is not of its kind.
 */
export function planOf(json: JsonObject): AttendPlan {
  for (const [name, value] of Object.entries(json)) {
    if (!isField(name)) throw new RangeError(`a plan has no field ${JSON.stringify(name.slice(0, 40))}`)
    if (!fields[name](value)) throw new RangeError(`the field ${name} of the plan is not what it should be`)
  }
  const given = json["variant"] === "tcp-ip" ? { ...json, variant: "ip" } : json
  return { ...standardPlan, ...given }
}

type Check = (value: unknown) => boolean
const isText: Check = (value) => typeof value === "string"
const isCount: Check = (value) => typeof value === "number"
const isTextOrNull: Check = (value) => value === null || isText(value)
const hasAll = (checks: Readonly<Record<string, Check>>): Check => {
  return (value) => {
    if (typeof value !== "object" || value === null) return value === null
    const own = new Map(Object.entries(value))
    return own.size === Object.keys(checks).length && Object.entries(checks).every(([name, is]) => is(own.get(name)))
  }
}

const fields: Readonly<Record<keyof AttendPlan, Check>> = {
  variant: (value) => value === "sms" || value === "combined" || value === "ip" || value === "tcp-ip",
  smsNumber: isTextOrNull,
  server: hasAll({ host: isText, port: isCount }),
  bearer: hasAll({ kind: (value) => value === 1 || value === 2, access: isText, user: isText, password: isText }),
  ownNumber: isTextOrNull,
  answer: (value) => value === "accept" || value === "reject" || value === "delay",
  imei: isTextOrNull,
  pin: isTextOrNull,
  baudRate: isCount,
  urcMode: isCount,
  restore: (value) => Array.isArray(value) && value.every(isText),
  askEveryMs: isCount,
}

function isField(name: string): name is keyof AttendPlan {
  return Object.hasOwn(fields, name)
}
