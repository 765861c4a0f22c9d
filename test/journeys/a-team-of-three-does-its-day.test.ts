import { readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { waftWith } from "../attack/run-waft.ts"
import { newFolder, root, serve, type Serving } from "../serving.ts"

let server: Serving
let desk: Server
const folder = newFolder()
const received: string[] = []

beforeAll(async () => {
  const fourEyes = ["--four-eyes", "release,rollout,roll-back"]
  server = await serve({ flags: ["--device-speed", "1000", "--webhook-allow", "127.0.0.1", ...fourEyes] })
  desk = createServer((request, response) => {
    let text = ""
    request.on("data", (chunk: Buffer) => (text += chunk.toString()))
    request.on("end", () => {
      received.push(...(JSON.parse(text) as { events: { kind: string }[] }).events.map(({ kind }) => kind))
      response.end()
    })
  })
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve))
})
afterAll(async () => {
  await server.end("SIGTERM")
  desk.closeAllConnections()
  desk.close()
})

type Person = "Ana" | "Rita" | "Olaf"

/** Ana sits at the machine of the server; the others have its address, and each a home of their own. */
function as(person: Person, ...args: readonly string[]) {
  const env =
    person === "Ana" ? { WAFT_DATA: server.data } : { WAFT_SERVER: server.url, XDG_CONFIG_HOME: join(folder, person) }
  return waftWith(env, ...args)
}

async function json<Value>(person: Person, ...args: readonly string[]): Promise<Value> {
  const { out, errors } = await as(person, ...args, "--json")
  expect(errors).toBe("")
  return JSON.parse(out) as Value
}

interface Line {
  readonly person: Person
  readonly text: string
  /** What the refusal says; null = it is done. */
  readonly refusal: string | null
}

/** The day as docs/people.md tells it. */
function day(): readonly Line[] {
  const page = readFileSync(join(root, "docs", "people.md"), "utf8")
  const block = /## A day of three[\s\S]*?```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
  let person: Person = "Ana"
  return block
    .trim()
    .split("\n")
    .flatMap((line) => {
      const named = /^# (Ana|Rita|Olaf)/.exec(line)?.[1]
      if (named !== undefined) {
        person = named as Person
        return []
      }
      const [text = "", refusal = null] = line.split("  # refused: ")
      return [{ person, text, refusal }]
    })
}

/** A virtual mote makes a contact. */
async function contact(access: { user: string; password: string }): Promise<void> {
  const where = ["--ftp", server.ftp, "--state", join(folder, "n-1")]
  const login = ["--user", access.user, "--password", access.password]
  const ran = await as("Ana", "virtual", "run", "--family", "waspmote", "--model", "wifi-pro", ...where, ...login)
  expect(ran).toMatchObject({ code: 0 })
}

const until = async (isSo: () => boolean): Promise<void> => {
  for (const from = performance.now(); !isSo(); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (performance.now() - from > 30_000) throw new Error("it does not come")
  }
}

describe("a team of three", () => {
  it("does its day by the command line, each with their own rights, as docs/people.md tells it", async () => {
    const names: Record<string, string> = {
      RITA: join(folder, "rita"),
      OLAF: join(folder, "olaf"),
      DESK: `http://127.0.0.1:${(desk.address() as AddressInfo).port}/`,
      BEFORE: join(root, "demo", "waspmote", "greenhouse-1.hex"),
      FIRMWARE: join(root, "demo", "waspmote", "greenhouse-2.hex"),
      LOG: join(folder, "log.ndjson"),
    }
    writeFileSync(names["RITA"] ?? "", "rita's own words\n")
    writeFileSync(names["OLAF"] ?? "", "olaf's own words\n")
    const releaseOf = async (version: string): Promise<string> =>
      (await json<{ id: string; version: string }[]>("Ana", "release", "list")).find((one) => one.version === version)
        ?.id ?? ""
    const after: Readonly<Record<string, () => Promise<void>>> = {
      "waft release publish $BEFORE --family waspmote --version 1": async () => {
        names["OLD"] = await releaseOf("1")
      },
      "waft release publish $FIRMWARE --family waspmote --version 2": async () => {
        names["RELEASE"] = await releaseOf("2")
      },
      "waft rollout start --release $RELEASE --group site=north": async () => {
        names["ROLLOUT"] = (await json<{ id: string }[]>("Olaf", "rollout", "list")).at(-1)?.id ?? ""
        const { ftp } = await json<{ ftp: { user: string; password: string } }>("Olaf", "device", "access", "n-1")
        // It waits for Rita: nothing is offered.
        await contact(ftp)
        expect(await json("Ana", "device", "show", "n-1")).toMatchObject({ update: { state: "waiting" } })
      },
      "waft rollout approve $ROLLOUT": async () => {
        const { ftp } = await json<{ ftp: { user: string; password: string } }>("Olaf", "device", "access", "n-1")
        await contact(ftp)
      },
      "waft rollout roll-back $ROLLOUT": async () => {
        names["BACK"] = (await json<{ id: string }[]>("Olaf", "rollout", "list")).at(-1)?.id ?? ""
        expect(names["BACK"]).not.toBe(names["ROLLOUT"])
        expect(await json("Olaf", "rollout", "show", names["ROLLOUT"] ?? "")).toMatchObject({ state: "aborted" })
      },
    }
    const lines = day()
    expect(lines.filter(({ refusal }) => refusal !== null).length).toBe(6)
    for (const { person, text, refusal } of lines) {
      const words = text.replace(/\$([A-Z]+)/g, (_, name: string) => names[name] ?? `no ${name}`).split(" ")
      expect(words[0]).toBe("waft")
      const { code, errors } = await as(person, ...words.slice(1))
      expect({ person, text, code, errors }).toMatchObject({ person, text, code: refusal === null ? 0 : 1 })
      if (refusal !== null) expect(errors).toContain(refusal)
      else await after[text]?.()
    }
    await until(() => received.filter((kind) => kind === "rollout.approved").length === 2)
    expect(received.filter((kind) => kind === "release.approved").length).toBe(2)

    const entries = await json<{ kind: string; actor: { kind: string; name: string } }[]>("Ana", "audit", "list")
    const deeds = entries.map(({ kind, actor }) => `${actor.name} ${kind}`)
    for (const deed of [
      "admin user.created",
      "rita session.opened",
      "rita release.published",
      "admin release.approved",
      "olaf device.added",
      "olaf rollout.started",
      "rita rollout.approved",
      "olaf rollout.paused",
      "admin rollout.approved",
      "admin user.removed",
    ]) {
      expect(deeds).toContain(deed)
    }
  })

  it("does the same by the API", async () => {
    const post = async (path: string, body: object, token = ""): Promise<Response> =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(body),
      })
    const admin = readFileSync(join(server.data, "admin-token"), "utf8").trim()
    const password = "nora's own words"
    const user = { name: "nora", role: "operator", group: "site=south", password }
    expect((await post("/api/users", user, admin)).status).toBe(201)
    const login = await post("/api/login", { user: "nora", password, keep: "text" })
    const { token } = (await login.json()) as { token: string }
    const mote = (id: string, site: string) => ({ id, family: "waspmote", model: "wifi-pro", labels: { site } })
    expect((await post("/api/devices", mote("s-1", "south"), token)).status).toBe(201)
    expect((await post("/api/devices", mote("n-2", "north"), token)).status).toBe(403)
    const list = await fetch(`${server.url}/api/devices`, { headers: { authorization: `Bearer ${token}` } })
    expect(((await list.json()) as { items: { id: string }[] }).items.map(({ id }) => id)).toEqual(["s-1"])
    const releases = await server.api.call("listReleases", { query: {} })
    const releaseIds = [releases.items.find(({ version }) => version === "2")?.id ?? ""]
    const started = await post("/api/rollouts", { releaseIds, group: null }, token)
    const { id, group } = (await started.json()) as { id: string; group: string }
    expect(group).toBe("site=south")
    expect((await post(`/api/rollouts/${id}/approve`, {}, token)).status).toBe(403)
    expect((await post(`/api/rollouts/${id}/approve`, {}, admin)).status).toBe(200)
    const audit = await server.api.call("listAudit", { query: { limit: 3, backwards: true, calls: true } })
    expect(audit.entries.map(({ kind, actor }) => `${actor?.name} ${kind}`)).toEqual([
      "admin rollout.approved",
      "nora rollout.started",
      "nora device.added",
    ])
  })
})
