import { afterEach, describe, expect, it } from "vitest"
import { waftCodec } from "../codec/pfm-codec.ts"
import { pfmKeys } from "../codec/pfm-keys.ts"
import {
  cardA,
  cardB,
  imei,
  packageFor,
  serverNumber,
  TestModule,
  type TestModuleOptions,
} from "./test-module.testing.ts"

// Chapter 3 of the application note, from the module's side.

let modules: TestModule[] = []

afterEach(async () => {
  for (const module of modules) await module.switchOff().catch(() => undefined)
  modules = []
})

function on(options: TestModuleOptions = {}): Promise<TestModule> {
  const module = new TestModule(options)
  modules.push(module)
  return module.switchOn().ready()
}

const noNumber = { smsNumber: "" }

/** A module that is registered and provisioned. */
async function prepared(options: TestModuleOptions = {}): Promise<TestModule> {
  const module = await on(options)
  if (options.card === cardA) await module.ask("AT+CPIN=6755")
  await module.ask("AT+IPR=115200")
  await module.ask(`AT#OTASNAP="${serverNumber}"`)
  const { transaction } = await module.hear("remoteRegistration")
  module.sms({ name: "remoteRegistrationAck", transaction, fields: noNumber })
  await module.urc("Registered")
  const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
  module.sms({ name: "provisioning", transaction: 2, fields })
  await module.hear("provisioningAck")
  module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
  return module
}

const command = (module: TestModule, mode: "automatic" | "manual", transaction = 3) =>
  ({ name: "command", transaction, fields: { mode, answerSeconds: 60, ...module.ftpAccess } }) as const

describe("remote registration by SMS (§3.2.1)", () => {
  it("tells IMEI, number, model, IMSI, network, firmware; the acknowledgement is told to the host", async () => {
    const module = await on()
    expect(await module.ask(`AT#OTASNAP="${serverNumber}"`)).toEqual(["OK"])
    const { fields, transaction } = await module.hear("remoteRegistration")
    expect(fields).toEqual({
      number: cardB.number.slice(1),
      imsi: cardB.imsi,
      plmn: "22201",
      model: "GE910",
      firmware: "13.00.003",
      apn: "",
      variant: "sms",
    })
    module.sms({ name: "remoteRegistrationAck", transaction, fields: noNumber })
    await module.urc("Registered")
    expect(await module.ask("AT#OTASNAP?")).toEqual([`#OTASNAP: "${serverNumber}"`, "OK"])
  })

  it("is sent again at every power-on until it is acknowledged, and then no more", async () => {
    const module = await on()
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    await module.hear("remoteRegistration")
    for (let start = 0; start < 2; start++) {
      await module.switchOff()
      await module.switchOn().ready()
      const { transaction } = await module.hear("remoteRegistration")
      if (start === 1) module.sms({ name: "remoteRegistrationAck", transaction, fields: noNumber })
    }
    await module.urc("Registered")
    await module.switchOff()
    await module.switchOn().ready()
    await module.clock.sleep(600_000)
    expect(module.said).toEqual([])
  })

  it("can be forced by the same command while it is open, and an empty number switches it off", async () => {
    const module = await on()
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    await module.hear("remoteRegistration")
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    await module.hear("remoteRegistration")
    expect(await module.ask('AT#OTASNAP=""')).toEqual(["OK"])
    await module.switchOff()
    await module.switchOn().ready()
    await module.clock.sleep(600_000)
    expect(module.said).toEqual([])
  })

  it("is acknowledged by its own transaction only", async () => {
    const module = await on()
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    const { transaction } = await module.hear("remoteRegistration")
    module.sms({ name: "remoteRegistrationAck", transaction: transaction ^ 1, fields: noNumber })
    module.sms({ name: "query", transaction: 9, fields: {} })
    await module.urc("Notified")
    expect(module.lines).not.toContain("#OTAEV: Registered")
  })

  it("is sent by itself when the SIM is changed, and not when the known one comes back (chapter 7)", async () => {
    const module = await prepared({ card: cardB })
    module.radio.put(null)
    module.radio.put(cardB)
    await module.clock.sleep(600_000)
    expect(module.said).toEqual([])
    module.radio.put({ ...cardA, pin: null })
    const { fields, transaction } = await module.hear("remoteRegistration")
    expect(fields.imsi).toBe(cardA.imsi)
    module.sms({ name: "remoteRegistrationAck", transaction, fields: noNumber })
    await module.urc("Registered")
  })

  it("is sent when the server forces it, whatever the memory says (chapter 7)", async () => {
    const module = await prepared()
    module.sms({ name: "forcedRegistration", transaction: 77, fields: { count: 40 } })
    expect(await module.hear("remoteRegistration")).toMatchObject({ transaction: 77, fields: { imsi: cardB.imsi } })
    // The next of its own goes on where the server counts.
    module.radio.put({ ...cardA, pin: null })
    expect(await module.hear("remoteRegistration")).toMatchObject({ transaction: 41 })
  })
})

describe("provisioning and update by SMS (§3.2.2, §3.2.3)", () => {
  it("asks the host, downloads, flashes, waits for the PIN and tells the server", async () => {
    const module = await prepared({ card: cardA })
    module.sms(command(module, "manual"))
    await module.urc("Do you want to upgrade the firmware?")
    expect(await module.ask("AT#OTASUAN=1")).toEqual(["OK"])
    expect((await module.hear("commandAck")).fields).toEqual({
      answer: "accepted",
      imsi: cardA.imsi,
      firmware: "13.00.003",
    })
    await module.urc("Start Fw Download")
    await module.urc("Fw Download Complete")
    await module.hear("commandProgress")
    await module.urc("Module Upgraded To New FW")
    await module.clock.sleep(86_400_000)
    expect(module.said).toEqual([])
    expect(await module.ask("AT+CPIN=6755")).toEqual(["OK"])
    expect((await module.hear("commandFinal")).fields).toMatchObject({ result: "updated", firmware: "13.00.004" })
    await module.urc("Server notified about successfull FW Upgrade")
    expect(await module.ask("AT+CGMR")).toEqual(["13.00.004", "OK"])
    expect(await module.switchOff()).toMatchObject({
      code: "#OTAEV: Server notified about successfull FW Upgrade",
      running: { version: "13.00.004" },
    })
  })

  it("tells a download that is shorter than the Command says as a partial one (§3.2.3.1)", async () => {
    const module = await prepared()
    const order = command(module, "automatic")
    module.sms({ ...order, fields: { ...order.fields, sizeBytes: 1_000_000 } })
    expect((await module.hear("errorReport")).fields).toMatchObject({ code: 3, imsi: cardB.imsi })
    await module.urc("OTA FW Upgrade Failed")
  })

  it("asks nobody when the server says automatic, and takes messages as text too", async () => {
    const module = await prepared()
    module.sms(command(module, "automatic"), "7-bit-no-class")
    await module.urc("Automatic Fw Upgrade Requested")
    await module.hear("commandAck")
    expect(module.codings.at(-1)).toMatchObject({ alphabet: "gsm7", messageClass: null })
    await module.hear("commandFinal")
    await module.urc("Server notified about successfull FW Upgrade")
  })

  it("takes no for an answer", async () => {
    const module = await prepared()
    module.sms(command(module, "manual"))
    await module.urc("Do you want to upgrade the firmware?")
    await module.ask("AT#OTASUAN=0")
    expect((await module.hear("commandAck")).fields).toMatchObject({ answer: "refused" })
    expect(await module.ask("AT#OTASUAN=1")).toEqual(["+CME ERROR: 3"])
  })

  it("gives up when the host has said nothing for 60 seconds", async () => {
    const module = await prepared()
    module.sms(command(module, "manual"))
    await module.urc("Do you want to upgrade the firmware?")
    const askedAt = module.clock.now()
    await module.urc("User Answer Timeout")
    expect(module.clock.now() - askedAt).toBe(60_000)
    expect((await module.hear("commandAck")).fields).toMatchObject({ answer: "no-answer" })
  })

  it("asks again and again once the host has delayed it", async () => {
    const module = await prepared()
    await module.ask("AT#OTASETRI=200")
    module.sms(command(module, "manual"))
    await module.urc("Do you want to upgrade the firmware?")
    await module.ask("AT#OTASUAN=2")
    expect((await module.hear("commandAck")).fields).toMatchObject({ answer: "delayed" })
    for (let n = 0; n < 3; n++) await module.urc("Do you want to upgrade the firmware?")
    await module.ask("AT#OTASUAN=1")
    expect((await module.hear("commandAck")).fields).toEqual({
      answer: "accepted",
      imsi: cardB.imsi,
      firmware: "13.00.003",
    })
    expect(module.v24.filter((change) => change === "RI+").length).toBeGreaterThanOrEqual(3)
    await module.hear("commandFinal")
  })

  it("refuses a second Command while the first goes on, and does nothing twice", async () => {
    const module = await prepared()
    module.sms(command(module, "manual"))
    module.sms(command(module, "manual"))
    await module.urc("Do you want to upgrade the firmware?")
    module.sms(command(module, "manual", 4))
    expect((await module.hear("errorReport")).fields.code).toBe(30)
    await module.ask("AT#OTASUAN=1")
    await module.hear("commandFinal")
    await module.urc("Server notified about successfull FW Upgrade")
    module.sms(command(module, "manual"))
    expect((await module.hear("commandFinal")).transaction).toBe(3)
    expect(module.lines.filter((line) => line.endsWith("upgrade the firmware?"))).toHaveLength(1)
  })

  it("reports what went wrong, and the module goes on working (§3.2.3.1)", async () => {
    const module = await prepared()
    module.ftp.files.set("fw.pkg", packageFor("13.00.009", "13.00.004"))
    module.sms(command(module, "automatic"))
    expect((await module.hear("errorReport")).fields).toMatchObject({ code: 2, firmware: "13.00.003" })
    await module.urc("OTA FW Upgrade Failed")
    expect(await module.ask("AT+CGMR")).toEqual(["13.00.003", "OK"])
    module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
    module.sms(command(module, "automatic", 5))
    await module.hear("commandFinal")
  })

  it("needs to know its access point first", async () => {
    const module = await on()
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    module.sms(command(module, "automatic"))
    expect((await module.hear("errorReport")).fields.code).toBe(24)
  })

  it.each([
    ["gprs", '"CC"', 22],
    ["csd", '"CG"', 23],
  ] as const)("over %s with GPRS class %s ends in error %i (§3.1.1)", async (bearer, gprsClass, code) => {
    const module = await prepared()
    const fields = { bearer, access: "0039123", user: "", password: "" } as const
    module.sms({ name: "provisioning", transaction: 8, fields })
    await module.hear("provisioningAck")
    await module.ask(`AT+CGCLASS=${gprsClass}`)
    module.sms(command(module, "automatic"))
    expect((await module.hear("errorReport")).fields.code).toBe(code)
  })
})

describe("test and query by SMS (§3.3, §3.4)", () => {
  it("downloads and checks without flashing", async () => {
    const module = await prepared()
    module.sms({ name: "test", transaction: 6, fields: module.ftpAccess })
    await module.urc("Start Fw Download")
    await module.urc("Fw Download Complete")
    await module.hear("commandProgress")
    expect((await module.hear("commandFinal")).fields).toMatchObject({ result: "tested", firmware: "13.00.003" })
    expect(await module.ask("AT+CGMR")).toEqual(["13.00.003", "OK"])
  })

  it("answers a query with all that the module is", async () => {
    const module = await prepared()
    module.sms({ name: "query", transaction: 7, fields: {} })
    const { fields, transaction } = await module.hear("notified")
    expect(transaction).toBe(7)
    expect(fields).toMatchObject({ imsi: cardB.imsi, firmware: "13.00.003", apn: "ibox.tim.it" })
    await module.urc("Notified")
  })
})

describe("a message that is not the server's", () => {
  it("under another key is silently dropped", async () => {
    const module = await prepared()
    module.sms(command(module, "automatic"), "8-bit-class-0", pfmKeys("another module's secret", imei))
    module.sms({ name: "query", transaction: 7, fields: {} })
    await module.urc("Notified")
    expect(module.lines).not.toContain("#OTAEV: Automatic Fw Upgrade Requested")
    expect(module.console).toContain("a PFM message that is forged, or for another module")
  })

  it("but names another module is the host's, which may be a server", async () => {
    const module = await on()
    const data = waftCodec.encode(
      { name: "query", imei: "357464030000099", transaction: 7, fields: {} },
      pfmKeys("another module's secret", "357464030000099"),
    )
    module.rawSms({ alphabet: "octets", messageClass: 0, data })
    expect(await module.until(/^\+CMT:/)).toMatch(/^\+CMT: ,\d+$/)
  })

  it("is the host's: announced and kept, or handed over at once when it is of class 0", async () => {
    const module = await on()
    const data = Uint8Array.of(0x41, 0x42)
    module.rawSms({ alphabet: "gsm7", messageClass: null, data })
    expect(await module.until(/^\+CMTI/)).toBe('+CMTI: "SM",1')
    const listed = await module.ask("AT+CMGL=4")
    expect(listed[0]).toMatch(/^\+CMGL: 1,0,,\d+$/)
    expect(await module.ask("AT+CMGD=1")).toEqual(["OK"])
    module.rawSms({ alphabet: "octets", messageClass: 0, data })
    expect(await module.until(/^\+CMT:/)).toMatch(/^\+CMT: ,\d+$/)
  })
})
