import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { freePort, newFolder, serve, type Serving } from "../serving.ts"
import { runProgram, runWell } from "./run-program.ts"

/** OpenSSL and curl look at certificates: at all three listeners that may have one. */
const folder = newFolder()
const at = (name: string): string => join(folder, name)
let server: Serving
let devices: string
const log: string[] = []

async function make(name: string): Promise<void> {
  const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`]
  const more = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  await runWell("openssl", [...self, ...more, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)])
}

/** Puts a pair where the server reads it, one file after the other, as programs that renew certificates do. */
function put(name: string, files: readonly ("key" | "pem")[] = ["key", "pem"]): void {
  for (const ext of files) {
    copyFileSync(at(`${name}.${ext}`), at("next"))
    renameSync(at("next"), at(`now.${ext}`))
  }
}

/** The name in the certificate that a listener shows. */
async function shownAt(address: string, ...more: string[]): Promise<string> {
  const { stdout } = await runProgram("openssl", ["s_client", "-connect", address, ...more])
  const out = stdout.toString()
  return /subject=.*CN ?= ?([\w-]+)/.exec(out)?.[1] ?? out
}

const all = async (): Promise<readonly string[]> => [
  await shownAt(new URL(server.url).host),
  await shownAt(devices),
  await shownAt(server.ftp, "-starttls", "ftp"),
]
const three = (name: string): readonly string[] => [name, name, name]

beforeAll(async () => {
  for (const name of ["first", "second", "third"]) await make(name)
  put("first")
  devices = `127.0.0.1:${await freePort()}`
  const pair = (prefix: string) => [`--${prefix}-tls-cert`, at("now.pem"), `--${prefix}-tls-key`, at("now.key")]
  const flags = [...["http", "device", "ftp"].flatMap(pair), "--device-https", devices, "--log-level", "info"]
  server = await serve({ flags, onLog: (line) => log.push(line) })
})
afterAll(async () => {
  await server.end("SIGTERM")
  rmSync(folder, { recursive: true, force: true })
})

const until = async (isSo: () => Promise<boolean> | boolean): Promise<void> => {
  for (let i = 0; i < 300 && !(await isSo()); i++) await sleep(200)
}

describe("the management API over TLS", () => {
  it("answers curl, which trusts its certificate, and keeps cookies to TLS", async () => {
    const trust = ["-s", "-i", "--cacert", at("first.pem")]
    const token = readFileSync(join(server.data, "admin-token"), "utf8").trim()
    const curl = async (...args: string[]): Promise<string> =>
      (await runWell("curl", [...trust, "-H", `Authorization: Bearer ${token}`, ...args])).stdout.toString()
    expect(await curl(`${server.url}/api/me`)).toContain('"name":"admin"')
    expect(await curl("-X", "POST", `${server.url}/api/session`)).toMatch(
      /set-cookie: .*; HttpOnly; SameSite=Strict; Secure;/i,
    )
    const plain = await runProgram("curl", ["-s", "-i", server.url.replace("https", "http")])
    expect(plain.stdout.toString()).not.toContain("200 OK")
  })
})

describe("certificates", () => {
  it("are read anew when their files change, at every listener, and open connections go on", async () => {
    expect(await all()).toEqual(three("first"))
    put("second")
    await until(async () => (await all()).every((name) => name === "second"))
    expect(await all()).toEqual(three("second"))
  })

  it("stay while the files are no pair, and are told of once", async () => {
    put("third", ["pem"])
    const warnings = () => log.filter((line) => line.includes("stays as it was"))
    await until(() => warnings().length >= 3)
    await sleep(3000)
    expect(warnings()).toHaveLength(3)
    expect(await all()).toEqual(three("second"))
    put("third", ["key"])
    await until(async () => (await all()).every((name) => name === "third"))
    expect(await all()).toEqual(three("third"))
  })

  it("are read anew at SIGHUP, which ends nothing, and a file that is gone takes none away", async () => {
    const before = log.filter((line) => line.includes("was read anew")).length
    process.kill(server.pid, "SIGHUP")
    await until(() => log.filter((line) => line.includes("was read anew")).length >= before + 3)
    expect(log.filter((line) => line.includes("was read anew")).length).toBe(before + 3)
    rmSync(at("now.key"))
    process.kill(server.pid, "SIGHUP")
    await until(() => log.some((line) => line.includes("ENOENT")))
    expect(await all()).toEqual(three("third"))
  })
})

describe("a management API without TLS", () => {
  it("is warned of where it listens beyond this machine, and there alone", async () => {
    for (const [host, isWarned] of [
      ["0.0.0.0", true],
      ["127.0.0.1", false],
    ] as const) {
      const lines: string[] = []
      const flags = ["--http", `${host}:0`, "--log-level", "warn"]
      const open = await serve({ flags, onLog: (line) => lines.push(line) })
      await open.end("SIGTERM")
      expect(
        lines.some((line) => line.includes("without TLS")),
        host,
      ).toBe(isWarned)
    }
  })

  it("does not start with half a pair, or with two that do not belong together", async () => {
    writeFileSync(at("none.key"), "no key")
    for (const [files, says] of [
      [["--http-tls-cert", at("first.pem")], "go together"],
      [["--http-tls-cert", at("first.pem"), "--http-tls-key", at("second.key")], "no pair that can be used"],
      [["--http-tls-cert", at("first.pem"), "--http-tls-key", at("none.key")], "no pair that can be used"],
    ] as const) {
      const { stderr, code } = await runProgram("node", ["bin/waft.js", "config", ...files])
      expect([code, stderr]).toEqual([2, expect.stringContaining(says) as string])
    }
  })
})
