import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer, AtCommands } from "../../../protocols/at/interpreter.ts"
import { variantsOf } from "../models.ts"
import type { TelitModule } from "./module.ts"

type Module = TelitModule

const ok: AtAnswer = {}
const lines = (...text: readonly string[]): AtAnswer => ({ lines: text })
const notAllowed: AtAnswer = { cme: 3, words: "operation not allowed" }
/** Bearers of `#OTASNAPIPCFG`; the note's figures write 2 for an APN and say nothing of other numbers. */
const bearers = { "1": "csd", "2": "gprs" } as const
const isBearer = (text: string): text is keyof typeof bearers => Object.hasOwn(bearers, text)

/** The commands of the update client (application note chapters 3 to 6; ranges from the AT reference where it has them). */
export const otaCommands: AtCommands<Module> = {
  "#OTASNAP": {
    test: () => ok,
    read: ({ memory }) => lines(`#OTASNAP: "${memory.value.isAutomatic ? memory.value.serverNumber : ""}"`),
    write: setServerNumber,
  },
  "#OTASNAPIPCFG": {
    test: () => lines("#OTASNAPIPCFG: (1,2)"),
    read: ({ memory }) => {
      const bearer = memory.value.ipBearer
      if (bearer === null) return lines('#OTASNAPIPCFG: 0,""')
      return lines(`#OTASNAPIPCFG: ${bearer.bearer === "gprs" ? 2 : 1},"${bearer.access}","${bearer.user}"`)
    },
    write: setBearer,
  },
  "#OTASNAPIP": {
    test: () => lines("#OTASNAPIP: (1-65535)"),
    read: ({ memory }) => lines(`#OTASNAPIP: ${serverText(memory.value.ipServer)},"${memory.value.ownNumber}"`),
    write: setIpServer,
  },
  "#OTAIPCFG": {
    test: () => lines("#OTAIPCFG: (1-65535)"),
    read: ({ memory }) => lines(`#OTAIPCFG: ${serverText(memory.value.ipServer)}`),
    write: async (module, values) => {
      const server = readServer(values)
      if (server === null) return "ERROR"
      await module.memory.save({ ipServer: server })
      return ok
    },
  },
  "#OTAIPUPD": {
    test: () => ok,
    read: ({ isUpdating }) => lines(`#OTAIPUPD: ${isUpdating ? 1 : 0}`),
    execute: startIpUpdate,
  },
  "#OTASUAN": {
    test: () => lines("#OTASUAN: (0,1),(0-2),(0,1)"),
    read: ({ memory }) => lines(`#OTASUAN: ,${memory.value.urcMode},${memory.value.urcBuffer}`),
    write: answerOrSetMode,
  },
  "#OTASETRI": {
    test: () => lines("#OTASETRI: (0,50-1150)"),
    read: ({ memory }) => lines(`#OTASETRI: ${memory.value.ringMs}`),
    write: async (module, [value]) => {
      const ringMs = numberOf(value)
      if (ringMs === null || ringMs === undefined || (ringMs !== 0 && (ringMs < 50 || ringMs > 1150))) return "ERROR"
      await module.memory.save({ ringMs })
      return ok
    },
  },
}

/** §3.2.1: a number registers; an empty one switches registration off; the same again registers if it is still open. */
async function setServerNumber(module: Module, [value]: readonly AtArgument[]): Promise<AtAnswer> {
  const number = value?.text ?? ""
  if (number === "") {
    await module.memory.save({ isAutomatic: false })
    return ok
  }
  if (!/^\+?\d{3,20}$/.test(number)) return "ERROR"
  const { serverNumber, registeredImsi } = module.memory.value
  const isNew = number !== serverNumber
  await module.memory.save({
    serverNumber: number,
    isAutomatic: true,
    variant: "sms",
    registeredImsi: isNew ? null : registeredImsi,
  })
  if (!isNew && registeredImsi !== null) return ok
  return { afterwards: () => module.happen({ kind: "register" }) }
}

async function setBearer(module: Module, values: readonly AtArgument[]): Promise<AtAnswer> {
  const [bearer, access, user, password] = values
  if (!hasVariant(module, "combined")) return notAllowed
  if (bearer === undefined || access === undefined || !isBearer(bearer.text) || access.text === "") return "ERROR"
  if (access.text.length > 32 || (user?.text.length ?? 0) > 16 || (password?.text.length ?? 0) > 16) return "ERROR"
  const ipBearer = {
    bearer: bearers[bearer.text],
    access: access.text,
    user: user?.text ?? "",
    password: password?.text ?? "",
  }
  await module.memory.save({ ipBearer })
  return ok
}

/** §4.2.1: the server's address, and the registration over it. */
async function setIpServer(module: Module, values: readonly AtArgument[]): Promise<AtAnswer> {
  const server = readServer(values)
  const ownNumber = values[2]?.text ?? ""
  if (server === null || !/^(\+?\d{3,20})?$/.test(ownNumber)) return "ERROR"
  if (!hasVariant(module, "combined") || module.memory.value.ipBearer === null) return notAllowed
  const variant = hasVariant(module, "ip") && module.memory.value.variant === "ip" ? "ip" : "combined"
  await module.memory.save({ ipServer: server, ownNumber, isAutomatic: true, variant })
  return { afterwards: () => module.happen({ kind: "register" }) }
}

/** §5.2.2; the AT reference says that it needs an earlier registration. */
async function startIpUpdate(module: Module): Promise<AtAnswer> {
  const { ipServer, registeredImsi, update } = module.memory.value
  if (!hasVariant(module, "ip") || ipServer === null || update !== null) return notAllowed
  if (registeredImsi === null || module.radio.network() === null) return notAllowed
  await module.memory.save({ variant: "ip" })
  return { afterwards: () => module.happen({ kind: "ip-update" }) }
}

/** `AT#OTASUAN=<response>[,<mode>[,<bfr>]]`; the first may be left out (AT reference). */
async function answerOrSetMode(module: Module, [response, mode, buffer]: readonly AtArgument[]): Promise<AtAnswer> {
  const [answer, urcMode, urcBuffer] = [response, mode, buffer].map(numberOf)
  if (response === undefined || !isIn(answer, 2) || !isIn(urcMode, 2) || !isIn(urcBuffer, 1)) return "ERROR"
  if (mode !== undefined && typeof urcMode === "number") {
    await module.memory.save({ urcMode, urcBuffer: urcBuffer ?? 0 })
    module.urcs.enterMode(urcMode, urcBuffer ?? 0)
  }
  if (typeof answer !== "number") return ok
  if (module.answer === null) return notAllowed
  const take = module.answer
  if (module.fault.losesAnswers === true) return ok
  return { afterwards: () => take(answer) }
}

/** Left out, or a number from 0 to `most`. */
function isIn(value: number | null | undefined, most: number): boolean {
  return value === undefined || (value !== null && value <= most)
}

/** The number of an argument; `undefined` = it was left out, null = it is none. */
function numberOf(value: AtArgument | undefined): number | null | undefined {
  if (value === undefined || value.text === "") return undefined
  return /^\d{1,5}$/.test(value.text) ? Number(value.text) : null
}

function readServer([port, host]: readonly AtArgument[]): { readonly host: string; readonly port: number } | null {
  if (port === undefined || host === undefined || !/^\d{1,5}$/.test(port.text)) return null
  const number = Number(port.text)
  if (number < 1 || number > 65_535 || !/^[A-Za-z0-9.:-]{1,64}$/.test(host.text)) return null
  return { host: host.text, port: number }
}

function serverText(server: { readonly host: string; readonly port: number } | null): string {
  return server === null ? '0,""' : `${server.port},"${server.host}"`
}

function hasVariant(module: Module, variant: "combined" | "ip"): boolean {
  return variantsOf(module.version).includes(variant)
}
