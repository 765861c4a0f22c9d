import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { imageTool } from "../../src/core/families/quectel/image-tool.ts"
import vectors from "../../src/core/families/quectel/vectors.json" with { type: "json" }
import { runVirtual } from "../../src/virtual/main.ts"
import { freshLinks } from "../fresh-link.ts"
import { freePort } from "../serving.ts"

/** The customer's own FTP server of the guide's 2.2: Debian's python3-pyftpdlib, with the user and the folder of its example. */
const ftpProgram = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
authorizer = DummyAuthorizer()
authorizer.add_user("test", "test", sys.argv[1])
FTPHandler.authorizer = authorizer
server = FTPServer(("127.0.0.1", int(sys.argv[2])), FTPHandler)
print("ready", flush=True)
server.serve_forever()
`

const scratch = mkdtempSync(join(tmpdir(), "waft-by-hand-"))
const link = join(scratch, "ttyUSB2")
const off = new AbortController()
let ended: Promise<unknown> = Promise.resolve()
let foreign: ChildProcess
let port = 0

beforeAll(async () => {
  const made = imageTool.invent?.({ version: "AG35CEV13", from: "AG35CEV12", size: "40000" })
  mkdirSync(join(scratch, "Jun"))
  writeFileSync(join(scratch, "Jun", "update-v12-to-v13.zip"), made?.ok === true ? made.bytes : "")
  port = await freePort()
  foreign = spawn("/usr/bin/python3", ["-W", "ignore", "-c", ftpProgram, scratch, String(port)])
  await new Promise<void>((resolve, reject) => {
    foreign.stdout?.once("data", () => resolve())
    foreign.once("exit", (code) => reject(new Error(`pyftpdlib ended with ${code}; is python3-pyftpdlib installed?`)))
  })
  ended = runVirtual({
    family: "quectel",
    model: "AG35",
    server: { firmware: "AG35CEV12", imageBytes: "40000" },
    speed: 4,
    doors: { pty: link },
    signal: off.signal,
    log: () => undefined,
  })
})
afterAll(async () => {
  off.abort()
  foreign.kill()
  await ended
  rmSync(scratch, { recursive: true })
})

/** What one opening of the terminal brings, from what is typed until the port vanishes or the line comes. */
async function session(typed: string, until?: string): Promise<readonly string[]> {
  const host = spawn("socat", ["-", `${link},rawer`], { stdio: ["pipe", "pipe", "ignore"] })
  let text = ""
  host.stdout.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1")
    if (until !== undefined && text.includes(`${until}\r\n`)) host.kill()
  })
  host.stdin.on("error", () => undefined)
  host.stdin.write(typed)
  await new Promise((resolve) => host.once("close", resolve))
  return text.split(/[\r\n]+/).filter((line) => line !== "")
}

/** The module is on the bus, with another terminal than before. */
const reenumerated = freshLinks(link)

it("the transcript of an AG35's update typed at a pseudo-terminal is the guide's example 3.1, line by line", async () => {
  await reenumerated()
  await session("", "+CPIN: READY")
  await reenumerated()
  const url = `ftp://test:test@127.0.0.1:${port}/Jun/update-v12-to-v13.zip`
  const download = await session(`AT+QFOTADL="${url}"\r`)
  await reenumerated()
  const upgrade = await session("")
  await reenumerated()
  const after = await session("", "+CPIN: READY")

  const [command, ...answers] = download
  expect(command).toBe(`AT+QFOTADL="${url}"`)
  // The guide prints the first percents and the last, and dots between.
  const percents = upgrade.filter((line) => line.includes("UPDATING"))
  expect(percents).toEqual(Array.from({ length: 100 }, (_, at) => `+QIND: "FOTA","UPDATING",${at + 1}`))
  const printed = upgrade.flatMap((line) => {
    const percent = Number(/UPDATING",(\d+)/.exec(line)?.[1] ?? 0)
    if (percent === 3) return ["..."]
    return percent > 3 && percent < 100 ? [] : [line]
  })
  expect([...answers, ...printed]).toEqual(vectors.ftpLines)
  expect(after).toEqual(["RDY", "+CFUN: 1", "+CPIN: READY"])

  await reenumerated()
  expect(await session("ATI\r", "OK")).toEqual(["ATI", "Quectel", "AG35", "Revision: AG35CEV13", "OK"])
})
