import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newFolder, root, serve, type Serving } from "../serving.ts"

let server: Serving
const folder = newFolder()
const motes = ["n1", "n2", "n3", "n4", "s1", "s2"]

beforeAll(async () => {
  server = await serve()
})
afterAll(() => server.end("SIGTERM"))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** Runs `waft …` as a process, with the server's data folder in the environment. */
function waft(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], {
    env: { ...process.env, WAFT_DATA: server.data },
  })
  return new Promise((resolve) => {
    let [out, error] = ["", ""]
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
    child.once("close", (code) => resolve({ code, out, error }))
  })
}

async function json<Value>(...args: readonly string[]): Promise<Value> {
  const { out, error } = await waft(...args, "--json")
  expect(error).toBe("")
  return JSON.parse(out) as Value
}

/** The page's blocks, in order. */
function blocks(): readonly { readonly language: string; readonly text: string }[] {
  const page = readFileSync(join(root, "docs", "rollouts.md"), "utf8")
  return [...page.matchAll(/```(sh|yaml)\n([\s\S]*?)```/g)].map(([, language = "", text = ""]) => ({ language, text }))
}

interface Shown {
  readonly id: string
  readonly state: string
  readonly explain: string
  readonly phases: readonly {
    readonly name: string
    readonly size: number
    readonly state: string
    readonly counts: object
  }[]
  readonly budget: { readonly bytes: number; readonly sms: number }
}

describe("the guide to rollouts", () => {
  it("says what the program does: every command and every plan of it", async () => {
    for (const id of motes) {
      const site = id.startsWith("n") ? "site=north" : "site=south"
      await json("device", "add", id, "--family", "waspmote", "--model", "wifi-pro", "--label", site)
    }
    const program = join(root, "demo", "waspmote", "greenhouse-2.hex")
    const release = await json<{ id: string }>("release", "publish", program, "--family", "waspmote", "--version", "2")
    const names: Record<string, string> = {
      RELEASE: release.id,
      DEVICE: "n1",
      PLAN: join(folder, "plan.yaml"),
      ROLLOUT: "",
    }
    const fill = (text: string): string => text.replace(/\$([A-Z]+)/g, (_, name: string) => names[name] ?? "")
    let plans = 0
    for (const { language, text } of blocks()) {
      if (language === "yaml") {
        plans++
        writeFileSync(names["PLAN"] ?? "", fill(text))
        const rehearsal = await json<{ succeeded: number; durationMs: number }>(
          "rehearse",
          names["PLAN"] ?? "",
          "--seeds",
          "1",
          "--failure",
          "0",
          "--silence",
          "0",
        )
        expect(rehearsal.durationMs, text).toBeGreaterThan(0)
        continue
      }
      for (const written of text.trim().split("\n")) {
        const line = fill(written)
        const [program_, ...args] = line.split(/ (?=(?:[^']*'[^']*')*[^']*$)/).map((word) => word.replaceAll("'", ""))
        expect(program_).toBe("waft")
        const { code, out, error } = await waft(...args)
        expect({ line, code, error }).toEqual({ line, code: 0, error: "" })
        if (args[1] === "start") names["ROLLOUT"] = /^(o-\w+):/.exec(out)?.[1] ?? "none"
      }
    }
    expect(plans).toBe(4)
  })

  it("shows a rollout to scripts by the names that stand in it", async () => {
    const rollouts = await json<Shown[]>("rollout", "list")
    const first = await json<Shown>("rollout", "show", rollouts[0]?.id ?? "")
    expect(first).toMatchObject({
      state: "aborted",
      phases: [
        { name: "canary", size: 2, state: "open", counts: { cancelled: 2 } },
        { name: "everybody", size: 2, state: "closed", counts: { cancelled: 2 } },
      ],
      budget: { bytes: 0, sms: 0 },
    })
    expect(first.explain).toContain("It was rolled back; nobody had begun")
  })

  it("refuses a plan with a mistake, names its line, and starts nothing", async () => {
    const before = (await json<Shown[]>("rollout", "list")).length
    const file = join(folder, "wrong.yaml")
    writeFileSync(file, "releases: r-x\nphases:\n  - count: some\n")
    const { code, error } = await waft("rollout", "start", "--plan", file)
    expect(code).toBe(1)
    expect(error).toContain("line 3, column 12: count must be a whole number")
    expect((await json<Shown[]>("rollout", "list")).length).toBe(before)
  })
})
