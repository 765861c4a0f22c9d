import { afterEach, describe, expect, it } from "vitest"
import type { ConversationOffer, ConversationStep } from "../conversation.ts"
import { concat } from "../../kit/bytes.ts"
import type { JsonObject } from "../../kit/json.ts"
import { decodeFromMobile } from "../../protocols/sms/tpdu.ts"
import { enter } from "./server/enter.ts"
import { cardA, cardB, imei, packageFor, secret, serverNumber, TestModule } from "./device/test-module.testing.ts"
import { readMemory } from "./server/memory.ts"
import { frameOctets } from "./codec/pfm-carriers.ts"
import { conversation } from "./server/conversation.ts"

type Input = Parameters<typeof conversation.step>[1]

/** The server's side against the module in software: what one sends, the other gets, and nothing between them knows what it says. */
class BothEnds {
  readonly module: TestModule
  readonly evidence: string[] = []
  readonly notes: string[] = []
  running: string | null = null
  state: JsonObject
  offered: ConversationOffer | null = null
  #random = 0x5eed
  #taken = 0

  constructor(module: TestModule, options: Readonly<Record<string, string>> = {}) {
    this.module = module
    const entered = enter({ id: imei, ...options })
    if ("fault" in entered) throw new Error(entered.fault)
    this.state = entered.familyState
    const { onSent } = module.radio
    module.radio.onSent = (tpdu) => {
      onSent(tpdu)
      this.#hearSms()
    }
  }

  /** The port of a listener that gives every frame to the conversation. */
  listen(): number {
    return this.module.net.listen((stream) => {
      void (async () => {
        let pending: Uint8Array = new Uint8Array(0)
        for (;;) {
          const packet = await stream.read(500, 600_000).catch(() => new Uint8Array(0))
          if (packet.length === 0) return stream.end()
          pending = concat([pending, packet])
          for (
            let length = frameOctets(pending);
            length !== null && pending.length >= length;
            length = frameOctets(pending)
          ) {
            const bytes = pending.slice(0, length)
            pending = pending.slice(length)
            for (const message of this.take({ kind: "message", via: "tcp", from: "10.0.0.7", bytes })) {
              if (message.via !== "tcp") continue
              if (message.bytes.length > 0) await stream.write(message.bytes)
              if (message.isLast) return stream.end()
            }
          }
        }
      })()
    })
  }

  #hearSms(): void {
    const submit = decodeFromMobile(this.module.radio.sent.at(this.#taken++) ?? new Uint8Array(0))
    this.take({ kind: "message", via: "sms", from: cardB.number, bytes: submit.userData.data })
  }

  take(input: Input): ConversationStep["send"] {
    const step = conversation.step(
      {
        device: {
          id: imei,
          model: "GE910",
          familyState: this.state,
          runningVersion: this.running,
          isReported: this.running !== null,
          secret,
        },
        now: this.module.clock.now(),
        offered: this.offered,
        newTicket: () => ticket,
        ftp: { host: "127.0.0.1", port: this.module.ftp.port },
        tcp: { host: "127.0.0.1", port: 1 },
        smsNumber: serverNumber,
        random: this.#random++,
        claimants: () => [],
      },
      input,
    )
    this.state = step.familyState
    this.running = step.running ?? this.running
    this.evidence.push(...step.evidence.map(({ kind }) => kind))
    this.notes.push(...step.notes.map(({ kind }) => kind))
    for (const message of step.send) {
      if (message.via !== "sms") continue
      const data = message.bytes
      const isText = message.coding === "7-bit-no-class"
      this.module.rawSms(
        isText ? { alphabet: "gsm7", messageClass: null, data } : { alphabet: "octets", messageClass: 0, data },
      )
    }
    return step.send
  }

  offer(variant: string, mode: string): void {
    const bytes = packageFor("13.00.003", "13.00.004")
    this.module.ftp.files.set(conversation.fileName({}), bytes)
    this.offered = {
      offer: { from: "13.00.003", to: "13.00.004", hops: 1, variant, mode },
      target: "13.00.004",
      sizeBytes: bytes.length,
      ticket,
      isHeld: false,
    }
    this.take({ kind: "offered" })
  }
}

/** What the module's FTP server asks for. */
const ticket = { user: "ota", secret: "libelium" }
let modules: TestModule[] = []

afterEach(async () => {
  for (const module of modules) await module.switchOff().catch(() => undefined)
  modules = []
})

async function together(options: Readonly<Record<string, string>> = {}, card = cardB): Promise<BothEnds> {
  const module = new TestModule({ card })
  modules.push(module)
  const ends = new BothEnds(module, options)
  await module.switchOn().ready()
  if (card.pin !== null) await module.ask(`AT+CPIN=${card.pin}`)
  while (module.radio.network() === null) await module.clock.sleep(500)
  await module.ask("AT+IPR=115200")
  return ends
}

/** A module that has never been provisioned knows no access point, so an operator tells it. */
const apn = "ibox.tim.it"

const whole = ["accepted", "transfer-finished", "install-started", "installed"]

describe("server and module in software, joined by nothing but their messages", () => {
  it.each(["8-bit", "7-bit"])("register, provision and update by SMS of %s, and the host is asked", async (coding) => {
    const ends = await together({ coding, apn })
    const { module } = ends
    expect(await module.ask(`AT#OTASNAP="${serverNumber}"`)).toEqual(["OK"])
    await module.urc("Registered")
    ends.offer("sms", "manual")
    await module.urc("Do you want to upgrade the firmware?")
    await module.ask("AT#OTASUAN=1")
    await module.urc("Server notified about successfull FW Upgrade")
    expect(ends.evidence).toEqual(whole)
    expect(ends.running).toBe("13.00.004")
  })

  it("update by SMS and TCP", async () => {
    const ends = await together()
    const { module } = ends
    await module.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')
    await module.ask(`AT#OTASNAPIP=${ends.listen()},"127.0.0.1"`)
    await module.urc("Registered")
    expect(readMemory(ends.state).variant).toBe("combined")
    ends.offer("combined", "automatic")
    await module.urc("Server notified about successfull FW Upgrade")
    expect(ends.evidence).toEqual(whole)
  })

  it("update over TCP alone, when the host asks", async () => {
    const ends = await together()
    const { module } = ends
    await module.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')
    await module.ask(`AT#OTASNAPIP=${ends.listen()},"127.0.0.1"`)
    await module.urc("Registered")
    ends.offer("ip", "manual")
    await module.ask("AT#OTAIPUPD")
    await module.urc("Server notified about successfull FW Upgrade")
    expect(ends.evidence).toEqual(whole)
    expect(module.radio.sent).toEqual([])
  })

  it("hear of a refusal, of a query, and of a forced registration", async () => {
    const ends = await together({ apn })
    const { module } = ends
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    await module.urc("Registered")
    ends.offer("sms", "manual")
    await module.urc("Do you want to upgrade the firmware?")
    await module.ask("AT#OTASUAN=0")
    ends.take({ kind: "asked", request: "query" })
    await module.urc("Notified")
    ends.take({ kind: "asked", request: "force-registration" })
    await module.urc("Registered")
    expect(ends.evidence).toEqual(["declined"])
    expect(ends.notes).toEqual(["registered", "asked", "notified", "asked", "registered"])
  })

  it("bear days until somebody enters the PIN: a Query is not answered before, and Command Final comes at last", async () => {
    const ends = await together({ apn }, cardA)
    const { module } = ends
    await module.ask(`AT#OTASNAP="${serverNumber}"`)
    await module.urc("Registered")
    ends.offer("sms", "automatic")
    await module.urc("Module Upgraded To New FW")
    await module.clock.sleep(86_400_000)
    ends.take({ kind: "time-passed" })
    expect(readMemory(ends.state).talk.state).toBe("installing")
    await module.ask(`AT+CPIN=${cardA.pin ?? ""}`)
    await module.urc("Server notified about successfull FW Upgrade")
    expect(ends.evidence).toEqual(whole)
  })
})
