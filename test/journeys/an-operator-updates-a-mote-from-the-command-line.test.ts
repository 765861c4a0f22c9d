import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newFolder, root, serve, type Serving } from "../serving.ts"

let server: Serving
const folder = newFolder()

beforeAll(async () => {
  server = await serve({ flags: ["--device-speed", "1000"] })
})
afterAll(() => server.end("SIGTERM"))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** Runs `waft …` as a process, with the server's data folder in the environment. */
function waft(...args: readonly string[]): Promise<Ended> {
  const env = { ...process.env, WAFT_DATA: server.data }
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { env })
  return new Promise((resolve) => {
    let out = ""
    let error = ""
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
    child.once("close", (code) => resolve({ code, out, error }))
  })
}

async function json<Value>(...args: readonly string[]): Promise<Value> {
  const { code, out, error } = await waft(...args, "--json")
  expect(error).toBe("")
  expect(code).toBe(0)
  return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Value
}

const program = (version: number): string => join(root, "demo", "waspmote", `greenhouse-${version}.hex`)

/** Lets a virtual mote make a contact. */
function contact(id: string, access: { user: string; password: string }, ...more: readonly string[]) {
  return json<{ code: string; words: string; running: { version: string } }>(
    ...["virtual", "run", "--family", "waspmote", "--model", "wifi-pro", "--ftp", server.ftp],
    ...["--user", access.user, "--password", access.password, "--state", join(folder, id), ...more],
  )
}

describe("an operator", () => {
  it("adds a mote, publishes, rolls out, and waits for the end", async () => {
    const device = await json<{ id: string; ftp: { user: string; password: string } }>(
      ...["device", "add", "m1", "--family", "waspmote", "--model", "wifi-pro", "--label", "site=north"],
    )
    const release = await json<{ id: string }>(
      ...["release", "publish", program(2), "--family", "waspmote", "--version", "2"],
    )
    const planned = await json<{ id: string; rows: { outcome: string }[] }>(
      ...["rollout", "plan", "--release", release.id, "--group", "site=north"],
    )
    expect(planned.rows.map(({ outcome }) => outcome)).toEqual(["update"])
    const rollout = await json<{ id: string }>("rollout", "start", "--plan-id", planned.id)
    const watching = waft("rollout", "watch", rollout.id)
    expect((await waft("device", "explain", "m1")).out).toMatch(/waits in UPGRADE.TXT/)
    expect(await contact("m1", device.ftp)).toMatchObject({ code: "0", running: { version: "2" } })
    expect(await contact("m1", device.ftp)).toMatchObject({ code: "ERROR_CODE_0028" })
    expect((await waft("device", "explain", "m1")).out).toMatch(/1 of 3 quiet polls/)
    await contact("m1", device.ftp)
    expect((await waft("device", "explain", "m1")).out).toMatch(/2 of 3 quiet polls; the next decides/)
    await contact("m1", device.ftp)
    const watched = await watching
    expect(watched.code).toBe(0)
    expect(watched.out).toMatch(/succeeded/)
    expect(await json("device", "show", "m1")).toMatchObject({
      state: "idle",
      running: { version: "2", evidence: "concluded" },
      update: { state: "succeeded", basis: "concluded" },
    })
  })

  it("is told by the exit code of watch that a rollout did not succeed", async () => {
    const release = await json<{ id: string }>(
      ...["release", "publish", program(3), "--family", "waspmote", "--version", "3"],
    )
    const rollout = await json<{ id: string }>(
      ...["rollout", "start", "--release", release.id, "--all", "--silence-timeout", "2s"],
    )
    const watched = await waft("rollout", "watch", rollout.id)
    expect(watched.code).toBe(1)
    expect(watched.out).toMatch(/no-show/)
    expect((await waft("rollout", "pause", rollout.id)).error).toMatch(/is over \(failed\)/)
  })

  it("imports devices from CSV and lists them by group", async () => {
    const file = join(folder, "motes.csv")
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, "id,family,model,user,password,site\nc1,waspmote,4g,,,south\nc2,waspmote,3g,old,login,south\n")
    await waft("device", "import", file)
    const devices = await json<{ id: string }[]>("device", "list", "--group", "site=south and model=3g")
    expect(devices.map(({ id }) => id)).toEqual(["c2"])
    expect((await waft("device", "show", "c2")).out).toMatch(/FTP user old, password login/)
    expect((await waft("device", "remove", "c1")).code).toBe(0)
  })

  it("serves the vendor gateway's login with a channel", async () => {
    const file = ["--file", program(1), "--family", "waspmote", "--version", "9"]
    await json("channel", "set", "gateway", "--user", "ota", "--password", "libelium", ...file)
    const first = await contact("gate", { user: "ota", password: "libelium" })
    expect(first).toMatchObject({ code: "0", running: { version: "9" } })
    await json("channel", "set", "gateway", "--none")
    expect(await contact("gate", { user: "ota", password: "libelium" })).toMatchObject({ code: "ERROR_CODE_0024" })
    expect(await json<{ polls: number }>("channel", "show", "gateway")).toMatchObject({ polls: 2 })
  })

  it("rolls back to an older program, which the server offers under another name", async () => {
    const release = await json<{ id: string }>(
      ...["release", "publish", program(1), "--family", "waspmote", "--version", "1"],
    )
    const { ftp } = await json<{ ftp: { user: string; password: string } }>(
      ...["device", "add", "m2", "--family", "waspmote", "--model", "wifi-pro"],
    )
    const newer = (await json<{ id: string; version: string }[]>("release", "list")).find(
      ({ version }) => version === "2",
    )
    await json("rollout", "start", "--release", newer?.id ?? "", "--group", "id=m2")
    for (let i = 0; i < 4; i++) await contact("m2", ftp)
    const start = ["rollout", "start", "--release", release.id, "--group", "id=m2", "--allow-downgrade"]
    const rollout = await json<{ id: string }>(...start)
    expect((await waft("device", "explain", "m2")).out).toMatch(/older program/)
    expect(await contact("m2", ftp)).toMatchObject({ code: "0" })
    for (let i = 0; i < 3; i++) await contact("m2", ftp)
    expect((await waft("rollout", "watch", rollout.id)).code).toBe(0)
    expect(await json("device", "show", "m2")).toMatchObject({ running: { version: "1", evidence: "concluded" } })
  })

  it.each([
    [["rollout", "start", "--release", "r-none", "--all"], 1, /There is no release r-none/],
    [["rollout", "start", "--release", "r-none"], 2, /either --all or --group/],
    [["device", "add", "x"], 2, /Required option/],
    [["device", "add", "x", "--family", "waspmote", "--model", "9g"], 1, /has no model 9g/],
    [["release", "publish", "/nowhere", "--family", "waspmote", "--version", "1"], 1, /cannot be read/],
    [["serve", "--http", "nonsense"], 2, /--http takes HOST:PORT/],
    [["lint", "/nowhere"], 1, /cannot be read/],
    [["virtual", "run", "--family", "waspmote", "--model", "4g", "--fault", "none-such"], 2, /has no fault/],
    [["no-such-command"], 2, /Unknown command/],
  ])("gets one sentence and the exit code for %j", async (args, code, sentence) => {
    const ended = await waft(...args)
    expect(ended.error).toMatch(sentence)
    expect(ended.code).toBe(code)
  })

  it("gets problem JSON with --json", async () => {
    const ended = await waft("device", "show", "nobody", "--json")
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.error)).toMatchObject({ title: "no-such-device", detail: expect.any(String) as string })
  })

  it("cannot start a second server on the same data folder", async () => {
    const ended = await waft("serve", "--data", server.data, "--http", "127.0.0.1:0", "--ftp", "127.0.0.1:0")
    expect(ended.error).toMatch(/Another waft server uses the data folder/)
    expect(ended.code).toBe(1)
  })
})
