import { readFileSync } from "node:fs"
import { afterEach, describe, expect, it } from "vitest"
import { sharedInput } from "../../../../../test/shared-inputs.ts"
import { settings, type SettingName } from "./kept-settings.ts"
import { virtualFaults } from "./faults.ts"
import { urcLine } from "../codec/urcs.ts"
import { cardA, cardB, packageFor, serverNumber, TestModule, type TestModuleOptions } from "./test-module.testing.ts"

// §3.1.2 "Alerts", §3.1.2.1, chapters 6 and 9.1 of the application note, and every named fault.

let modules: TestModule[] = []

afterEach(async () => {
  for (const module of modules) await module.switchOff().catch(() => undefined)
  modules = []
})

async function prepared(options: TestModuleOptions = {}): Promise<TestModule> {
  const module = new TestModule(options)
  modules.push(module)
  await module.switchOn().ready()
  if (options.card === cardA) await module.ask("AT+CPIN=6755")
  await module.ask(`AT#OTASNAP="${serverNumber}"`)
  const { transaction } = await module.hear("remoteRegistration")
  module.sms({ name: "remoteRegistrationAck", transaction, fields: { smsNumber: "" } })
  const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
  module.sms({ name: "provisioning", transaction: 2, fields })
  await module.hear("provisioningAck")
  module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
  return module
}

const order = (module: TestModule, mode: "automatic" | "manual" = "automatic") =>
  ({ name: "command", transaction: 3, fields: { mode, answerSeconds: 60, ...module.ftpAccess } }) as const

describe("during the download", () => {
  it("eight commands are refused, and their neighbours are not", async () => {
    const module = await prepared({ fault: "stops-in-download" })
    module.sms(order(module))
    await module.urc("Start Fw Download")
    const refused = ["AT#GPRS=1", "AT#SGACT=1,1", "AT+CGATT=0", "AT+CGACT=1,1", "ATD*99#", "AT+COPS=2", "AT+CFUN=4"]
    for (const command of [...refused, 'AT+CGCLASS="B"'])
      expect(await module.ask(command), command).toEqual(["+CME ERROR: 3"])
    for (const command of ["AT+COPS=0", "AT+CFUN=1", "AT+CGDCONT=1"]) expect(await module.ask(command)).toEqual(["OK"])
  })
})

describe("after the update", () => {
  it("only the settings of chapter 9.1 are left", async () => {
    const module = await prepared()
    const written: Partial<Record<SettingName, string>> = {
      "+IPR": "115200",
      "+CGDCONT": '1,"IP","ibox.tim.it"',
      "#SCFG": "1,1,500,90,600,50",
      "+CGCLASS": '"CG"',
      "#SLED": "1,5,5",
      "+CNMI": "2,1,0,0,0",
    }
    for (const [name, value] of Object.entries(written)) expect(await module.ask(`AT${name}=${value}`)).toEqual(["OK"])
    await module.ask("AT#OTASETRI=100")
    module.sms(order(module))
    await module.urc("Server notified about successfull FW Upgrade")
    for (const [name, value] of Object.entries(written) as [SettingName, string][]) {
      const { isKept, byDefault } = settings[name]
      expect(await module.ask(`AT${name}?`), name).toEqual([`${name}: ${isKept ? value : byDefault}`, "OK"])
    }
    expect(await module.ask("AT#OTASETRI?")).toEqual(["#OTASETRI: 0", "OK"])
  })

  it("lines are lost under autobauding until the host types", async () => {
    const module = await prepared()
    expect(await module.ask("AT+IPR?")).toEqual(["+IPR: 0", "OK"])
    module.sms(order(module))
    await module.hear("commandFinal")
    await module.clock.sleep(60_000)
    expect(module.lines).not.toContain("#OTAEV: Module Upgraded To New FW")
    expect(module.lines).not.toContain("#OTAEV: Server notified about successfull FW Upgrade")
    module.sms({ name: "query", transaction: 9, fields: {} })
    await module.ask("AT")
    module.sms({ name: "query", transaction: 10, fields: {} })
    await module.urc("Notified")
  })

  it("the host's messages are where they were: the file system is unchanged", async () => {
    const module = await prepared()
    const files = await module.storage.files("user")
    await files.create("script.py")
    await module.ask("AT+IPR=115200")
    module.sms(order(module))
    await module.urc("Module Upgraded To New FW")
    expect(await files.list()).toEqual(["script.py"])
  })
})

describe("while the flash is written", () => {
  it("DCD goes high and low, DSR and RTS are low (§3.1.2.1), and nothing answers", async () => {
    const module = await prepared()
    await module.ask("AT+IPR=115200")
    module.sms(order(module))
    await module.urc("Fw Download Complete")
    const from = module.lines.length
    module.v24.length = 0
    module.type("AT+CGMR")
    await module.urc("Module Upgraded To New FW")
    expect(module.lines.slice(from)).toEqual(["#OTAEV: Module Upgraded To New FW"])
    expect(module.v24.slice(0, 2)).toEqual(["DSR-", "RTS-"])
    const dcd = module.v24.filter((change) => change.startsWith("DCD"))
    expect(dcd.length).toBeGreaterThan(3)
    expect(dcd.slice(0, 2)).toEqual(["DCD+", "DCD-"])
    expect(module.v24.slice(-2)).toEqual(["DSR+", "RTS+"])
  })
})

describe("the SIM", () => {
  it("gates everything by its PIN, and locks after three wrong ones", async () => {
    const module = new TestModule({ card: cardA })
    modules.push(module)
    await module.switchOn().ready()
    expect(await module.ask("AT+CPIN?")).toEqual(["+CPIN: SIM PIN", "OK"])
    expect(await module.ask("AT+CIMI")).toEqual(["+CME ERROR: 11"])
    for (let n = 0; n < 3; n++) expect(await module.ask("AT+CPIN=0000")).toEqual(["+CME ERROR: 16"])
    expect(await module.ask("AT+CPIN=6755")).toEqual(["+CME ERROR: 12"])
    module.radio.put(null)
    expect(await module.ask("AT+CPIN?")).toEqual(["+CME ERROR: 10"])
  })

  it("that comes in place of another asks for its own PIN", async () => {
    const module = new TestModule({ card: cardB })
    modules.push(module)
    await module.switchOn().ready()
    module.radio.put(cardA)
    await module.clock.sleep(10_000)
    expect(await module.ask("AT+CPIN?")).toEqual(["+CPIN: SIM PIN", "OK"])
    expect(await module.ask("AT+CPIN=6755")).toEqual(["OK"])
    expect(await module.ask("AT+CIMI")).toEqual([cardA.imsi, "OK"])
  })
})

describe("AT#OTASUAN (chapter 6)", () => {
  it("has its forms, and sets what becomes of the URCs", async () => {
    const module = await prepared()
    expect(await module.ask("AT#OTASUAN=?")).toEqual(["#OTASUAN: (0,1),(0-2),(0,1)", "OK"])
    expect(await module.ask("AT#OTASUAN=,0")).toEqual(["OK"])
    expect(await module.ask("AT#OTASUAN?")).toEqual(["#OTASUAN: ,0,0", "OK"])
    module.sms({ name: "query", transaction: 7, fields: {} })
    await module.hear("notified")
    await module.clock.sleep(1000)
    expect(module.lines).not.toContain("#OTAEV: Notified")
    module.type("AT#OTASUAN=,2,1")
    await module.urc("Notified")
    expect(await module.ask("AT#OTASUAN=3")).toEqual(["ERROR"])
    expect(await module.ask("AT#OTASUAN=1")).toEqual(["+CME ERROR: 3"])
  })

  it("keeps URCs while the port carries data", async () => {
    const module = await prepared()
    module.type("ATD*99***1#")
    await module.until(/^CONNECT$/)
    module.sms({ name: "query", transaction: 7, fields: {} })
    await module.hear("notified")
    await module.clock.sleep(1000)
    expect(module.lines).not.toContain("#OTAEV: Notified")
    module.type("+++")
    await module.urc("Notified")
  })
})

describe("every command of the note", () => {
  it.each([
    ["AT#OTASNAP=?", ["OK"]],
    ["AT#OTASNAPIPCFG?", ['#OTASNAPIPCFG: 0,""', "OK"]],
    ["AT#OTASNAPIP?", ['#OTASNAPIP: 0,"",""', "OK"]],
    ["AT#OTAIPCFG?", ['#OTAIPCFG: 0,""', "OK"]],
    ["AT#OTASETRI=?", ["#OTASETRI: (0,50-1150)", "OK"]],
    ["AT#OTASETRI=49", ["ERROR"]],
    ["AT#OTAIPUPD=?", ["OK"]],
    ["AT#OTAIPUPD?", ["#OTAIPUPD: 0", "OK"]],
    ["AT+CGMR", ["13.00.003", "OK"]],
    ["AT+CGSN", ["357464030012345", "OK"]],
    ["AT+CIMI", [cardB.imsi, "OK"]],
    ["AT+COPS?", ['+COPS: 0,2,"22201"', "OK"]],
    ["AT+CFUN?", ["+CFUN: 1", "OK"]],
    ["AT+CGCLASS=?", ['+CGCLASS: ("B","CG","CC")', "OK"]],
    ['AT+CGCLASS="X"', ["ERROR"]],
    ["AT+IPR=12345", ["ERROR"]],
    ["AT#OTASNAP=12", ["ERROR"]],
    ['AT#OTASNAPIPCFG=3,"x"', ["ERROR"]],
    ['AT#OTASNAPIP=0,"x"', ["ERROR"]],
  ])("answers %s", async (command, answer) => {
    const module = new TestModule()
    modules.push(module)
    await module.switchOn().ready()
    expect(await module.ask(command)).toEqual(answer)
  })
})

/** What a story with a fault needs beyond an automatic Command. */
const special: Readonly<Record<string, "manual" | "query" | "csd">> = {
  "host-silent": "manual",
  "stops-at-question": "manual",
  "command-lost-query": "query",
  "csd-call-failed": "csd",
}

describe("a named fault", () => {
  it.each(virtualFaults)("$fault ends with $code, which has words", async ({ fault, code, words }) => {
    const module = new TestModule({ fault })
    modules.push(module)
    await module.switchOn().ready()
    await module.ask("AT+IPR=115200")
    for (let registering = true; registering; ) {
      await module.ask(`AT#OTASNAP="${serverNumber}"`)
      const { transaction } = await module.hear("remoteRegistration")
      module.sms({ name: "remoteRegistrationAck", transaction, fields: { smsNumber: "" } })
      await module.clock.sleep(1000)
      registering = !module.lines.includes("#OTAEV: Registered")
    }
    const bearer = special[fault] === "csd" ? "csd" : "gprs"
    module.sms({ name: "provisioning", transaction: 2, fields: { bearer, access: "x", user: "", password: "" } })
    await module.hear("provisioningAck")
    module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
    module.sms(order(module, special[fault] === "manual" ? "manual" : "automatic"))
    if (special[fault] === "query") module.sms({ name: "query", transaction: 9, fields: {} })
    if (special[fault] === "manual") {
      await module.urc("Do you want to upgrade the firmware?")
      if (fault === "host-silent") module.type("AT#OTASUAN=1")
    }
    await module.clock.sleep(600_000)
    expect(await module.switchOff()).toMatchObject({ code, words })
    expect(words).toMatch(/^[A-Z].{10,}\.$/)
  })

  it("has every URC among its ends", () => {
    const ends = new Set(virtualFaults.map(({ code }) => code))
    const urcs = ["registered", "question", "automatic", "answerTimeout", "startDownload", "downloadComplete"] as const
    for (const name of [...urcs, "upgraded", "serverNotified", "failed", "notified"] as const) {
      expect(ends, name).toContain(urcLine(name))
    }
  })

  const list = sharedInput("protocols", "codes.tsv")
  it.skipIf(list === null)(
    "has every Telit row of the published list among its ends (needs protocols/codes.tsv)",
    () => {
      const rows = readFileSync(list ?? "", "utf8")
        .split("\n")
        .map((line) => line.split("\t"))
        .filter(([family]) => family === "telit")
      expect(rows).toHaveLength(10)
      const ends = new Set(virtualFaults.map(({ model, code }) => `${model} ${code}`))
      expect(rows.map(([, model, code]) => `${model} ${code}`).filter((row) => !ends.has(row))).toEqual([])
    },
  )
})
