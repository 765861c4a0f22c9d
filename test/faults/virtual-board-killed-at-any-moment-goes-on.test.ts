import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { boardImage, digestOf } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import { writeManifest } from "../../src/core/families/pic32mzw1/codec/manifest.ts"
import { runVirtual } from "../../src/virtual/main.ts"

const scratch = mkdtempSync(join(tmpdir(), "waft-board-kill-"))
const built = fileURLToPath(new URL("../../dist/virtual/main.js", import.meta.url))
const codeBytes = 300_000
let version = 1

/** A plain server: the manifest of the current version, and its image. */
const server = createServer((request, response) => {
  const image = boardImage(version, { codeBytes })
  const url = `http://127.0.0.1:${port()}/v${version}.bin`
  const manifest = writeManifest({ version, url, digest: digestOf(image), erase: false })
  const content = request.url?.endsWith(".bin") === true ? image : manifest
  response.writeHead(200, ["Content-Length", String(content.length)])
  response.end(content)
})
const port = (): number => (server.address() as AddressInfo).port

beforeAll(async () => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(scratch, { recursive: true })
})

const options = (): { family: string; model: string; state: string; server: Record<string, string> } => ({
  family: "pic32mzw1",
  model: "v3.8",
  state: join(scratch, "board"),
  server: { url: `http://127.0.0.1:${port()}/ota.json` },
})

function startBoard(): ChildProcess {
  const program = `
    const { runVirtual } = await import(${JSON.stringify(built)})
    const options = ${JSON.stringify(options())}
    await runVirtual({ ...options, signal: new AbortController().signal, log: () => undefined })`
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "ignore", "inherit"] })
}

function board() {
  return runVirtual({ ...options(), signal: new AbortController().signal, log: () => undefined })
}

it("a virtual board's process killed at any moment of an update and started again ends on a whole program", async () => {
  await board()
  for (version = 2; version < 8; version++) {
    for (const delayMs of [130, 170, 210, 250, 330]) {
      const child = startBoard()
      const exit = once(child, "exit")
      await new Promise((resolve) => setTimeout(resolve, delayMs + version * 9))
      child.kill("SIGKILL")
      await exit
    }
    await board()
    expect((await board()).running.version).toBe(String(version))
    const flash = readFileSync(join(scratch, "board", "program-flash.bin"))
    const code = boardImage(version, { codeBytes }).subarray(4096)
    expect(flash.subarray(0x21000, 0x21000 + code.length).equals(code)).toBe(true)
  }
})
