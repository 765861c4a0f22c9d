import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makePatch } from "../../src/core/delta/index.ts"
import { makeFirmware } from "../../src/core/families/recovery/firmware-image.ts"

const scratch = mkdtempSync(join(tmpdir(), "waft-module-kill-"))
const built = fileURLToPath(new URL("../../dist/virtual/main.js", import.meta.url))
const sizeBytes = 64_000
const firmware = (version: string): Uint8Array => makeFirmware({ product: "AG35", version, sizeBytes })
const delta = (from: string, to: string): Uint8Array =>
  makePatch(firmware(from), firmware(to), { profile: "mcu", sectorSize: 4096 }).patch
const packages = new Map([
  ["/V1.zip", delta("V1", "V2")],
  ["/V2.zip", delta("V2", "V1")],
])

const server = createServer((request, response) => {
  const content = packages.get(request.url ?? "")
  response.writeHead(content === undefined ? 404 : 200, { "Content-Length": content?.length ?? 0 })
  response.end(content)
})

beforeAll(async () => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(scratch, { recursive: true })
})

interface Powered {
  readonly child: ChildProcess
  readonly port: number
}

/** The module in a process of its own; killing that takes its power. */
async function powerOn(): Promise<Powered> {
  const options = {
    family: "quectel",
    model: "AG35",
    server: { firmware: "V1", imageBytes: String(sizeBytes) },
    state: join(scratch, "module"),
    speed: 100,
    doors: { tcp: "127.0.0.1:0" },
  }
  const program = `
    const { runVirtual } = await import(${JSON.stringify(built)})
    const options = ${JSON.stringify(options)}
    await runVirtual({ ...options, signal: new AbortController().signal, log: (line) => console.log(line) })`
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let text = ""
  for await (const bytes of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(bytes)
    const port = /at 127\.0\.0\.1:(\d+)\./.exec(text)?.[1]
    if (port !== undefined) {
      child.stdout.resume()
      return { child, port: Number(port) }
    }
  }
  throw new Error(`the module ended: ${text}`)
}

/** One opening of the port: types a command and gives what comes until the pattern or the end of the connection. */
async function ask(port: number, command: string, until: RegExp): Promise<string> {
  const socket = createConnection(port, "127.0.0.1")
  let text = ""
  socket.on("error", () => undefined)
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1")
    if (until.test(text)) socket.destroy()
  })
  // What is typed while the module starts is lost, and nothing answers it.
  socket.setTimeout(300, () => socket.destroy())
  socket.write(`${command}\r`)
  await new Promise((resolve) => socket.once("close", resolve))
  return text
}

/** The version, once the module is in normal mode. */
async function version(port: number): Promise<string> {
  for (;;) {
    const found = /\r\n(V[12])\r\n\r\nOK/.exec(await ask(port, "AT+QGMR", /OK|ERROR/))?.[1]
    if (found !== undefined) return found
    await sleep(10)
  }
}

it("a virtual module's process killed at any moment of an update and started again ends on a whole firmware", async () => {
  let updates = 0
  for (let round = 0; round < 12; round++) {
    const before = await powerOn()
    const running = await version(before.port)
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${running}.zip`
    await ask(before.port, `AT+QFOTADL="${url}"`, /OK|ERROR/)
    // The whole update takes about a second at this speed.
    await sleep(90 * round)
    before.child.kill("SIGKILL")
    await once(before.child, "close")
    const after = await powerOn()
    const now = await version(after.port)
    expect(["V1", "V2"]).toContain(now)
    if (now !== running) updates += 1
    after.child.kill("SIGKILL")
    await once(after.child, "close")
  }
  // A kill in the download leaves the old firmware, a later one does not.
  expect(updates).toBeGreaterThan(0)
})
