import { execFile, spawn } from "node:child_process"
import { readFileSync, rmSync, statSync } from "node:fs"
import { createConnection } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"
import { Client } from "basic-ftp"
import { afterEach, beforeEach, expect, it } from "vitest"
import type { WireView } from "../../src/core/contract/schemas.ts"
import { newFolder, root, serve, type Serving } from "../serving.ts"

let data: string
let server: Serving
beforeEach(async () => {
  data = newFolder()
  server = await serve({ data })
})
afterEach(async () => {
  await server.end("SIGKILL")
  rmSync(data, { recursive: true, force: true })
})

async function waft(...args: readonly string[]): Promise<string> {
  const program = [join(root, "bin", "waft.js"), ...args, "--data", data]
  return (await promisify(execFile)(process.execPath, program, { encoding: "utf8" })).stdout
}

/** A poll as a mote makes it. */
async function poll(user: string, password: string): Promise<void> {
  const [host = "", port = ""] = server.ftp.split(":")
  const ftp = new Client()
  try {
    await ftp.access({ host, port: Number(port), user, password })
    await ftp.downloadTo(join(data, "notice"), "UPGRADE.TXT")
    await ftp.send("QUIT")
  } finally {
    ftp.close()
  }
}

/** A request as it is, with headers that no HTTP library would send. */
function ask(url: string, ...headers: readonly string[]): Promise<string> {
  const { hostname, port, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) })
    let answer = ""
    socket.on("data", (bytes: Buffer) => (answer += bytes.toString("latin1")))
    socket.once("close", () => resolve(answer)).once("error", reject)
    socket.write(
      [`GET ${pathname} HTTP/1.1`, `Host: ${hostname}`, ...headers, "Connection: close", "", ""].join("\r\n"),
    )
  })
}

/** Its contacts, once each of them is over. */
async function wire(id: string, query = {}): Promise<WireView["sessions"]> {
  for (;;) {
    const { sessions } = await server.api.call("deviceWire", { params: { id }, query })
    if (sessions.every(({ endedAt }) => endedAt !== null)) return sessions
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

it("a device's contacts can be read, searched and followed, with what is wrong and its cure, and no secret in them", async () => {
  const { ftp } = await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "4g" } })
  const { user = "", password = "" } = ftp ?? {}
  await poll(user, password)
  await poll(user, password)
  await expect(poll(user, "wrong-password-1")).rejects.toThrow()
  const board = await server.api.call("addDevice", { body: { id: "b1", family: "pic32mzw1", model: "v3.8" } })
  const url = board.manifestUrl ?? ""
  await ask(url, "Via: 1.1 gw7.carrier.example (squid)")
  const [quiet, refused] = await wire("m1")
  expect(quiet).toMatchObject({ channel: "ftp", peer: "127.0.0.1", repeats: 1 })
  const said = quiet?.lines.map(({ text }) => text) ?? []
  expect(said[0]).toBe("220 Waft FTP server ready")
  expect(said).toEqual(expect.arrayContaining([`USER ${user}`, "PASS ****", "230 Logged in"]))
  expect(said.some((text) => /^UPGRADE\.TXT: \d+ bytes, whole$/.test(text))).toBe(true)
  expect(refused?.findings.map(({ rule }) => rule)).toEqual(["wrong-password"])
  const [proxied] = await wire("b1")
  expect(proxied?.findings.map(({ rule }) => rule)).toEqual(["proxy-in-between"])
  expect(await wire("m1", { search: "no such text" })).toEqual([])
  expect(await wire("m1", { session: refused?.number })).toHaveLength(1)
  const text = await waft("device", "wire", "b1")
  expect(text).toContain("! proxy-in-between")
  expect(text).toContain("> via: 1.1 gw7.carrier.example (squid)")
  expect(await waft("device", "explain", "b1")).toContain("On the wire: A proxy passed the request on")
  const told =
    JSON.stringify([await wire("m1"), await wire("b1")]) + text + (await waft("device", "wire", "m1", "--json"))
  for (const secret of [password, "wrong-password-1", /\/d\/([^/]+)\//.exec(url)?.[1] ?? "none"]) {
    expect(secret.length).toBeGreaterThan(4)
    expect(told).not.toContain(secret)
  }
})

it("contacts are there after a restart, masked on the disk and readable by their owner alone", async () => {
  const { ftp } = await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "4g" } })
  await poll(ftp?.user ?? "", ftp?.password ?? "")
  const before = await wire("m1")
  await server.end("SIGTERM")
  const kept = join(data, "wire.ndjson")
  expect(readFileSync(kept, "utf8")).not.toContain(ftp?.password)
  expect(statSync(kept).mode & 0o077).toBe(0)
  server = await serve({ data })
  expect(await wire("m1")).toEqual(before)
})

it("who follows a device sees each contact as it comes, the same again in one line, and no secret", async () => {
  const { ftp } = await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "4g" } })
  const { user = "", password = "" } = ftp ?? {}
  const args = [join(root, "bin", "waft.js"), "device", "wire", "m1", "--follow", "--data", data]
  const following = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  let said = ""
  following.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(said)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  try {
    await poll(user, password)
    await until(/UPGRADE\.TXT: \d+ bytes, whole/)
    expect(said).toContain("> PASS ****")
    await poll(user, password)
    await until(/, and the same 1 times more/)
    await expect(poll(user, "wrong-password-1")).rejects.toThrow()
    await until(/! wrong-password \(line \d+\)/)
    // Each contact has one head of its own.
    const heads = said.split("\n").filter((line) => /^#\d+ ftp 127\.0\.0\.1 /.test(line))
    expect(new Set(heads.map((line) => line.split(" ")[0])).size).toBe(2)
    for (const secret of [password, "wrong-password-1"]) expect(said).not.toContain(secret)
  } finally {
    following.kill("SIGINT")
    await new Promise((resolve) => following.once("close", resolve))
  }
})
