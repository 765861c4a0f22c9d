import { afterEach, describe, expect, it } from "vitest"
import type { PfmFromModule } from "../codec/pfm-table.ts"
import {
  cardA,
  cardB,
  packageFor,
  type ServerSaying,
  serverNumber,
  TestModule,
  type TestModuleOptions,
} from "./test-module.testing.ts"

// Chapters 4 and 5 of the application note, from the module's side.

let modules: TestModule[] = []

afterEach(async () => {
  for (const module of modules) await module.switchOff().catch(() => undefined)
  modules = []
})

/** A server on a socket: acknowledges registrations, and tells where to download. */
function answering(module: TestModule): (message: PfmFromModule) => ServerSaying | null {
  return ({ name, transaction }) => {
    if (name === "remoteRegistration") {
      return { name: "remoteRegistrationAck", transaction, fields: { smsNumber: serverNumber.slice(1) } }
    }
    if (name === "commandAck" || name === "updateRequest") {
      return { name: "commandProgressOverIp", transaction, fields: module.ftpAccess }
    }
    return null
  }
}

async function prepared(options: TestModuleOptions = {}): Promise<TestModule> {
  const module = new TestModule(options)
  modules.push(module)
  await module.switchOn().ready()
  if (options.card === cardA) await module.ask("AT+CPIN=6755")
  while (module.radio.network() === null) await module.clock.sleep(500)
  await module.ask("AT+IPR=115200")
  const port = module.listen(answering(module))
  module.ftp.files.set("fw.pkg", packageFor(options.firmware ?? "13.00.003", "13.00.006"))
  expect(await module.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')).toEqual(["OK"])
  expect(await module.ask(`AT#OTASNAPIP=${port},"127.0.0.1","+39335475718"`)).toEqual(["OK"])
  await module.urc("Registered")
  expect((await module.hear("remoteRegistration")).fields).toMatchObject({ number: "39335475718", apn: "ibox.tim.it" })
  return module
}

const order = {
  name: "commandOverIp",
  transaction: 3,
  fields: { mode: "manual", answerSeconds: 60, bearer: "gprs", access: "ibox.tim.it", user: "", password: "" },
} as const

describe("the combined variant (chapter 4)", () => {
  it("goes like figure 2, line by line", async () => {
    const module = await prepared({ card: cardA, firmware: "13.00.005", spelling: "screen" })
    const from = module.lines.findIndex((line) => line === "#OTAEV: Registered")
    module.sms(order)
    await module.urc("Do you want to upgrade the firmware?")
    module.type("at#otasuan=1")
    await module.urc("Module Upgraded To New Fw")
    await module.clock.sleep(10_000)
    module.type("at+cpin=6755")
    await module.urc("Server notified about successfull FW Upgrade")
    module.type("at+cgmr")
    await module.until(/^OK$/)
    expect(module.lines.slice(from)).toEqual([
      "#OTAEV: Registered",
      "#OTAEV: Do you want to upgrade the firmware?",
      "at#otasuan=1",
      "OK",
      "#OTAEV: Start Fw Download",
      "#OTAEV: Fw Download Complete",
      "#OTAEV: Module Upgraded To New Fw",
      "at+cpin=6755",
      "OK",
      "#OTAEV: Server notified about successfull FW Upgrade",
      "at+cgmr",
      "13.00.006",
      "OK",
    ])
    expect(module.said.map(({ name }) => name)).toEqual(["commandAck", "commandProgressAck", "commandFinal"])
  })

  it("does not answer at its port from the host's yes to the restart (§4.1.2)", async () => {
    const module = await prepared()
    module.sms({ ...order, fields: { ...order.fields, mode: "automatic" } })
    await module.urc("Start Fw Download")
    const from = module.lines.length
    module.type("AT+CGMR")
    await module.urc("Module Upgraded To New FW")
    expect(module.lines.slice(from)).toEqual(["#OTAEV: Fw Download Complete", "#OTAEV: Module Upgraded To New FW"])
  })

  it("answers again when the update has failed, and has told the server on a socket", async () => {
    const module = await prepared()
    module.ftp.files.clear()
    module.sms({ ...order, fields: { ...order.fields, mode: "automatic" } })
    expect((await module.hear("errorReport")).fields.code).toBe(12)
    await module.urc("OTA FW Upgrade Failed")
    expect(await module.ask("AT+CGMR")).toEqual(["13.00.003", "OK"])
  })

  it("reports an error again when the server was away for a moment", async () => {
    const module = await prepared()
    module.ftp.files.clear()
    let isAway = true
    const reply = answering(module)
    const port = module.listen((message) => {
      if (message.name !== "errorReport" || !isAway) return reply(message)
      isAway = false
      queueMicrotask(() => module.net.breakAll())
      return { name: "nothingOffered", transaction: 0, fields: {} }
    })
    await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)
    module.sms({ ...order, fields: { ...order.fields, mode: "automatic" } })
    await module.urc("OTA FW Upgrade Failed")
    await module.hear("errorReport")
    expect((await module.hear("errorReport")).fields.code).toBe(12)
    expect(module.lines.filter((line) => line.endsWith("Failed"))).toHaveLength(1)
  })

  it("fails when the server says nothing, or ends the connection", async () => {
    const module = await prepared()
    const port = module.listen(() => null)
    await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)
    module.sms({ ...order, fields: { ...order.fields, mode: "automatic" } })
    module.net.close(port)
    await module.urc("OTA FW Upgrade Failed")
  })

  it("calls again when its socket breaks before the server has answered, and goes on", async () => {
    const module = await prepared()
    let calls = 0
    const reply = answering(module)
    const port = module.listen((message) => (message.name === "commandAck" && ++calls < 3 ? null : reply(message)))
    await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)
    module.sms({ ...order, fields: { ...order.fields, mode: "automatic" } })
    await module.urc("Server notified about successfull FW Upgrade")
    expect(module.said.map(({ name }) => name)).toEqual([
      ...["commandAck", "commandAck", "commandAck"],
      ...["commandProgressAck", "commandFinal"],
    ])
  })

  it("says a last word again until the server has ended the connection, and only then that it was notified", async () => {
    const module = await prepared()
    let isDeaf = true
    const reply = answering(module)
    const { transaction, fields } = order
    // An answer where there should be an end: the connection stays open, and breaks.
    const silence = { name: "nothingOffered", transaction: 0, fields: {} } as const
    const port = module.listen((message) => {
      if (message.name !== "commandFinal" || !isDeaf) return reply(message)
      isDeaf = false
      queueMicrotask(() => module.net.breakAll())
      return silence
    })
    await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)
    module.sms({ name: "commandOverIp", transaction, fields: { ...fields, mode: "automatic" } })
    await module.urc("Module Upgraded To New FW")
    await module.urc("Server notified about successfull FW Upgrade")
    expect(module.said.filter(({ name }) => name === "commandFinal")).toHaveLength(2)
  })

  it("outlives a query that it cannot answer because nobody listens, and answers it when it comes again", async () => {
    const module = await prepared()
    const [server = ""] = await module.ask("AT#OTAIPCFG?")
    await module.ask('AT#OTAIPCFG=1,"127.0.0.1"')
    module.sms({ name: "query", transaction: 8, fields: {} })
    await module.clock.sleep(60_000)
    expect(module.lines).not.toContain("#OTAEV: Notified")
    await module.ask(`AT${server.replace(": ", "=")}`)
    module.sms({ name: "query", transaction: 8, fields: {} })
    await module.urc("Notified")
    expect((await module.hear("notified")).fields.imsi).toBe(cardB.imsi)
  })

  it("registers a new SIM by SMS, at the number that the server told it (§4.2.1)", async () => {
    const module = await prepared()
    module.radio.put({ ...cardA, pin: null })
    const { fields } = await module.hear("remoteRegistration")
    expect(fields).toMatchObject({ imsi: cardA.imsi, variant: "combined" })
    expect(module.radio.sent).toHaveLength(1)
  })

  it("answers a query on a connection of its own (§4.4), and a test without flashing (§4.3)", async () => {
    const module = await prepared()
    module.sms({ name: "query", transaction: 8, fields: {} })
    expect((await module.hear("notified")).fields.imsi).toBe(cardB.imsi)
    await module.urc("Notified")
    const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
    module.sms({ name: "testOverIp", transaction: 9, fields })
    expect((await module.hear("commandFinal")).fields.result).toBe("tested")
    expect(module.radio.sent).toEqual([])
    expect(await module.ask("AT+CGMR")).toEqual(["13.00.003", "OK"])
  })
})

describe("the TCP/IP variant (chapter 5)", () => {
  it("begins at the host's word and uses no SMS", async () => {
    const module = await prepared()
    expect(await module.ask("AT#OTAIPUPD?")).toEqual(["#OTAIPUPD: 0", "OK"])
    expect(await module.ask("AT#OTAIPUPD")).toEqual(["OK"])
    expect((await module.hear("updateRequest")).fields.firmware).toBe("13.00.003")
    await module.urc("Start Fw Download")
    await module.urc("Fw Download Complete")
    await module.urc("Module Upgraded To New FW")
    await module.urc("Server notified about successfull FW Upgrade")
    expect((await module.hear("commandFinal")).fields).toMatchObject({ result: "updated", firmware: "13.00.006" })
    expect(module.radio.sent).toEqual([])
  })

  it("goes on with what it runs when the server has nothing for it, and asks under a higher number next time", async () => {
    const module = await prepared()
    const port = module.listen(({ transaction }) => ({ name: "nothingOffered", transaction, fields: {} }))
    await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)
    await module.ask("AT#OTAIPUPD")
    const { transaction } = await module.hear("updateRequest")
    await module.clock.sleep(120_000)
    expect(await module.ask("AT#OTAIPUPD?")).toEqual(["#OTAIPUPD: 0", "OK"])
    expect(module.said).toEqual([])
    await module.ask("AT#OTAIPUPD")
    expect((await module.hear("updateRequest")).transaction).toBe(transaction + 1)
  })

  it("takes the server's address from AT#OTAIPCFG as well", async () => {
    const module = await prepared()
    const port = module.listen(answering(module))
    expect(await module.ask(`AT#OTAIPCFG=${port},"127.0.0.1"`)).toEqual(["OK"])
    expect(await module.ask("AT#OTAIPCFG?")).toEqual([`#OTAIPCFG: ${port},"127.0.0.1"`, "OK"])
    await module.ask("AT#OTAIPUPD")
    await module.urc("Server notified about successfull FW Upgrade")
  })

  it("needs an earlier registration", async () => {
    const module = new TestModule()
    modules.push(module)
    await module.switchOn().ready()
    await module.ask('AT#OTAIPCFG=4000,"127.0.0.1"')
    expect(await module.ask("AT#OTAIPUPD")).toEqual(["+CME ERROR: 3"])
  })

  it("is not there in software that the note does not name for it (§4.1.1, §5.1.1)", async () => {
    const module = new TestModule({ firmware: "16.00.002", model: "GL865" })
    modules.push(module)
    await module.switchOn().ready()
    expect(await module.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')).toEqual(["+CME ERROR: 3"])
    expect(await module.ask("AT#OTAIPUPD")).toEqual(["+CME ERROR: 3"])
  })
})
