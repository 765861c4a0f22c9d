import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type Socket, createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { MemoryPort } from "../core/families/memory-port.ts"
import {
  MemoryStorage,
  type OpenPort,
  type PoweredModule,
  runSwarm,
  runVirtual,
  startModule,
  WrongUse,
} from "./main.ts"
import { servePseudoTerminal } from "./pseudo-terminal.ts"

const scratch = mkdtempSync(join(tmpdir(), "waft-module-"))
afterAll(() => rmSync(scratch, { recursive: true }))

const small = { firmware: "V1", imageBytes: "4000", imei: "860000000000009" }
const options = { family: "quectel", model: "AG35", server: small, speed: 1000 }

/** A host in this process that has the port open whenever it is there. */
class Host {
  text = ""
  #open: OpenPort | null = null
  #wake: () => void = () => undefined

  constructor({ port }: PoweredModule) {
    const plug = (): void => {
      this.#open = port.open({
        receive: (bytes) => {
          this.text += Buffer.from(bytes).toString("latin1")
          this.#wake()
        },
        vanish: () => undefined,
      })
    }
    port.watch({ attached: plug })
    if (port.isAttached) plug()
  }

  type(text: string): void {
    this.#open?.write(Buffer.from(`${text}\r`))
  }

  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** A host over TCP, and what it has received. */
async function connected(
  address: string,
): Promise<{ readonly socket: Socket; readonly until: (text: string) => Promise<void> }> {
  const [host = "", port = ""] = address.split(":")
  for (;;) {
    const socket = createConnection(Number(port), host)
    let text = ""
    const failed = new Promise<"gone">((resolve) => {
      socket.on("error", () => resolve("gone"))
      socket.on("close", () => resolve("gone"))
    })
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1")
    })
    socket.write("AT\r")
    // Before the module is on the bus its door closes at once, as a device that is not there.
    const first = await Promise.race([failed, once(socket, "data").then(() => "here" as const)])
    if (first === "gone") continue
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) await Promise.race([once(socket, "data"), failed])
    }
    return { socket, until }
  }
}

describe("a module in this process", () => {
  it("answers hosts, keeps its firmware, and goes on after its power was taken", async () => {
    const storage = new MemoryStorage()
    const module = startModule({ ...options, storage })
    const host = new Host(module)
    await host.until("+CPIN: READY")
    host.type("AT+CGSN;+CGMR")
    await host.until("V1")
    expect(host.text).toContain("860000000000009")
    expect(await module.switchOff()).toMatchObject({ code: "idle", running: { version: "V1" } })
    const again = startModule({ ...options, server: {}, storage })
    const next = new Host(again)
    await next.until("+CPIN: READY")
    next.type("AT+CGMR")
    await next.until("V1")
    await again.switchOff()
  })

  it("rests beside many others, and all stop when they are switched off", async () => {
    const modules = Array.from({ length: 200 }, () => startModule(options))
    await Promise.all(modules.map((module) => new Host(module).until("+CPIN: READY")))
    const ends = await Promise.all(modules.map((module) => module.switchOff()))
    expect(ends.every(({ running }) => running.version === "V1")).toBe(true)
  })
})

describe("a module's TCP door", () => {
  it("leads to its AT port, breaks when the port leaves the bus, and is there again", async () => {
    const off = new AbortController()
    const lines: string[] = []
    let address = ""
    const listening = new Promise<void>((resolve) => {
      void runVirtual({
        ...options,
        doors: { tcp: "127.0.0.1:0" },
        signal: off.signal,
        log: (line) => {
          lines.push(line)
          address = /at (127\.0\.0\.1:\d+)\./.exec(line)?.[1] ?? address
          if (address !== "") resolve()
        },
      }).then((end) => lines.push(JSON.stringify(end)))
    })
    await listening
    const first = await connected(address)
    first.socket.write("ATI\r")
    await first.until("Revision: V1")
    const gone = once(first.socket, "close")
    first.socket.write("AT+CFUN=1,1\r")
    await gone
    const second = await connected(address)
    second.socket.write("AT+CGMR\r")
    await second.until("V1")
    const over = once(second.socket, "close")
    off.abort()
    await over
  })
})

describe("running modules", () => {
  const signal = new AbortController().signal
  const log = (): void => undefined

  it.each([
    [{}, "give --pty LINK or --tcp HOST:PORT"],
    [{ doors: { tcp: "nowhere" } }, "is no HOST:PORT"],
    [{ doors: { tcp: "127.0.0.1:99999" } }, "is no HOST:PORT"],
    [{ doors: { tcp: "127.0.0.1:0" }, everyMs: 5 }, "leave --every out"],
    [{ doors: { tcp: "127.0.0.1:0" }, fault: "gremlins" }, "has no fault"],
    [{ doors: { tcp: "127.0.0.1:0" }, server: { firmware: "a b" } }, "cannot be a firmware version"],
    [{ doors: { tcp: "127.0.0.1:0" }, server: { imei: "12" } }, "an IMEI has 15 digits"],
    [{ doors: { tcp: "127.0.0.1:0" }, model: "MINIFOTA" }, "there is no MINIFOTA in software"],
    [{ doors: { tcp: "127.0.0.1:0" }, family: "waspmote", model: "4g" }, "has no AT port"],
  ])("refuses %j as wrong use, in a sentence", async (wrong, words) => {
    const run = runVirtual({ ...options, signal, log, ...wrong })
    await expect(run).rejects.toThrow(WrongUse)
    await expect(run).rejects.toThrow(words)
  })

  it("refuses a swarm: nobody would stand at the ports", async () => {
    await expect(runSwarm({ family: "quectel", devices: [], everyMs: 1, signal })).rejects.toThrow(
      "an agent has to stand",
    )
    expect(() => startModule({ ...options, family: "waspmote", model: "4g" })).toThrow("has no AT port")
  })

  it("names socat when it is missing, and leaves files alone that are no link", async () => {
    const link = join(scratch, "tty")
    const port = new MemoryPort()
    await expect(servePseudoTerminal({ port, link, log, socat: "no-such-socat" })).rejects.toThrow("install socat")
    writeFileSync(link, "mine")
    await expect(servePseudoTerminal({ port, link, log })).rejects.toThrow("is no symbolic link")
  })
})
