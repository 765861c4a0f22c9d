import { type ChildProcess, spawn } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { newFolder, root, serve, type Serving } from "../serving.ts"

const [v12, v13, v14] = ["AG35CEV12", "AG35CEV13", "AG35CEV14"] as const
const imageBytes = "20000"

let folder: string
let server: Serving
const standing: ChildProcess[] = []

beforeEach(async () => {
  folder = newFolder()
  server = await serve({ data: join(folder, "data") })
})

afterEach(async () => {
  for (const child of standing.splice(0)) {
    child.kill("SIGTERM")
    await endOf(child)
  }
  await server.end("SIGTERM")
  rmSync(folder, { recursive: true, force: true })
})

const file = (name: string): string => join(folder, name)

function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once("close", (code) => resolve(code)))
}

/** Starts `waft …` as a process, with the server's data folder in the environment; its lines are kept. */
function start(...args: readonly string[]): { readonly child: ChildProcess; readonly lines: string[] } {
  const env = { ...process.env, WAFT_DATA: server.data }
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { env, stdio: "pipe" })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line))
  }
  return { child, lines }
}

/** Runs `waft …` to its end, which must be a good one; gives what it printed. */
async function waft(...args: readonly string[]): Promise<string> {
  const { child, lines } = start(...args)
  const code = await endOf(child)
  expect(code, `waft ${args.join(" ")}: ${lines.join("\n")}`).toBe(0)
  return lines.join("\n")
}

async function json<Value>(...args: readonly string[]): Promise<Value> {
  return JSON.parse(await waft(...args, "--json")) as Value
}

/** Starts a program that stays; resolves at the line that matches. */
async function stay(pattern: RegExp, ...args: readonly string[]): Promise<RegExpExecArray & { lines: string[] }> {
  const { child, lines } = start(...args)
  standing.push(child)
  for (;;) {
    for (const line of lines) {
      const match = pattern.exec(line)
      if (match !== null) return Object.assign(match, { lines })
    }
    if (child.exitCode !== null) throw new Error(`waft ${args.join(" ")} ended: ${lines.join("\n")}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const firmware = (version: string): Promise<string> =>
  waft(
    ...["image", "make", "--family", "quectel", "--model", "AG35", "--version", version],
    ...["--size", imageBytes, "--output", file(version)],
  )

/** Makes a delta that the module applies over its own firmware, and publishes it; gives the release's id. */
async function publishDelta(from: string, to: string): Promise<string> {
  const out = file(`${from}-${to}.zip`)
  await waft("delta", "make", file(from), file(to), "--in-place", "--profile", "mcu", "--out", out)
  return publish(from, to, out)
}

/** Makes a package that holds the whole firmware, and publishes it; gives the release's id. */
async function publishWhole(from: string, to: string): Promise<string> {
  const out = file(`${from}-${to}.bin`)
  await waft(
    ...["image", "make", "--family", "quectel", "--model", "AG35", "--version", to, "--from", from],
    ...["--size", imageBytes, "--output", out],
  )
  return publish(from, to, out)
}

async function publish(from: string, to: string, path: string): Promise<string> {
  const pair = ["--from", from, "--to", to]
  return (await json<{ id: string }>("release", "publish", path, "--family", "quectel", "--model", "AG35", ...pair)).id
}

/** A module in a process of its own, and the agent at its TCP port in another. */
async function moduleWithAgent(token: string): Promise<readonly string[]> {
  const [, port = ""] = await stay(
    /AT port is at (\S+:\d+)\.?$/,
    ...["virtual", "run", "--family", "quectel", "--model", "AG35", "--firmware", v12, "--image-bytes", imageBytes],
    ...["--tcp", "127.0.0.1:0", "--state", file("module"), "--speed", "20"],
  )
  writeFileSync(file("token"), `${token}\n`)
  const { lines } = await stay(
    new RegExp(`runs ${v12}$`),
    ...["agent", "run", "--port", `tcp://${port}`, "--server", `http://${server.deviceHttp}`],
    ...["--token-file", file("token"), "--state", file("agent"), "--speed", "10"],
  )
  return lines
}

const rollOut = (release: string, ...more: readonly string[]): Promise<string> =>
  waft("rollout", "start", "--release", release, "--group", "id=gate-7", "--watch", ...more)

const running = async (): Promise<unknown> => (await json<{ running: unknown }>("device", "show", "gate-7")).running

describe("an operator with a command line", () => {
  it("brings a module to a release two hops away, and back by the reverse packages", async () => {
    const device = await json<{ agent: { token: string } }>(
      ...["device", "add", "gate-7", "--family", "quectel", "--model", "AG35"],
    )
    for (const version of [v12, v13, v14]) await firmware(version)
    const lines = await moduleWithAgent(device.agent.token)

    await publishDelta(v12, v13)
    const up = await publishWhole(v13, v14)
    expect(await rollOut(up)).toMatch(/succeeded/)
    expect(await running()).toEqual({ version: v14, evidence: "reported" })
    expect(await waft("device", "explain", "gate-7")).toContain(`the module itself says that it runs ${v14}`)

    // No package leads back yet: the server says so, and nothing is typed.
    const down = await publishDelta(v13, v12)
    const plan = ["rollout", "plan", "--release", down, "--group", "id=gate-7"] as const
    expect(await waft(...plan)).toContain("--allow-downgrade")
    const impossible = await waft(...plan, "--allow-downgrade")
    expect(impossible).toContain(`No package leads from ${v14}, which it runs, to ${v12}`)

    await publishDelta(v14, v13)
    const back = (await json<{ id: string; version: string }[]>("release", "list")).find(
      ({ version }) => version === v12,
    )
    expect(await rollOut(back?.id ?? "", "--allow-downgrade")).toMatch(/succeeded/)
    expect(await running()).toEqual({ version: v12, evidence: "reported" })
    expect(await waft("device", "explain", "gate-7")).toContain(`the module itself says that it runs ${v12}`)
    expect(lines.filter((line) => line.startsWith("typing"))).toHaveLength(4)
  })
})
