import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import type { OrderView, ReportBody, WorkView } from "../../src/core/contract/agent-api.ts"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import { httpTransport } from "../../src/agent/http-transport.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { runProgram, runWell } from "./run-program.ts"
import { startHere } from "../start-here.ts"

// Clients that nobody here wrote fetch packages by exactly the URLs that modules are told in AT+QFOTADL.

const [v12, v13] = ["AG35CEV12", "AG35CEV13"] as const
const vendorPackage = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 11))

let folder: string
let server: RunningServer
let api: ApiClient

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-package-urls-"))
  server = await startHere(join(folder, "data"))
  api = client(server.url, server.token)
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The host program of one module, as far as it talks to the server. */
class Host {
  readonly #token: string
  readonly #call = httpTransport(`http://${server.listeners["device-http"]}`)

  constructor(token: string) {
    this.#token = token
  }

  async work(version: string): Promise<OrderView | null> {
    const { body } = await this.#send("GET", `/agent/v1/work?version=${version}`, null)
    return (JSON.parse(body) as WorkView).order
  }

  async report(body: ReportBody): Promise<void> {
    const { status } = await this.#send("POST", "/agent/v1/report", JSON.stringify(body))
    expect(status).toBe(200)
  }

  #send(method: "GET" | "POST", path: string, body: string | null) {
    const { signal } = new AbortController()
    return this.#call({ method, path, token: this.#token, body, timeoutSeconds: 30 }, signal)
  }
}

/** A module of its own with an order to fetch over this transport. */
async function ordered(id: string, transport: "ftp" | "http"): Promise<{ host: Host; order: OrderView }> {
  const { agent } = await api.call("addDevice", { body: { id, family: "quectel", model: "AG35" } })
  const query = { family: "quectel", fileName: "p.zip", version: v13, models: "AG35" }
  const options = JSON.stringify({ from: v12, transport })
  const release = await api.call("publishRelease", { query: { ...query, options }, body: vendorPackage })
  await api.call("startRollout", { body: { group: `id=${id}`, releaseIds: [release.id] } })
  const host = new Host(agent?.token ?? "")
  const order = await host.work(v12)
  if (order === null) throw new Error("there is no order")
  expect(order.command).toBe(`AT+QFOTADL="${order.url}"`)
  expect(order.url).toMatch(new RegExp(`^${transport}://`))
  return { host, order }
}

const stateOf = async (id: string): Promise<string | undefined> =>
  (await api.call("showDevice", { params: { id } })).update?.state

interface FetchingProgram {
  readonly program: string
  readonly args: (url: string, file: string) => readonly string[]
  readonly refusal: RegExp
}

const curl = {
  program: "curl",
  args: (url: string, file: string) => ["-sS", "--fail", "--max-time", "30", "-o", file, url],
}
const lftpSettings = "set net:max-retries 1; set net:timeout 15; set cmd:fail-exit yes; set xfer:clobber yes"
const lftp = {
  program: "lftp",
  args: (url: string, file: string) => ["--norc", "-c", `${lftpSettings}; get ${url} -o ${file}`],
}

const programs: Readonly<Record<"ftp" | "http", readonly FetchingProgram[]>> = {
  ftp: [
    { ...curl, refusal: /530|denied/i },
    { ...lftp, refusal: /530|login failed/i },
  ],
  http: [
    { ...curl, refusal: /404/ },
    { ...lftp, refusal: /404/ },
  ],
}

describe.each(["ftp", "http"] as const)("the %s URL of an order", (transport) => {
  it.each(programs[transport])("gives $program every byte, and is refused once the update is over", async (witness) => {
    const { program, args, refusal } = witness
    const id = `${transport}-${program}`
    const { host, order } = await ordered(id, transport)
    await host.report({ order: order.order, state: "accepted" })
    const file = join(folder, id)
    await runWell(program, args(order.url, file))
    expect(readFileSync(file).equals(vendorPackage)).toBe(true)

    // A module whose download broke begins anew, by the same command.
    await runWell(program, args(order.url, file))
    // The server sees by itself that every byte was taken.
    await vi.waitFor(async () => expect(await stateOf(id)).toBe("downloaded"), { timeout: 20_000, interval: 100 })

    await host.report({ order: order.order, state: "verified", version: v13 })
    expect(await stateOf(id)).toBe("succeeded")
    const refused = await runProgram(program, args(order.url, join(folder, "none")))
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(refusal)
  })

  it("is another one for each module, and opens nothing else", async () => {
    const [one, two] = [await ordered(`${transport}-1`, transport), await ordered(`${transport}-2`, transport)]
    expect(one.order.url).not.toBe(two.order.url)
    const elsewhere = one.order.url.replace(/[^/]+$/, "p.zip")
    const refused = await runProgram("curl", curl.args(elsewhere, join(folder, "none")))
    expect(refused.code).not.toBe(0)
  })
})
