import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { runSwarm } from "../../src/virtual/main.ts"
import { packageBetween } from "../journeys/module-with-agent.ts"
import { freePort, newFolder, root, serve, type Serving } from "../serving.ts"
import { everyEvent, expectUnbroken } from "./event-log.testing.ts"
import { LyingDate } from "./lying-date.testing.ts"

// Whoever runs beside cheap devices has a clock without a battery, and gets the right date in the middle of something.

let folder: string
let date: LyingDate
let server: Serving | null = null
let ending: AbortController
const children: ChildProcess[] = []
/** What the programs said where errors go: a timer of years (TimeoutOverflowWarning) would be told there. */
const complaints: string[] = []

beforeEach(() => {
  folder = newFolder()
  date = new LyingDate(folder)
  ending = new AbortController()
  complaints.length = 0
})
afterEach(async () => {
  ending.abort()
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL")
      await new Promise((resolve) => child.once("exit", resolve))
    }
  }
  await server?.end("SIGKILL")
  server = null
  rmSync(folder, { recursive: true, force: true })
})

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** Rolls a program out to every mote; the rollout would give up a device that is silent for a minute. */
async function rollOut({ api }: Serving, version: number): Promise<void> {
  const { id } = await api.call("publishRelease", {
    query: { family: "waspmote", fileName: `greenhouse-${version}.hex`, version: String(version) },
    body: readFileSync(join(root, "demo", "waspmote", `greenhouse-${version}.hex`)),
  })
  const body = { releaseIds: [id], group: "family=waspmote", silenceTimeoutMs: 60_000 }
  const rollout = await api.call("startRollout", { body })
  let state = "running"
  await until(async () => {
    ;({ state } = await api.call("showRollout", { params: { id: rollout.id } }))
    return state !== "running"
  })
  expect(state).toBe("succeeded")
}

describe("a server whose machine's date is set to and fro", () => {
  it("brings two rollouts to their end, with kill -9 and a start in another decade in between", async () => {
    const models = ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"]
    const flags = ["--ftp", `127.0.0.1:${await freePort()}`, "--device-speed", "100"]
    const onLog = (line: string): void => void complaints.push(line)
    const start = (): Promise<Serving> => serve({ data: join(folder, "data"), flags, env: date.env, onLog })
    server = await start()
    const wanted = models.map((model, i) => ({ id: `m-${i}`, family: "waspmote", model }))
    const added = await server.api.call("importDevices", { body: wanted })
    const { ftp } = server
    const devices = added.map(({ id, ftp: access }, i) => ({
      id,
      model: models[i] ?? "4g",
      server: { ftp, user: access?.user ?? "", password: access?.password ?? "" },
    }))
    const running = new Map<string, string>()
    const swarm = runSwarm({
      family: "waspmote",
      devices,
      everyMs: 2500,
      speed: 100,
      signal: ending.signal,
      onContact: ({ id }, end) => running.set(id, end.running.version),
    })
    const wandering = date.wander(ending.signal)
    await rollOut(server, 2)
    await server.end("SIGKILL")
    server = await start()
    await rollOut(server, 3)
    const seen = await server.api.list("listDevices", {})
    ending.abort()
    await Promise.all([swarm, wandering])
    expect([...running.values()]).toEqual(models.map(() => "3"))
    expect(seen.map(({ running: { version } }) => version)).toEqual(models.map(() => "3"))
    expectUnbroken(await everyEvent(server))
    expect(complaints).toEqual([])
  })
})

/** Starts a command of the built program; its lines are kept. */
function waft(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  })
  children.push(child)
  const lines: string[] = []
  createInterface({ input: child.stderr }).on("line", (line) => complaints.push(line))
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line))
  return { child, lines }
}

describe("an agent whose machine's date is set to and fro", () => {
  it("types its command once and tells the server what came of it", async () => {
    server = await serve({ data: join(folder, "data") })
    const { api, deviceHttp } = server
    const { agent } = await api.call("addDevice", { body: { id: "gate-7", family: "quectel", model: "AG35" } })
    const release = await api.call("publishRelease", {
      query: {
        family: "quectel",
        fileName: "p.zip",
        version: "AG35CEV13",
        models: "AG35",
        options: JSON.stringify({ from: "AG35CEV12" }),
      },
      body: packageBetween("AG35", "AG35CEV12", "AG35CEV13"),
    })
    const port = join(folder, "ttyModule")
    const module = ["virtual", "run", "--family", "quectel", "--model", "AG35", "--firmware", "AG35CEV12"]
    waft({}, ...module, "--image-bytes", "9000", "--pty", port, "--speed", "40")
    mkdirSync(join(folder, "agent"))
    const access = ["--server", `http://${deviceHttp}`, "--token", agent?.token ?? "", "--speed", "20"]
    const { lines } = waft(date.env, "agent", "run", "--port", port, ...access, "--state", join(folder, "agent"))
    await until(() => lines.some((line) => line.includes("runs AG35CEV12")))
    const wandering = date.wander(ending.signal)
    await api.call("startRollout", { body: { group: null, releaseIds: [release.id] } })
    await until(async () => (await api.call("showDevice", { params: { id: "gate-7" } })).update?.state === "succeeded")
    ending.abort()
    await wandering
    expect(lines.filter((line) => line.startsWith("typing"))).toHaveLength(1)
    expect(complaints).toEqual([])
    const device = await api.call("showDevice", { params: { id: "gate-7" } })
    expect(device.running).toEqual({ version: "AG35CEV13", evidence: "reported" })
  })
})
