import { afterEach, describe, expect, it } from "vitest"
import {
  cardA,
  cardB,
  packageFor,
  type ServerSaying,
  serverNumber,
  type TestModule,
  type TestModuleOptions,
} from "../device/test-module.testing.ts"
import { AttendBench } from "./bench.testing.ts"
import { type AttendPlan, standardPlan } from "./plan.ts"
import { attendModule } from "./attend.ts"
import type { PfmFromModule } from "../codec/pfm-table.ts"

let benches: AttendBench[] = []

afterEach(async () => {
  for (const bench of benches) await bench.stop()
  benches = []
})

function attend(plan: Partial<AttendPlan> = {}, options: TestModuleOptions = {}): AttendBench {
  const bench = new AttendBench(options)
  benches.push(bench)
  const { module } = bench
  module.ftp.files.set("fw.pkg", packageFor(options.firmware ?? "13.00.003", "13.00.004"))
  return bench.start(plan)
}

/** The server's part of the registration and the provisioning by SMS. */
async function acceptBySms({ module }: AttendBench): Promise<void> {
  const { transaction } = await module.hear("remoteRegistration")
  module.sms({ name: "remoteRegistrationAck", transaction, fields: { smsNumber: "" } })
  const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
  module.sms({ name: "provisioning", transaction: 70, fields })
  await module.hear("provisioningAck")
}

function order(module: TestModule, mode: "manual" | "automatic" = "manual", transaction = 71): ServerSaying {
  return { name: "command", transaction, fields: { mode, answerSeconds: 60, ...module.ftpAccess } }
}

const setUp: Partial<AttendPlan> = { pin: "6755", restore: ["AT+CREG=2", "AT+CNMI=2,1,0,0,0"] }

describe("a host beside a Telit module, by SMS (chapter 3)", () => {
  it("sets the module up, enters the PIN, registers, and says yes", async () => {
    const bench = attend(setUp, { card: cardA })
    await acceptBySms(bench)
    await bench.until("registered")
    bench.module.sms(order(bench.module))
    await bench.until("server-notified")
    expect(bench.names.slice(0, 9)).toEqual([
      "opened",
      "version",
      "speed-set",
      "pin-entered",
      "settings-restored",
      "registration-asked",
      "registered",
      "question",
      "answered",
    ])
    expect((await bench.module.hear("commandFinal")).fields).toMatchObject({ result: "updated", firmware: "13.00.004" })
  })

  it("enters the PIN and restores the settings after the update, and tells each step with its version", async () => {
    const bench = attend(setUp, { card: cardA })
    await acceptBySms(bench)
    bench.module.sms(order(bench.module, "automatic"))
    await bench.until("upgraded")
    await bench.until("server-notified")
    await bench.until("registration-asked")
    const after = bench.events.slice(bench.names.indexOf("upgraded"))
    expect(after.map(({ event, version }) => `${event} ${version}`)).toEqual([
      "upgraded null",
      "version 13.00.004",
      "pin-entered 13.00.004",
      "settings-restored 13.00.004",
      "server-notified 13.00.004",
      "registration-asked 13.00.004",
    ])
    expect(await bench.module.ask("AT+CREG?")).toEqual(["+CREG: 2,1", "OK"])
    expect(await bench.module.ask("AT+CNMI?")).toEqual(["+CNMI: 2,1,0,0,0", "OK"])
  })

  it("types nothing between the beginning of the download and the restart", async () => {
    const bench = attend(setUp, { card: cardA })
    await acceptBySms(bench)
    bench.module.sms(order(bench.module, "automatic"))
    await bench.until("automatic")
    await bench.until("download-started")
    const count = bench.port.typed.length
    await bench.until("upgraded")
    expect(bench.port.typed.slice(count)).toEqual([])
  })

  it.each([
    ["reject", "refused"],
    ["delay", "delayed"],
  ] as const)("can %s", async (answer, heard) => {
    const bench = attend({ answer })
    await acceptBySms(bench)
    bench.module.sms(order(bench.module))
    expect((await bench.module.hear("commandAck")).fields.answer).toBe(heard)
    await bench.until("answered")
  })

  it("answers a question that comes while it is setting the module up", async () => {
    const restore = Array.from({ length: 60 }, (_, n) => `AT+CREG=${n % 3}`)
    const bench = attend({ restore })
    const { module } = bench
    await bench.until("version")
    while (module.radio.network() === null) await module.clock.sleep(100)
    const fields = { bearer: "gprs", access: "ibox.tim.it", user: "", password: "" } as const
    module.sms({ name: "provisioning", transaction: 70, fields })
    module.sms(order(module))
    await bench.until("answered")
    await bench.until("upgraded")
  })

  it.each(["reference", "screen", "text"])(
    "understands the module's messages in the spelling of the %s",
    async (spelling) => {
      const bench = attend({}, { spelling })
      await acceptBySms(bench)
      bench.module.sms(order(bench.module))
      await bench.until("upgraded")
      await bench.until("server-notified")
    },
  )

  it("goes on after a failed update, and takes the next", async () => {
    const bench = attend()
    const { module } = bench
    await acceptBySms(bench)
    module.ftp.files.set("fw.pkg", packageFor("13.00.009", "13.00.004"))
    module.sms(order(module))
    expect(await bench.until("failed")).toMatchObject({ version: "13.00.003" })
    module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
    module.sms(order(module, "manual", 72))
    await bench.until("server-notified")
  })
})

describe("a host beside a module that misbehaves", () => {
  it("opens a port again that has vanished, in the middle of the download as well", async () => {
    const bench = attend()
    await acceptBySms(bench)
    bench.port.drop()
    await bench.until("gone")
    await bench.until("opened")
    bench.module.sms(order(bench.module))
    await bench.until("download-started")
    bench.port.drop()
    await bench.until("opened")
    await bench.module.hear("commandFinal")
  })

  it("finds out by itself that the firmware is another one, when the module never said so", async () => {
    const bench = attend({ pin: "6755" }, { card: cardA })
    await acceptBySms(bench)
    await bench.until("registered")
    // What another hand, or autobauding, would have done.
    await bench.module.ask("AT+IPR=0")
    bench.module.sms(order(bench.module))
    await bench.until("download-complete")
    expect(await bench.until("upgraded")).toMatchObject({ version: "13.00.004" })
    expect(bench.module.lines).not.toContain("#OTAEV: Module Upgraded To New FW")
    await bench.until("pin-entered")
    await bench.module.hear("commandFinal")
    expect(await bench.module.ask("AT+IPR?")).toContain("+IPR: 115200")
  })

  it("enters the PIN again after the module has lost its power in the download", async () => {
    const bench = attend({ pin: "6755" }, { card: cardA, fault: "power-cut-in-download" })
    await acceptBySms(bench)
    bench.module.sms(order(bench.module))
    await bench.until("download-started")
    await bench.until("no-update")
    await bench.until("pin-entered")
    await bench.until("failed")
    expect((await bench.module.hear("errorReport")).fields.code).toBe(31)
  })

  it("waits for an update that lost its power while flashing", async () => {
    const bench = attend({}, { fault: "power-cut-in-flashing" })
    await acceptBySms(bench)
    bench.module.sms(order(bench.module))
    await bench.until("server-notified")
    expect(bench.names).not.toContain("failed")
  })

  it("enters the PIN of another SIM, and the module registers by itself", async () => {
    const bench = attend({ pin: "6755" })
    await acceptBySms(bench)
    await bench.until("registered")
    bench.module.radio.put(cardA)
    await bench.until("pin-entered")
    expect((await bench.module.hear("remoteRegistration")).fields.imsi).toBe(cardA.imsi)
  })

  it("tries a wrong PIN once, and again only at another SIM", async () => {
    const bench = attend({ pin: "1111" }, { card: cardA })
    await bench.until("pin-refused")
    await bench.module.clock.sleep(3_600_000)
    expect(bench.port.typed.filter((line) => line.startsWith("AT+CPIN="))).toHaveLength(1)
    bench.module.radio.put(null)
    await bench.until("no-sim")
    bench.module.radio.put(cardB)
    await bench.until("registration-asked")
  })

  it("never tells a PIN or a password", async () => {
    const bearer = { kind: 2, access: "ibox.tim.it", user: "somebody", password: "hush-hush" } as const
    const plan = { variant: "combined", server: { host: "127.0.0.1", port: 9 }, bearer, pin: "6755" } as const
    const bench = attend(plan, { card: cardA })
    await bench.until("registration-asked")
    expect(bench.port.typed.join("\n")).toContain("hush-hush")
    expect(JSON.stringify(bench.events)).not.toMatch(/6755|hush-hush/)
  })
})

describe("a host over TCP (chapters 4 and 5)", () => {
  const bearer = { kind: 2, access: "ibox.tim.it", user: "", password: "" } as const

  /** A server on a socket. */
  function listen(module: TestModule, offers: () => boolean, knows: () => boolean = () => true): number {
    return module.listen(({ name, transaction }: PfmFromModule) => {
      if (!knows()) return null
      if (name === "remoteRegistration") {
        return { name: "remoteRegistrationAck", transaction, fields: { smsNumber: serverNumber.slice(1) } }
      }
      if (name === "commandAck" || (name === "updateRequest" && offers())) {
        return { name: "commandProgressOverIp", transaction, fields: module.ftpAccess }
      }
      return name === "updateRequest" ? { name: "nothingOffered", transaction, fields: {} } : null
    })
  }

  it("registers once and bears the frozen interface of the combined variant", async () => {
    const bench = new AttendBench()
    benches.push(bench)
    const { module } = bench
    module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
    const port = listen(module, () => true)
    bench.start({ variant: "combined", server: { host: "127.0.0.1", port }, bearer })
    await bench.until("registered")
    module.sms({
      name: "commandOverIp",
      transaction: 3,
      fields: { mode: "manual", answerSeconds: 60, bearer: "gprs", access: "ibox.tim.it", user: "", password: "" },
    })
    await bench.until("server-notified")
    await module.clock.sleep(1_200_000)
    expect(bench.port.typed.filter((line) => line.startsWith("AT#OTASNAPIP="))).toHaveLength(1)
  })

  it("asks for an update every so often over TCP/IP, and is told once that there is none", async () => {
    const bench = new AttendBench()
    benches.push(bench)
    const { module } = bench
    module.ftp.files.set("fw.pkg", packageFor("13.00.003", "13.00.004"))
    let hasUpdate = false
    let isKnown = false
    const port = listen(
      module,
      () => hasUpdate,
      () => isKnown,
    )
    bench.start({ variant: "ip", server: { host: "127.0.0.1", port }, bearer, askEveryMs: 3_600_000 })
    await bench.until("update-refused")
    isKnown = true
    await module.ask(`AT#OTASNAPIP=${port},"127.0.0.1"`)
    await bench.until("update-asked")
    await bench.until("no-update")
    const firstMs = module.clock.now()
    hasUpdate = true
    await bench.until("update-asked")
    expect(module.clock.now() - firstMs).toBeGreaterThan(3_000_000)
    await bench.until("server-notified")
    expect(bench.events.at(-1)?.version).toBe("13.00.004")
  })
})

describe("a plan", () => {
  it.each([
    [{ smsNumber: null }, "needs the server's number"],
    [{ variant: "ip" }, "need the server's host"],
    [{ pin: "12" }, "PIN"],
    [{ baudRate: 0 }, "speed"],
    [{ restore: ["ATD123"] }, "no setting"],
    [{ restore: ["AT+CPIN=1234"] }, "no setting"],
    [{ restore: ["AT+CREG=1;#REBOOT"] }, "no setting"],
    [{ restore: ["CREG=1"] }, "no setting"],
    [{ restore: ["AT+CREG=1\rATD1"] }, "no setting"],
  ] as const)("with %j is refused", async (change, words) => {
    const bench = new AttendBench()
    const plan: AttendPlan = { ...standardPlan, smsNumber: serverNumber, ...change }
    const { signal } = new AbortController()
    const attendance = attendModule({
      port: bench.port,
      clock: bench.module.clock,
      plan,
      tell: () => undefined,
      signal,
    })
    await expect(attendance).rejects.toThrow(words)
  })
})

async function imeiOf({ module }: AttendBench): Promise<string> {
  return (await module.ask("AT+CGSN"))[0] ?? ""
}

describe("a module that is another one", () => {
  it("gets nothing typed but the question who it is", async () => {
    const bench = attend({ imei: "866758040000099" })
    const { text } = await bench.until("other-module")
    expect(text).toContain("866758040000099 is meant")
    expect(new Set(bench.port.typed)).toEqual(new Set(["ATE0V1", "AT+CGSN"]))
  })

  it("is told from the one that an earlier run met", async () => {
    const bench = new AttendBench()
    benches.push(bench)
    bench.binding = { imei: "866758040000099", bind: () => Promise.reject(new Error("met another one")) }
    bench.start()
    expect((await bench.until("other-module")).text).toContain("866758040000099 is meant")
    expect(new Set(bench.port.typed)).toEqual(new Set(["ATE0V1", "AT+CGSN"]))
  })

  it("is told from the first that is met, which is kept before anything is typed there", async () => {
    const bench = new AttendBench()
    benches.push(bench)
    const kept: { readonly imei: string; readonly typed: readonly string[] }[] = []
    bench.binding = {
      imei: null,
      bind: async (imei) => {
        await Promise.resolve()
        kept.push({ imei, typed: [...bench.port.typed] })
      },
    }
    bench.start()
    await bench.until("registration-asked")
    expect(kept).toEqual([{ imei: await imeiOf(bench), typed: ["ATE0V1", "AT+CGSN"] }])
  })
})
