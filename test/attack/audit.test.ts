import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { runProgram } from "../interop/run-program.ts"
import { serve, type Serving } from "../serving.ts"
import { waft } from "./run-waft.ts"

const running: Serving[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
})

async function start(data?: string): Promise<Serving> {
  const server = await serve(data === undefined ? {} : { data })
  running.push(server)
  return server
}

interface Told {
  readonly seq: number
  readonly actor: { readonly name: string }
  readonly from: string
  readonly kind: string
  readonly changes: readonly object[]
}

/** The whole algorithm, in another language. */
const inPython = `
import hashlib, json, sys
def text(previous, e):
    actor = e["actor"] and ":".join(x for x in (e["actor"]["kind"], e["actor"]["name"]) if x is not None)
    changes = [[c["record"], c["field"], c["before"], c["after"]] for c in e["changes"]]
    row = [e["seq"], e["at"], e["kind"], actor, e["from"], e["deviceId"], e["rolloutId"], e["releaseId"],
           e["basis"], e["sentence"], e["data"], changes]
    return previous + "\\n" + json.dumps(row, separators=(",", ":"), ensure_ascii=False)
lines = [json.loads(line) for line in sys.stdin]
seal = lines[0]["start"]["seal"]
for entry in lines[1:-1]:
    seal = hashlib.sha256(text(seal, entry).encode()).hexdigest()
    assert seal == entry["seal"], entry["seq"]
assert lines[-1]["end"] == {"seq": lines[-2]["seq"], "seal": seal}
print(len(lines) - 2)
`

describe("the audit log", () => {
  it("says who did what, from where, and what it changed; an export verifies elsewhere, by other programs too", async () => {
    const { data, url } = await start()
    const at = ["--data", data]
    const token = JSON.parse((await waft("token", "add", "ci", "--role", "operator", ...at, "--json")).out) as {
      token: string
    }
    const call = (path: string, body: object) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token.token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      })
    await call("/api/devices", { id: "m-1", family: "waspmote", model: "4g", labels: { site: "Città" } })
    await call("/api/devices/m-1/set", { running: "3" })
    const list = await waft("audit", "list", ...at, "--json")
    expect(JSON.parse(list.out) as Told[]).toMatchObject([
      { kind: "token.created", actor: { name: "admin" }, from: "local" },
      { kind: "device.added", actor: { name: "ci" }, from: "127.0.0.1", changes: [] },
      {
        kind: "device.set",
        actor: { name: "ci" },
        changes: [{ record: "device m-1", field: "running", before: null, after: "3" }],
      },
    ])
    expect((await waft("audit", "list", ...at)).out).toContain("device m-1: running - -> 3")

    const file = join(data, "log.ndjson")
    const exported = await waft("audit", "export", file, ...at)
    expect(exported.errors).toContain("3 events were written")
    expect(await waft("audit", "verify", file)).toMatchObject({ code: 0 })
    const text = readFileSync(file, "utf8")
    expect(text).not.toContain(token.token.split("_")[2])
    const python = await runProgram("python3", ["-c", inPython], { input: text })
    expect(python).toMatchObject({ code: 0, stderr: "" })
    expect(python.stdout.toString().trim()).toBe("3")

    const head = /head (\S+)/.exec((await waft("audit", "verify", ...at)).out)?.[1] ?? ""
    await call("/api/devices/m-1/set", { running: "4" })
    expect(await waft("audit", "verify", "--head", head, ...at)).toMatchObject({ code: 0 })
    const other = `${head.slice(0, -1)}${head.endsWith("0") ? "1" : "0"}`
    expect((await waft("audit", "verify", "--head", other, ...at)).code).toBe(1)

    const lines = text.trimEnd().split("\n")
    const verifyLines = async (changed: readonly string[]): Promise<string> => {
      writeFileSync(file, `${changed.join("\n")}\n`)
      const { code, errors } = await waft("audit", "verify", file)
      expect(code).toBe(1)
      return errors
    }
    expect(await verifyLines(lines.with(2, (lines[2] ?? "").replace("m-1", "m-2")))).toContain("event 2 (device.added)")
    expect(await verifyLines(lines.slice(0, -1))).toContain("without its last line")
    expect(await verifyLines(lines.toSpliced(2, 1))).toContain("event 2 is missing")
    expect(await verifyLines(["{}"])).toContain("no export of an audit log")
    expect((await waft("audit", "verify", join(data, "none"))).errors).toMatch(/^waft: \S+ cannot be read/)
  })

  it("names the event when a byte in the database is another", async () => {
    const first = await start()
    for (const id of ["m-1", "m-2", "m-3"]) {
      await first.api.call("addDevice", { body: { id, family: "waspmote", model: "4g" } })
    }
    const { data } = first
    await first.end("SIGTERM")
    const sentence = "m-2 was added"
    const flipped = readdirSync(data).filter((name) => flip(join(data, name), sentence))
    expect(flipped).toEqual(["waft.db"])
    await start(data)
    const verified = await waft("audit", "verify", "--data", data)
    expect(verified).toMatchObject({ code: 1, out: "" })
    expect(verified.errors).toContain("event 2 (device.added)")
    const json = await waft("audit", "verify", "--data", data, "--json")
    expect(JSON.parse(json.errors)).toMatchObject({ title: "audit-broken" })
  })
})

/** Flips the lowest bit of the last byte of a text in a file; false = it is not in there. */
function flip(file: string, text: string): boolean {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    return false
  }
  const at = bytes.indexOf(text)
  if (at < 0) return false
  const last = at + text.length - 1
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last)
  writeFileSync(file, bytes)
  return true
}
