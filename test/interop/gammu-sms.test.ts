import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { MemoryPort } from "../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import type { SimCard } from "../../src/core/families/radio.ts"
import { device } from "../../src/core/families/telit/device/run.ts"
import { decodeSeptets, encodeSeptets } from "../../src/core/protocols/sms/alphabet.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { nodeNet } from "../../src/virtual/node-net.ts"
import { calmConditions } from "../../src/virtual/sms/conditions.ts"
import { type NetworkMessage, SmsNetwork } from "../../src/virtual/sms/sms-network.ts"
import { VirtualRadio } from "../../src/virtual/sms/virtual-radio.ts"
import { runWell } from "./run-program.ts"

// gammu, which nobody here wrote, at the AT port of a virtual module, through a pseudo-terminal.

const card: SimCard = { imsi: "222010000000001", number: "+393354757180", pin: null }
const friend = "+4917100000002"
const off = new AbortController()
const got: NetworkMessage[] = []
const port = new MemoryPort()
let folder = ""
let network: SmsNetwork
let bridge: Server
let terminal: ChildProcess
let running: Promise<unknown>

const gammu = async (...args: readonly string[]): Promise<string> =>
  (await runWell("gammu", ["-c", join(folder, "gammurc"), ...args])).stdout.toString()

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nodeClock.sleep(50)
}

/** A TCP port that is the module's AT port; socat makes a terminal of it. */
async function startBridge(): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    const open = port.open({ receive: (bytes) => void socket.write(bytes), vanish: () => socket.destroy() })
    socket.on("data", (bytes: Uint8Array) => open?.write(bytes))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => open?.close())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-gammu-"))
  network = new SmsNetwork({ clock: nodeClock, conditions: calmConditions, signal: off.signal })
  network.issueCard(card)
  network.attach(friend, async (message) => {
    await Promise.resolve()
    got.push(message)
    return true
  })
  const radio = new VirtualRadio(network, "22201")
  radio.insert(card)
  const storage = new MemoryStorage()
  const body = {
    clock: nodeClock,
    net: nodeNet(off.signal),
    storage,
    random: () => 0.5,
    log: () => undefined,
    port,
    radio,
  }
  const server = { key: "000102030405060708090a0b0c0d0e0f" }
  running = device.run(body, { model: "GE910", server, fault: null, speed: 100, signal: off.signal })
  await until(() => port.isAttached && radio.network() !== null)
  bridge = await startBridge()
  const link = join(folder, "modem")
  const { port: bridgePort } = bridge.address() as AddressInfo
  terminal = spawn("socat", [`PTY,link=${link},raw,echo=0`, `TCP:127.0.0.1:${bridgePort}`], { stdio: "ignore" })
  await until(() => existsSync(link))
  writeFileSync(join(folder, "gammurc"), `[gammu]\ndevice = ${link}\nconnection = at115200\n`)
})

afterAll(async () => {
  terminal.kill("SIGKILL")
  off.abort(new Error("over"))
  port.powerOff(off.signal.reason)
  await running
  bridge.close()
  rmSync(folder, { recursive: true, force: true })
})

describe("gammu at a virtual module", () => {
  it("knows what it is", async () => {
    const text = await gammu("identify")
    expect(text).toContain("Telit")
    expect(text).toContain("13.00.003")
  })

  it("sends a message in PDU mode that arrives as it was typed", async () => {
    await gammu("sendsms", "TEXT", friend, "-text", "update at noon, please")
    await until(() => got.length === 1)
    expect(got[0]).toMatchObject({ from: card.number, to: friend, coding: 0 })
    expect(decodeSeptets(got[0]?.userData.data ?? new Uint8Array(0))).toBe("update at noon, please")
  })

  it("reads a message that came, and deletes it", async () => {
    const data = encodeSeptets("all is well here") ?? new Uint8Array(0)
    network.accept({ from: friend, to: card.number, coding: 0, userData: { header: null, data }, validityMinutes: 60 })
    await until(() => network.totals.delivered === 2)
    const text = await gammu("getallsms")
    expect(text).toContain("all is well here")
    expect(text).toContain(friend)
    await gammu("deleteallsms", "1")
    expect(await gammu("getallsms")).not.toContain("all is well here")
  })
})
