import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { Client } from "basic-ftp"
import { afterAll, expect, it } from "vitest"
import { client } from "../src/cli/api-client.ts"
import type { RunningServer } from "../src/server/main.ts"
import { startHere } from "./start-here.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-polls-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function poll(server: RunningServer): Promise<void> {
  const [host = "", port = ""] = (server.listeners["ftp"] ?? "").split(":")
  const ftp = new Client(20_000)
  await ftp.access({ host, port: Number(port), user: "ota", password: "libelium" })
  await ftp.downloadTo(new Writable({ write: (_chunk, _encoding, done) => done() }), "UPGRADE.TXT")
  ftp.close()
}

it("the polls of a channel are counted on after a restart, and from none when it is made anew", async () => {
  const start = () => startHere(join(folder, "data"))
  const api = (server: RunningServer) => client(server.url, server.token)
  const params = { name: "gateway" }
  const body = { family: "waspmote", user: "ota", password: "libelium" }
  let server = await start()
  await api(server).call("setChannel", { params, body })
  await poll(server)
  await poll(server)
  await server.close()
  server = await start()
  expect((await api(server).call("showChannel", { params })).polls).toBe(2)
  await poll(server)
  expect((await api(server).call("showChannel", { params })).polls).toBe(3)
  await api(server).call("removeChannel", { params })
  await api(server).call("setChannel", { params, body })
  await server.close()
  server = await start()
  expect((await api(server).call("showChannel", { params })).polls).toBe(0)
  await server.close()
})
