import type { AtArgument } from "../../../protocols/at/command-line.ts"
import type { AtAnswer, AtCommand, AtCommands } from "../../../protocols/at/interpreter.ts"
import { deleteFile, listFiles, listSomeFiles, uploadFile } from "./file-commands.ts"
import type { QuectelModule } from "./module.ts"
import { testQfotadl, writeQfotadl } from "./qfotadl.ts"

type Module = QuectelModule
type Command = AtCommand<Module>

const lines = (...text: readonly string[]): AtAnswer => ({ lines: text })
const ok: AtAnswer = {}
const says = (text: (module: Module) => string): Command => ({
  test: () => ok,
  execute: (module) => lines(text(module)),
})
/** Firmware strings may name the build behind an underscore; only QGMR tells that part. */
const revision = ({ version }: Module): string => version.replace(/_.*$/s, "")
const registrationOf = (name: string): Command => ({
  test: () => lines(`${name}: (0-2)`),
  write: (_module, [mode]) => (mode !== undefined && /^[012]$/.test(mode.text) ? ok : "ERROR"),
  read: (module) => lines(`${name}: ${module.isOnline ? "0,1" : "0,0"}`),
})

/** AT commands of the virtual module: what hosts and their libraries ask before and around an update. */
export const atCommands: AtCommands<Module> = {
  I: { basic: (module) => lines("Quectel", module.profile.id, `Revision: ${revision(module)}`) },
  "+CGMI": says(() => "Quectel"),
  "+GMI": says(() => "Quectel"),
  "+CGMM": says(({ profile }) => profile.id),
  "+GMM": says(({ profile }) => profile.id),
  "+CGMR": says(revision),
  "+GMR": says(revision),
  "+QGMR": says(({ version }) => version),
  "+CSUB": says(() => "SubEdition: V01"),
  "+CGSN": says(({ identity }) => identity.imei),
  "+GSN": says(({ identity }) => identity.imei),
  "+CIMI": says(({ identity }) => identity.imsi),
  "+QCCID": says(({ identity }) => `+QCCID: ${identity.iccid}`),
  "+CPIN": { test: () => ok, read: () => lines("+CPIN: READY") },
  "+CSQ": {
    test: () => lines("+CSQ: (0-31,99),(0-7,99)"),
    execute: (module) => lines(module.isOnline ? "+CSQ: 24,0" : "+CSQ: 99,99"),
  },
  "+CREG": registrationOf("+CREG"),
  "+CGREG": registrationOf("+CGREG"),
  "+CEREG": registrationOf("+CEREG"),
  "+COPS": { read: (module) => lines(module.isOnline ? '+COPS: 0,0,"TEST NETWORK",7' : "+COPS: 0") },
  "+CGATT": {
    test: () => lines("+CGATT: (0,1)"),
    read: (module) => lines(`+CGATT: ${module.isAttached ? 1 : 0}`),
    write: (module, [state]) => (state === undefined ? "ERROR" : attach(module, state.text)),
  },
  "+CFUN": {
    test: () => lines("+CFUN: (0,1,4),(0,1)"),
    read: (module) => lines(`+CFUN: ${module.functionality}`),
    write: setFunctionality,
  },
  "+CGDCONT": {
    read: () => lines('+CGDCONT: 1,"IP","test","0.0.0.0",0,0'),
    write: (_module, [cid]) => (cid !== undefined && /^\d{1,2}$/.test(cid.text) ? ok : "ERROR"),
  },
  "+QCFG": {
    test: () => lines('+QCFG: "fota/cid",(1-16)'),
    write: (module, values) => configure(module, values),
  },
  "+QFOTAPID": {
    test: () => lines("+QFOTAPID: (1-16)"),
    read: (module) => lines(`+QFOTAPID: ${module.contextId}`),
    write: (module, [cid]) =>
      module.profile.contextCommand === "+QFOTAPID" && cid !== undefined ? setContext(module, cid) : "ERROR",
  },
  "+QFOTADL": { test: testQfotadl, write: writeQfotadl },
  "+QFUPL": { test: () => ok, write: uploadFile },
  "+QFLST": { test: () => ok, execute: listFiles, write: listSomeFiles },
  "+QFDEL": { test: () => ok, write: deleteFile },
}

function attach(module: Module, state: string): AtAnswer {
  if (state !== "0" && state !== "1") return "ERROR"
  module.isAttached = state === "1"
  if (!module.isOnline) module.hangUp?.()
  return ok
}

/** AT+CFUN=<fun>[,<rst>] (3GPP TS 27.007 8.2): with rst 1 the module restarts. */
function setFunctionality(module: Module, [fun, reset, ...more]: readonly AtArgument[]): AtAnswer {
  if (fun === undefined || !/^[014]$/.test(fun.text) || more.length > 0) return "ERROR"
  if (reset !== undefined && !/^[01]$/.test(reset.text)) return "ERROR"
  if (reset?.text === "1") return { afterwards: () => module.take({ kind: "restart" }) }
  module.functionality = Number(fun.text)
  if (!module.isOnline) module.hangUp?.()
  return ok
}

/** AT+QCFG="fota/cid"[,<cid>] (quectel.md 4.2, Standard(A)). */
function configure(module: Module, [name, cid, ...more]: readonly AtArgument[]): AtAnswer {
  if (name?.text !== "fota/cid" || module.profile.contextCommand === "+QFOTAPID" || more.length > 0) return "ERROR"
  return cid === undefined ? lines(`+QCFG: "fota/cid",${module.contextId}`) : setContext(module, cid)
}

function setContext(module: Module, { text, isQuoted }: AtArgument): AtAnswer {
  const cid = /^\d{1,2}$/.test(text) && !isQuoted ? Number(text) : 0
  if (cid < 1 || cid > 16) return "ERROR"
  module.contextId = cid
  return ok
}
