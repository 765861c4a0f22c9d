import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { client } from "../../src/cli/api-client.ts"
import { makeImage } from "../../src/core/families/pic32mzw1/image-tool.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { anyPort } from "../serving.ts"
import { startHere } from "../start-here.ts"

const run = promisify(execFile)
const beacon = new URL("../../demo/pic32mzw1/beacon-2.hex", import.meta.url)

let folder: string
let server: RunningServer
let manifestUrl: string
let tlsUrl: string
let image: Uint8Array

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-http-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
  await run("openssl", [...self, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert])
  const tls = { "device-https": anyPort, "device-tls-cert": cert, "device-tls-key": key }
  server = await startHere(join(folder, "data"), tls)
  const api = client(server.url, server.token)
  const device = await api.call("addDevice", { body: { id: "b1", family: "pic32mzw1", model: "v3.8" } })
  manifestUrl = device.manifestUrl ?? ""
  tlsUrl = manifestUrl.replace(/^http:\/\/[^/]+/, `https://${server.listeners["device-https"]}`)
  const query = { family: "pic32mzw1", fileName: "beacon-2.hex", version: "2" }
  const release = await api.call("publishRelease", { query, body: readFileSync(beacon) })
  await api.call("startRollout", { body: { group: null, releaseIds: [release.id] } })
  const made = makeImage({ fileName: "beacon-2.hex", bytes: readFileSync(beacon) }, {})
  if (!made.ok) throw new Error(made.faults[0]?.sentence)
  image = made.bytes
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Manifest {
  readonly ota: readonly { readonly Version: number; readonly URL: string; readonly Digest: string }[]
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex")
}

describe("programs nobody here wrote", () => {
  it("curl fetches manifest and image, and the digest matches", async () => {
    const { stdout } = await run("curl", ["-sS", "--fail", manifestUrl])
    const [entry] = (JSON.parse(stdout) as Manifest).ota
    const file = join(folder, "curl.bin")
    await run("curl", ["-sS", "--fail", "-o", file, entry?.URL ?? ""])
    expect(sha256(file)).toBe(entry?.Digest)
    expect(readFileSync(file).equals(image)).toBe(true)
  })

  it("curl resumes an image with a range, and asks with HEAD", async () => {
    const { stdout } = await run("curl", ["-sS", "--fail", manifestUrl])
    const [entry] = (JSON.parse(stdout) as Manifest).ota
    const file = join(folder, "resumed.bin")
    writeFileSync(file, image.subarray(0, 1234))
    await run("curl", ["-sS", "--fail", "-C", "-", "-o", file, entry?.URL ?? ""])
    expect(sha256(file)).toBe(entry?.Digest)
    const head = await run("curl", ["-sS", "--fail", "-I", entry?.URL ?? ""])
    expect(head.stdout).toContain(`Content-Length: ${image.length}\r\n`)
  })

  it("curl fetches over TLS, and the image's URL in the manifest is then a TLS one too", async () => {
    const { stdout } = await run("curl", ["-sS", "--fail", "--cacert", join(folder, "cert.pem"), tlsUrl])
    const [entry] = (JSON.parse(stdout) as Manifest).ota
    expect(entry?.URL).toMatch(/^https:/)
    const file = join(folder, "tls.bin")
    await run("curl", ["-sS", "--fail", "--cacert", join(folder, "cert.pem"), "-o", file, entry?.URL ?? ""])
    expect(sha256(file)).toBe(entry?.Digest)
  })

  it("Python's urllib fetches manifest and image, and the digest matches", async () => {
    const script = [
      "import hashlib, json, sys, urllib.request",
      "entry = json.load(urllib.request.urlopen(sys.argv[1]))['ota'][-1]",
      "data = urllib.request.urlopen(entry['URL']).read()",
      "assert hashlib.sha256(data).hexdigest() == entry['Digest']",
      "print(len(data), entry['Version'])",
    ].join("\n")
    const { stdout } = await run("python3", ["-c", script, manifestUrl])
    expect(stdout.trim()).toBe(`${image.length} 2`)
  })

  it("get nothing without the device's own key", async () => {
    const { origin } = new URL(manifestUrl)
    for (const path of ["/", "/d/", "/d/url-aaaaaaaaaaaaaaaaaaaa/ota.json", "/d/b1/ota.json", "/ota.json"]) {
      const { stdout } = await run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", `${origin}${path}`])
      expect(stdout, path).toBe("404")
    }
  })
})
