import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer, type RequestListener } from "node:http"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { MemoryPort } from "../core/families/memory-port.ts"
import { AtHost } from "../core/protocols/at/at-host.ts"
import { machineClock } from "./clock.ts"
import { httpTransport } from "./http-transport.ts"
import { machinePort, memoryHostPort } from "./module-port.ts"
import { openStateFolder } from "./state-folder.ts"

let folder = ""
const closers: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waft-agent-"))
})
afterEach(() => {
  for (const close of closers.splice(0)) close()
  rmSync(folder, { recursive: true })
})

const clock = machineClock()

describe("an agent's state folder", () => {
  it("keeps the last text, for its owner alone", async () => {
    const first = openStateFolder(folder)
    expect(first.store.read()).toBeNull()
    await first.store.write("one\n")
    await first.store.write("two\n")
    first.close()
    const second = openStateFolder(folder)
    expect(second.store.read()).toBe("two\n")
    second.close()
    expect(statSync(join(folder, "agent.json")).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it("is one agent's: the second is told who has it, and a lock of a process that is gone is taken over", () => {
    const first = openStateFolder(folder)
    expect(() => openStateFolder(folder)).toThrow(`in use by process ${process.pid}`)
    first.close()
    writeFileSync(join(folder, "lock"), "999999999 1")
    openStateFolder(folder).close()
  })

  it("is refused with a sentence when it is a file", () => {
    writeFileSync(join(folder, "file"), "")
    expect(() => openStateFolder(join(folder, "file"))).toThrow("cannot be the agent's state folder")
  })

  it("is not harmed by a text that was cut while it was written", async () => {
    const state = openStateFolder(folder)
    await state.store.write("whole\n")
    writeFileSync(join(folder, "agent.json.new"), "ha")
    expect(state.store.read()).toBe("whole\n")
    await state.store.write("next\n")
    expect(readFileSync(join(folder, "agent.json"), "utf8")).toBe("next\n")
    state.close()
  })
})

describe("the ports of a machine", () => {
  it("are those that are there, numbers in their order", async () => {
    for (const name of ["ttyUSB10", "ttyUSB2", "ttyS0", "ttyUSBx"]) writeFileSync(join(folder, name), "")
    const port = machinePort({ names: [join(folder, "ttyUSB*"), join(folder, "ttyS?"), join(folder, "none")] }, clock)
    const names = (await port.names()).map((name) => name.slice(folder.length + 1))
    expect(names).toEqual(["ttyUSB2", "ttyUSB10", "ttyUSBx", "ttyS0"])
  })

  it("are refused when they can be none", () => {
    for (const names of [[], [""], ["tcp://host"], ["tcp://h:99999"], ["/dev/*/x"]]) {
      expect(() => machinePort({ names }, clock), names.join()).toThrow()
    }
  })

  it("give null for a serial port that is none", async () => {
    writeFileSync(join(folder, "tty"), "")
    expect(await machinePort({ names: [join(folder, "tty")] }, clock).open(join(folder, "tty"))).toBeNull()
  })

  it("may lie behind TCP: answers come, and a connection that breaks is a port that is gone", async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on("data", () => socket.write("\r\nAG35\r\n\r\nOK\r\n"))
    })
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    closers.push(() => server.close())
    const name = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
    const port = machinePort({ names: [name] }, clock)
    expect(await port.names()).toEqual([name])
    const line = await port.open(name)
    if (line === null) throw new Error("no line")
    const host = new AtHost(line, clock)
    expect(await host.command({ text: "ATI", timeoutMs: 20_000 })).toMatchObject({ end: "ok", lines: ["AG35"] })
    for (const socket of sockets) socket.destroy()
    expect(await host.listen(20_000)).toBe("gone")
    server.close()
    expect(await port.open("tcp://127.0.0.1:1")).toBeNull()
  })

  it("may lie in this process", async () => {
    const memory = new MemoryPort()
    const port = memoryHostPort(memory, clock)
    expect(await port.names()).toEqual([])
    expect(await port.open("memory")).toBeNull()
    memory.attach()
    const line = await port.open("memory")
    if (line === null) throw new Error("no line")
    const host = new AtHost(line, clock)
    const answer = host.command({ text: "ATI", timeoutMs: 20_000 })
    expect(new TextDecoder().decode(await memory.read(100))).toBe("ATI\r")
    memory.write(new TextEncoder().encode("\r\nOK\r\n"))
    expect(await answer).toMatchObject({ end: "ok" })
    memory.detach()
    expect(await host.listen(20_000)).toBe("gone")
  })
})

describe("the agent's HTTP", () => {
  async function serve(listener: RequestListener): Promise<string> {
    const server = createHttpServer(listener)
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    closers.push(
      () => server.close(),
      () => server.closeAllConnections(),
    )
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const signal = new AbortController().signal
  const get = { method: "GET", path: "/agent/v1/work?wait=0", token: "t.s", body: null, timeoutSeconds: 20 } as const

  it("carries token, query and body, under a path of the server's", async () => {
    const heard: string[] = []
    const url = await serve((request, response) => {
      request.setEncoding("utf8").on("data", (text) => heard.push(String(text)))
      request.on("end", () => {
        heard.push(`${request.method} ${request.url} ${request.headers.authorization}`)
        response.writeHead(200, { "retry-after": "5" }).end("{}")
      })
    })
    const transport = httpTransport(`${url}/ota/`)
    expect(await transport(get, signal)).toEqual({ status: 200, body: "{}", retryAfterSeconds: 5 })
    await transport({ ...get, method: "POST", path: "/agent/v1/report", body: '{"ä":1}' }, signal)
    expect(heard).toEqual([
      "GET /ota/agent/v1/work?wait=0 Bearer t.s",
      '{"ä":1}',
      "POST /ota/agent/v1/report Bearer t.s",
    ])
  })

  it("rejects a server that is not there, an endless answer, and what is aborted", async () => {
    await expect(httpTransport("http://127.0.0.1:1")(get, signal)).rejects.toThrow("ECONNREFUSED")
    const url = await serve((_request, response) => response.end("x".repeat(100_000)))
    await expect(httpTransport(url)(get, signal)).rejects.toThrow("too long")
    const waiting = await serve(() => ending.abort())
    const ending = new AbortController()
    await expect(httpTransport(waiting)(get, ending.signal)).rejects.toThrow()
  })

  it("refuses a URL that is none", () => {
    for (const url of ["", "host:80", "ftp://host"]) expect(() => httpTransport(url)).toThrow("no server URL")
  })
})
