import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterAll, describe, expect, it } from "vitest"
import { signManifest } from "../../src/signing/release-keys.ts"
import { otaBinary } from "../../src/server/gateway/rehearsal.testing.ts"
import { newFolder, root, serve, type Serving } from "../serving.ts"

const folder = newFolder()
const file = join(folder, "PROG012")
const page = readFileSync(join(root, "docs", "signed-releases.md"), "utf8")
let server: Serving | undefined
afterAll(() => server?.end("SIGTERM"))

function run(program: string, args: readonly string[]) {
  const env = { ...process.env, WAFT_DATA: server?.data ?? "" }
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8" })
  return { code: status, out: stdout, error: stderr }
}

const waft = (...args: readonly string[]) => run(process.execPath, [join(root, "bin", "waft.js"), ...args])

function read(path: string): string {
  const { out } = run("curl", [
    "-sS",
    "--ftp-skip-pasv-ip",
    "--user",
    "m1:secret",
    `ftp://${server?.ftp ?? ""}/${path}`,
  ])
  return out
}

describe("the page about signed releases", () => {
  it("is followed: two keys, two signatures, a release that a mote fetches", async () => {
    writeFileSync(file, otaBinary("PROG012", 12))
    const names: Record<string, string> = { HOME: folder, FILE: file }
    const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, text = ""]) => text.trim().split("\n"))
    expect(lines).toHaveLength(7)
    for (const written of lines) {
      const words = written.replace(/\$([A-Z]+)/g, (_, name: string) => names[name] ?? "").split(" ")
      if (words[1] === "serve") {
        server = await serve({ flags: words.slice(2) })
        const refused = waft("release", "publish", file, "--family", "waspmote", "--version", "12")
        expect(refused).toMatchObject({
          code: 1,
          error: expect.stringMatching(/missing: \w{16} and \w{16}\./) as string,
        })
        continue
      }
      const { code, out, error } = waft(...words.slice(1))
      expect({ written, code, error: code === 0 ? "" : error }).toEqual({ written, code: 0, error: "" })
      names["RELEASE"] ??= /r-\w{8}/.exec(out)?.[0] ?? ""
      if (names["RELEASE"] === "") delete names["RELEASE"]
    }
    expect(waft("device", "add", "m1", "--family", "waspmote", "--model", "4g", "--password", "secret").code).toBe(0)
    expect(waft("rollout", "start", "--release", names["RELEASE"] ?? "", "--all").code).toBe(0)
    expect(read("UPGRADE.TXT")).toContain("PROG012")
    expect(Buffer.from(read("PROG012"), "latin1").length).toBeGreaterThan(2000)
  })

  it("is true of another program's eyes: openssl verifies what was signed, and signs what waft takes", () => {
    const { payload, signatures } = JSON.parse(readFileSync(`${file}.signatures`, "utf8")) as {
      payload: string
      signatures: { keyid: string; sig: string }[]
    }
    const manifest = Buffer.from(payload, "base64").toString()
    const type = "application/vnd.waft.release.v1+json"
    const [signed, sig] = [join(folder, "signed"), join(folder, "sig")]
    writeFileSync(signed, `DSSEv1 ${type.length} ${type} ${manifest.length} ${manifest}`)
    for (const name of ["alice", "bob"]) {
      const key = join(folder, `${name}.key.pub`)
      const der = spawnSync("sh", ["-c", `openssl pkey -pubin -in ${key} -outform DER | sha256sum`], {
        encoding: "utf8",
      })
      const keyId = der.stdout.slice(0, 16)
      writeFileSync(sig, Buffer.from(signatures.find(({ keyid }) => keyid === keyId)?.sig ?? "", "base64"))
      const args = ["pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", signed, "-sigfile", sig]
      expect(run("openssl", args)).toMatchObject({ code: 0 })
    }
    const own = join(folder, "own.key")
    expect(run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", own]).code).toBe(0)
    expect(run("openssl", ["pkeyutl", "-sign", "-inkey", own, "-rawin", "-in", signed, "-out", sig]).code).toBe(0)
    expect(signManifest(manifest, readFileSync(own, "utf8"), null).signature).toBe(readFileSync(sig).toString("base64"))
    const printed = waft("release", "sign", file, "--family", "waspmote", "--version", "12", "--print")
    expect(printed.out).toBe(readFileSync(signed, "utf8"))
  })

  it("says what is wrong before anything is signed or begun", () => {
    const alice = join(folder, "alice.key")
    expect(waft("release", "keygen", alice).error).toContain("is there already")
    const other = ["release", "sign", file, "--family", "waspmote", "--version", "13", "--key", alice]
    expect(waft(...other).error).toContain('version "12" was signed and the release has "13"')
    const noKey = ["release", "sign", file, "--family", "waspmote", "--version", "12", "--key", file]
    expect(waft(...noKey).error).toContain("holds no key in PEM that can be read")
    const serving = ["serve", "--data", newFolder(), "--release-keys", alice]
    expect(waft(...serving)).toMatchObject({ code: 2, error: expect.stringContaining("a private key") as string })
    const three = ["serve", "--data", newFolder(), "--release-keys", `${alice}.pub`, "--release-signatures", "2"]
    expect(waft(...three)).toMatchObject({ code: 2, error: expect.stringContaining("takes 1 to 1") as string })
  })

  it("is true of records that somebody changed on the disk: nothing is offered after the next start", async () => {
    const data = server?.data ?? ""
    await server?.end("SIGTERM")
    const database = new Database(join(data, "waft.db"))
    database.prepare("update releases set version = '13'").run()
    database.close()
    const flags = ["--release-keys", `${folder}/alice.key.pub,${folder}/bob.key.pub`, "--release-signatures", "2"]
    server = await serve({ data, flags })
    expect(read("UPGRADE.TXT")).toContain("NO_FILE")
    expect(waft("rollout", "list").out).toContain("paused")
    expect(waft("events").out).toContain("is not signed as this server demands")
  })
})
