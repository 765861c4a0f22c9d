import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { CauseView, RolloutView, UpdateView } from "../../src/core/contract/schemas.ts"
import { newFolder, root, serve, type Serving } from "../serving.ts"

const data = newFolder()
let server: Serving
const flags = ["--device-speed", "1000"]

beforeAll(async () => {
  server = await serve({ data, flags })
  for (const [id, model] of [
    ["m-1", "4g"],
    ["m-2", "4g"],
    ["m-3", "wifi-pro"],
  ] as const) {
    await server.api.call("addDevice", { body: { id, family: "waspmote", model } })
  }
})
afterAll(() => server.end("SIGTERM"))

interface Running {
  readonly child: ChildProcess
  readonly said: (text: string) => Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly error: string }>
}

/** Runs `waft …` at the server's machine. */
function waft(...args: readonly string[]): Running {
  const env = { ...process.env, WAFT_DATA: data }
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { env })
  let [out, error] = ["", ""]
  const listeners = new Set<() => void>()
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString()
    for (const listener of listeners) listener()
  })
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
  const ended = new Promise<Awaited<Running["ended"]>>((resolve) =>
    child.once("close", (code) => resolve({ code, out, error })),
  )
  const said = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => (out.includes(text) ? resolve() : undefined)
      listeners.add(look)
      look()
    })
  return { child, said, ended }
}

async function rollout(version: string): Promise<string> {
  const publish = ["release", "publish", join(root, "demo", "waspmote", "greenhouse-2.hex"), "--family", "waspmote"]
  const { out } = await waft(...publish, "--version", version, "--json").ended
  const { id } = JSON.parse(out) as { readonly id: string }
  const again = ["--again", "--take-over", "--json"]
  const started = await waft("rollout", "start", "--release", id, "--all", "--silence-timeout", "1h", ...again).ended
  expect(started.error).toBe("")
  return (JSON.parse(started.out) as RolloutView).id
}

describe("who watches a rollout", () => {
  it("goes on watching when the server is stopped and started anew, and is told why each device is not done", async () => {
    const id = await rollout("2")
    const watching = waft("rollout", "watch", id)
    await watching.said("3 devices")
    await server.end("SIGTERM")
    // Long enough that it was asked for in vain.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    server = await serve({ data, flags })
    await server.api.call("abortRollout", { params: { id } })
    const { code, out, error } = await watching.ended
    expect([code, error]).toEqual([1, ""])
    expect(out).toContain(`${id}: aborted (3 cancelled)`)
    expect(out).toMatch(/DEVICES +STATE +REASON +MODELS +EXAMPLE +WHY/)
    expect(out).toMatch(/^3 +cancelled +- +2 waspmote\/4g, 1 waspmote\/wifi-pro|^3 +cancelled +- +2 4g, 1 wifi-pro/m)
  })

  it("has an exit code of its own when the server is lost from sight", async () => {
    const id = await rollout("3")
    const watching = waft("rollout", "watch", id, "--for", "2s")
    await watching.said("3 devices")
    await server.end("SIGKILL")
    const { code, error } = await watching.ended
    expect([code, error]).toEqual([
      3,
      expect.stringMatching(new RegExp(`^waft: Lost sight of ${id}: .*may go on`)) as string,
    ])
    server = await serve({ data, flags })
    await server.api.call("abortRollout", { params: { id } })
    const { out } = await waft("rollout", "show", id, "--json").ended
    const shown = JSON.parse(out) as RolloutView & { causes: CauseView[]; updates: UpdateView[] }
    expect(shown.causes).toMatchObject([{ state: "cancelled", devices: 3 }])
    expect(shown.updates.length).toBe(3)
  })

  it("finds the devices of one state and one reason, and is told where none is so", async () => {
    const { out } = await waft("rollout", "list", "--json").ended
    const id = (JSON.parse(out) as RolloutView[])[0]?.id ?? ""
    const cancelled = await waft("rollout", "show", id, "--state", "cancelled", "--json").ended
    expect((JSON.parse(cancelled.out) as { updates: unknown[] }).updates).toHaveLength(3)
    const none = await waft("rollout", "show", id, "--reason", "ERROR_CODE_0010").ended
    expect(none.out).toContain("None of its devices is so: they are 3 cancelled.")
    const wrong = await waft("rollout", "show", id, "--state", "lost").ended
    expect([wrong.code, wrong.error]).toEqual([2, expect.stringContaining("Allowed choices are") as string])
  })

  it("reads the server's own status in a problem's JSON", async () => {
    const { code, error } = await waft("rollout", "show", "o-none", "--json").ended
    expect([code, JSON.parse(error)]).toEqual([
      1,
      expect.objectContaining({ title: "no-such-rollout", status: 404, exitCode: 1 }) as object,
    ])
  })
})
