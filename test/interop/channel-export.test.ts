import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { exportChannel } from "../../src/cli/export-channel.ts"
import { freePort, newFolder, root, serve, type Serving } from "../serving.ts"

/** A foreign FTP server: Debian's python3-pyftpdlib, for the system's own Python. */
const program = `
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
class Handler(FTPHandler):
    def on_file_received(self, file):
        print("received", file, flush=True)
    def ftp_RNTO(self, path):
        done = super().ftp_RNTO(path)
        print("renamed", path, flush=True)
        return done
authorizer = DummyAuthorizer()
authorizer.add_user("ota", "libelium", sys.argv[1], perm="elradfmw")
Handler.authorizer = authorizer
server = FTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
print("ready", flush=True)
server.serve_forever()
`

let foreign: ChildProcess
let port: number
let server: Serving
const folder = newFolder()
const seen: string[] = []

/** The names that the foreign server has given in this round; it tells of them a little later than it answers. */
async function renames(count: number): Promise<readonly (string | undefined)[]> {
  for (;;) {
    const renamed = seen.filter((line) => line.startsWith("renamed")).map((line) => line.split("/").at(-1))
    if (renamed.length >= count) return renamed
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

beforeAll(async () => {
  port = await freePort()
  foreign = spawn("/usr/bin/python3", ["-W", "ignore", "-c", program, folder, String(port)])
  await new Promise<void>((resolve, reject) => {
    if (foreign.stdout === null) throw new Error("the foreign server has no output")
    createInterface({ input: foreign.stdout }).on("line", (line) => {
      seen.push(line)
      if (line === "ready") resolve()
    })
    foreign.once("exit", (code) => reject(new Error(`pyftpdlib ended with ${code}; is python3-pyftpdlib installed?`)))
  })
  server = await serve()
})
afterAll(async () => {
  await server.end("SIGTERM")
  foreign.kill()
})

describe("a channel exported to somebody's own FTP server", () => {
  it("puts a notice of nothing, the binary, and then its notice, each under its name only when whole", async () => {
    const { api } = server
    const release = await api.call("publishRelease", {
      query: { family: "waspmote", fileName: "greenhouse-2.hex", version: "2", options: '{"name":"GREENHS"}' },
      body: readFileSync(join(root, "demo", "waspmote", "greenhouse-2.hex")),
    })
    await api.call("setChannel", { params: { name: "field" }, body: { releaseId: release.id, version: "12" } })
    const files = await api.call("channelFiles", { params: { name: "field" } })
    for (let round = 0; round < 2; round++) {
      seen.length = 0
      await exportChannel(files, { to: `ftp://ota@127.0.0.1:${port}/demo`, password: "libelium" }, () => undefined)
      const renamed = await renames(3)
      expect(renamed).toEqual(["UPGRADE.TXT", "GREENHS", "UPGRADE.TXT"])
    }
    expect(readdirSync(join(folder, "demo")).sort()).toEqual(["GREENHS", "UPGRADE.TXT"])
    expect(readFileSync(join(folder, "demo", "UPGRADE.TXT"), "latin1")).toBe(
      `FILE:GREENHS\nPATH:/\nSIZE:${release.sizeBytes}\nVERSION:12\n`,
    )
    expect(readFileSync(join(folder, "demo", "GREENHS"))).toHaveLength(release.sizeBytes)
  })

  it("says what failed when the login is wrong", async () => {
    await expect(exportChannel([], { to: `ftp://ota:wrong@127.0.0.1:${port}/` }, () => undefined)).rejects.toThrow(
      /The export to 127.0.0.1 failed: .*530/,
    )
  })
})
