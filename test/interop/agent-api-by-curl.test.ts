import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { startHere } from "../start-here.ts"

const run = promisify(execFile)

/** The shell examples of docs/agent-api.md that call the server, in their order, as they are printed there. */
const [enrol = "", work = "", reports = ""] = [
  ...readFileSync(new URL("../../docs/agent-api.md", import.meta.url), "utf8").matchAll(/```sh\n([^]*?)```/g),
]
  .map(([, text = ""]) => text)
  .filter((text) => text.includes("curl "))

let folder: string
let server: RunningServer
let api: ApiClient
let environment: Record<string, string>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-curl-"))
  server = await startHere(join(folder, "data"))
  api = client(server.url, server.token)
  environment = { PATH: process.env["PATH"] ?? "", SERVER: `http://${server.listeners["device-http"]}` }
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs an example in a shell; gives the JSON answers, one for each curl. */
async function shell(example: string): Promise<Record<string, unknown>[]> {
  const { stdout } = await run("sh", ["-ec", example], { env: environment })
  return stdout
    .replaceAll("}{", "}\n{")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe("a host program that follows docs/agent-api.md with curl", () => {
  it("enrols, gets its order once it is accepted, and reports its update to the end", async () => {
    const { token } = await api.call("createEnrolment", { body: { family: "quectel" } })
    environment["ENROLMENT"] = token ?? ""
    const [enrolled] = await shell(enrol)
    expect(enrolled).toMatchObject({ id: "866758040000012", admission: "pending" })
    expect(await shell(enrol)).toEqual([enrolled])
    environment["TOKEN"] = String(enrolled?.["token"])

    await api.call("acceptDevice", { params: { id: "866758040000012" } })
    const options = JSON.stringify({ from: "AG35CEV12" })
    const query = { family: "quectel", fileName: "p.zip", version: "AG35CEV13", models: "AG35", options }
    const { id } = await api.call("publishRelease", { query, body: new TextEncoder().encode("PK a package") })
    await api.call("startRollout", { body: { group: null, releaseIds: [id] } })

    const [answer] = await shell(work)
    const order = answer?.["order"] as { readonly order: string; readonly command: string; readonly url: string }
    expect(order.command).toBe(`AT+QFOTADL="${order.url}"`)
    const fetched = await run("curl", ["-sS", "--fail", order.url])
    expect(fetched.stdout).toBe("PK a package")

    environment["ORDER"] = order.order
    expect(await shell(reports)).toEqual([{ order: "open" }, { order: "open" }, { order: "open" }, { order: "over" }])
    const device = await api.call("showDevice", { params: { id: "866758040000012" } })
    expect(device.running).toEqual({ version: "AG35CEV13", evidence: "reported" })
    expect(device.update?.state).toBe("succeeded")
  })

  it("is refused with a sentence when its token is wrong", async () => {
    environment["TOKEN"] = "nobody.nothing"
    const [problem] = await shell(work)
    expect(problem).toMatchObject({ status: 401, title: "bad-agent-token" })
  })
})
