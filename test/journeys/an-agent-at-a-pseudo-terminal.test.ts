import { type ChildProcess, spawn } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { newFolder, root, serve, type Serving } from "../serving.ts"
import { packageBetween } from "./module-with-agent.ts"

let folder: string
let server: Serving
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = newFolder()
  server = await serve({ data: join(folder, "data") })
})

afterEach(async () => {
  for (const child of children.splice(0)) await ended(child, "SIGKILL")
  await server.end("SIGTERM")
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a command of the built program; its lines are kept. */
function waft(...args: readonly string[]): { readonly child: ChildProcess; readonly lines: string[] } {
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] })
  children.push(child)
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line))
  }
  return { child, lines }
}

function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code))
    if (signal !== undefined) child.kill(signal)
  })
}

async function untilLine(lines: readonly string[], pattern: RegExp): Promise<void> {
  while (!lines.some((line) => pattern.test(line))) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe("an agent at a pseudo-terminal, from the command line", () => {
  it("brings its module to the new firmware, although it is killed in the middle and its port vanishes", async () => {
    const { api } = server
    const { agent } = await api.call("addDevice", { body: { id: "gate-7", family: "quectel", model: "AG35" } })
    const options = JSON.stringify({ from: "AG35CEV12" })
    const query = { family: "quectel", fileName: "p.zip", version: "AG35CEV13", models: "AG35", options }
    const body = packageBetween("AG35", "AG35CEV12", "AG35CEV13")
    const { id } = await api.call("publishRelease", { query, body })

    const port = join(folder, "ttyModule")
    const module = ["virtual", "run", "--family", "quectel", "--model", "AG35", "--firmware", "AG35CEV12"]
    waft(...module, "--image-bytes", "9000", "--pty", port, "--state", join(folder, "module"), "--speed", "20")
    writeFileSync(join(folder, "token"), `${agent?.token}\n`)
    const run = ["agent", "run", "--port", port, "--server", `http://${server.deviceHttp}`, "--speed", "10"]
    const identity = ["--token-file", join(folder, "token"), "--state", join(folder, "agent")]

    const first = waft(...run, ...identity)
    await untilLine(first.lines, /AG35 \d{15} runs AG35CEV12$/)
    await api.call("startRollout", { body: { group: null, releaseIds: [id] } })
    await untilLine(first.lines, /"FTPSTART"/)
    await ended(first.child, "SIGKILL")

    const second = waft(...run, ...identity, "--once")
    expect(await ended(second.child), second.lines.join("\n")).toBe(0)
    expect([...first.lines, ...second.lines].filter((line) => line.startsWith("typing"))).toHaveLength(1)
    const device = await api.call("showDevice", { params: { id: "gate-7" } })
    expect(device.running).toEqual({ version: "AG35CEV13", evidence: "reported" })
    expect(device.update?.state).toBe("succeeded")
  })

  it("says with --once that there is nothing to do, and who has the state folder", async () => {
    const { agent } = await server.api.call("addDevice", { body: { id: "m", family: "quectel", model: "AG35" } })
    const port = join(folder, "ttyModule")
    const module = ["virtual", "run", "--family", "quectel", "--model", "AG35", "--firmware", "AG35CEV12"]
    waft(...module, "--image-bytes", "9000", "--pty", port, "--speed", "50")
    const run = [
      "agent",
      "run",
      "--port",
      port,
      "--server",
      `http://${server.deviceHttp}`,
      "--token",
      agent?.token ?? "",
    ]
    const state = ["--state", join(folder, "agent"), "--speed", "10"]
    const standing = waft(...run, ...state)
    await untilLine(standing.lines, /runs AG35CEV12$/)
    const refused = waft(...run, ...state, "--once")
    expect(await ended(refused.child)).toBe(1)
    expect(refused.lines.join("\n")).toMatch(/in use by process \d+; every agent needs a state folder of its own/)
    await ended(standing.child, "SIGTERM")
    const third = waft(...run, ...state, "--once")
    expect(await ended(third.child), third.lines.join("\n")).toBe(0)
    expect(third.lines.at(-1)).toBe("Nothing to do for AG35CEV12.")
  })
})
