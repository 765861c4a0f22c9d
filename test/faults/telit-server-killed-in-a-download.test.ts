import { rmSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { DeviceView } from "../../src/core/contract/schemas.ts"
import { type MobileNetwork, startMobileNetwork } from "../../src/virtual/main.ts"
import { type AtDesk, deskAtPort, onAir, wake } from "../at-desk.ts"
import { freePort, newFolder, serve, type Serving } from "../serving.ts"
import { addModule, cardOf, imeiOf, powerTelit, publish, serverNumber, smsFlags, until } from "../telit-fleet.ts"
import { PfmWire } from "./pfm-wire.testing.ts"

const [model, from, to] = ["GE910", "13.00.003", "13.00.004"] as const
const speed = 10

let folder: string
let network: MobileNetwork
let server: Serving
let flags: readonly string[]
/** Modules that call while the server is away wait here; how long it is away is the machine's affair. */
const wire = new PfmWire([])
let messagePort = 0
let ftp: Gate
const closing: (() => Promise<unknown>)[] = []

const start = (): Promise<Serving> => serve({ data: join(folder, "data"), flags })

beforeAll(async () => {
  folder = newFolder()
  network = await startMobileNetwork({ number: serverNumber, plmn: "22201" })
  const [http, ftpPort] = [await freePort(), await freePort()]
  const tcp = await freePort()
  messagePort = await wire.beforeServer({ host: "127.0.0.1", port: tcp })
  ftp = await Gate.before(ftpPort)
  const own = { "--http": http, "--ftp": ftpPort, "--ftp-public": ftp.port, "--device-tcp": tcp }
  flags = [...Object.entries(own).flatMap(([flag, port]) => [flag, `127.0.0.1:${port}`]), ...smsFlags(network)]
  server = await start()
})

afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await server.end("SIGKILL")
  await ftp.close()
  await wire.close()
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Stands before the FTP server. While it is shut no file is asked for: modules wait in the middle of their download. */
class Gate {
  isShut = true
  held = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async before(ftpPort: number): Promise<Gate> {
    const gate = new Gate(ftpPort)
    await new Promise<void>((resolve) => gate.#server.listen(0, "127.0.0.1", resolve))
    return gate
  }

  private constructor(ftpPort: number) {
    this.#server = createServer({ noDelay: true }, (module) => {
      const upstream = connect({ port: ftpPort, host: "127.0.0.1", noDelay: true })
      for (const socket of [module, upstream]) {
        this.#sockets.add(socket)
        socket.on("error", () => socket.destroy())
        socket.once("close", () => this.#sockets.delete(socket))
      }
      module.once("close", () => upstream.destroy())
      upstream.once("close", () => module.destroy())
      upstream.on("data", (bytes) => module.write(bytes))
      module.on("data", (bytes) => {
        if (this.isShut && bytes.toString("latin1").startsWith("RETR ")) this.held++
        else upstream.write(bytes)
      })
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const variants = ["sms", "combined", "tcp-ip"] as const

interface Member {
  readonly imei: string
  readonly variant: (typeof variants)[number]
  readonly desk: AtDesk
}

const failed = /^#OTAEV: OTA FW Upgrade Failed$/

/** A module that is registered, and asks for its update where its protocol wants that. */
async function member(variant: Member["variant"], n: number): Promise<Member> {
  const [imei, card] = [imeiOf(n), cardOf(n)]
  const options = { mode: "automatic", apn: "ibox.tim.it", variant }
  const secret = await addModule(server, { imei, model, options })
  const module = powerTelit({ imei, model, firmware: from, secret, radio: network.radioWith(card), speed })
  closing.push(module.switchOff)
  const desk = await deskAtPort(module.port)
  await wake(desk)
  await desk.ask("AT+IPR=115200")
  await onAir(desk)
  if (variant !== "sms") await desk.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')
  const where =
    variant === "sms" ? `AT#OTASNAP="${serverNumber}"` : `AT#OTASNAPIP=${messagePort},"127.0.0.1","${card.number}"`
  desk.type(where)
  await desk.until(/^#OTAEV: Registered$/)
  return { imei, variant, desk }
}

const show = ({ imei }: Member): Promise<DeviceView> => server.api.call("showDevice", { params: { id: imei } })

describe("a server killed with kill -9 in the middle of downloads", () => {
  it("hears from every module that its download broke off, and updates it at the next word of an operator or a host", async () => {
    const releaseIds = [await publish(server, { model, from, to })]
    const rollOut = () => server.api.call("startRollout", { body: { releaseIds, group: null, takeOver: true } })
    const members = await Promise.all(variants.map((variant, i) => member(variant, i + 1)))
    await rollOut()
    const ip = members.find(({ variant }) => variant === "tcp-ip")
    ip?.desk.type("AT#OTAIPUPD")
    await until(() => ftp.held === members.length)

    const broken = members.map(({ desk }) => desk.until(failed))
    await server.end("SIGKILL")
    server = await start()
    await Promise.all(broken)
    for (const one of members) {
      const words = one === ip ? /Its host may ask for the update again/ : /repeats the Command in 15 minutes/
      await until(async () => words.test((await show(one)).explain))
      expect(await one.desk.ask("AT+CGMR")).toEqual(["AT+CGMR", from, "OK"])
      expect((await show(one)).running).toEqual({ version: from, evidence: "reported" })
    }

    ftp.isShut = false
    ip?.desk.type("AT#OTAIPUPD")
    await until(async () => ip === undefined || (await show(ip)).update?.state === "succeeded")
    // Who does not want to wait starts another rollout.
    await rollOut()
    for (const one of members) {
      await until(async () => (await show(one)).update?.state === "succeeded")
      expect((await show(one)).running).toEqual({ version: to, evidence: "reported" })
      expect(await one.desk.ask("AT+CGMR")).toEqual(["AT+CGMR", to, "OK"])
    }
  })
})
