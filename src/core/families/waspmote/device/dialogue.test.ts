import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { MemoryStorage } from "../../memory-storage.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
import { type SmallFtpOptions, startSmallFtpServer } from "../../testing/small-ftp-server.testing.ts"
import { testBody } from "../../testing/test-body.testing.ts"
import { ftp } from "../server/ftp.ts"
import { publish } from "../server/publish.ts"
import { device } from "./run.ts"

const published = publish({
  fileName: "PROG001.hex",
  bytes: readFileSync(new URL("../../../../../demo/waspmote/greenhouse-1.hex", import.meta.url)),
  version: "5",
  models: [],
  options: {},
})
const image = published.ok ? published.image : new Uint8Array(0)

interface Told {
  readonly code: string
  /** FTP commands in their order, data addresses left out. */
  readonly commands: readonly string[]
  readonly lines: readonly string[]
  /** How long it took by the mote's own clock, ms. */
  readonly tookMs: number
}

/** One update of a mote, told from the wire. */
async function update(model: string, options: SmallFtpOptions & { readonly speed?: number } = {}): Promise<Told> {
  const net = new MemoryNet()
  const server = startSmallFtpServer(net, { aliases: [".gprs"], ...options })
  const offer = { programId: "PROG001", versionByte: 5, release: "5" }
  for (const file of ftp.files({ offer, image: { sha256: "", sizeBytes: image.length } })) {
    server.files.set(file.name, file.role === "notice" ? file.content : image)
  }
  const body = testBody({ net, storage: new MemoryStorage() })
  const { code } = await device.run(body, {
    model,
    server: { ftp: `127.0.0.1:${server.port}`, user: "ota", password: "libelium" },
    fault: null,
    speed: options.speed ?? 1,
    signal: new AbortController().signal,
  })
  const commands = server.commands.map((line) => line.replace(/^PORT .*/, "PORT"))
  return { code, commands, lines: body.lines, tookMs: body.clock.now() }
}

const login = ["USER ota", "PASS", "TYPE I"]

describe("what a modem says to the server in one update", () => {
  it("4G: two sessions, two sizes, two downloads, passive, by bare name", async () => {
    const session = (name: string): string[] => [...login, `SIZE ${name}`, "PASV", `RETR ${name}`, "QUIT"]
    expect((await update("4g")).commands).toEqual([...session("UPGRADE.TXT"), ...session("PROG001")])
  })

  it("WiFi PRO: one session, active mode first, the program by its path", async () => {
    expect((await update("wifi-pro")).commands).toEqual([
      ...login,
      ...["SIZE UPGRADE.TXT", "PORT", "RETR UPGRADE.TXT", "SIZE /PROG001", "PORT", "RETR /PROG001", "QUIT"],
    ])
  })

  it("WiFi PRO: falls back to passive mode when the server knows no PORT", async () => {
    const { code, commands } = await update("wifi-pro", { unknown: ["PORT"] })
    expect(code).toBe("0")
    expect(commands).toEqual([
      ...login,
      ...["SIZE UPGRADE.TXT", "PORT", "PASV", "RETR UPGRADE.TXT"],
      ...["SIZE /PROG001", "PORT", "PASV", "RETR /PROG001", "QUIT"],
    ])
  })

  it("3G: LIST with the whole path, then a fetch whose path has lost its slash, each in a session of its own", async () => {
    const fetch = (name: string): string[] => [
      ...[...login, "PASV", `LIST /${name}`, "QUIT"],
      ...[...login, "PASV", `RETR ${name}`, "QUIT"],
    ]
    expect((await update("3g")).commands).toEqual([...fetch("UPGRADE.TXT"), ...fetch("PROG001")])
  })

  it("3G: goes without the size when the server knows no LIST", async () => {
    expect((await update("3g", { unknown: ["LIST"] })).code).toBe("1")
  })

  it("GPRS_Pro: asks the size twice, changes into .gprs, and names the file with its slash", async () => {
    const fetch = (path: string, name: string): string[] => [
      ...[...login, `CWD ${path}`, `SIZE ${name}`, "QUIT"],
      ...[...login, `CWD ${path}`, `SIZE ${name}`, "QUIT"],
      ...[...login, `CWD ${path}`, "PASV", `RETR ${name}`, "QUIT"],
    ]
    expect((await update("gprs-pro")).commands).toEqual([
      ...fetch(".gprs", "/UPGRADE.TXT"),
      ...fetch(".gprs/", "/PROG001"),
    ])
  })

  it("GPRS+GPS: sends directory and name as one path", async () => {
    const { commands } = await update("gprs-gps")
    expect(commands.filter((line) => line.startsWith("RETR"))).toEqual([
      "RETR .gprs/UPGRADE.TXT",
      "RETR .gprs//PROG001",
    ])
  })
})

describe("how long a modem takes", () => {
  it.each([
    // Four pauses of 2 s around FTPTYPE, and 1.2 kB at 115200 baud.
    ["4g", 8000],
    // A pause of 10 s before each of two fetches, and 10 s between the files.
    ["3g", 30_000],
    // 1.1 kB at 9600 baud.
    ["wifi-pro", 1200],
    ["gprs-pro", 100],
  ])("%s waits %i ms and little more, and a hundredth of it at speed 100", async (model, leastMs) => {
    const real = await update(model)
    expect(real.tookMs).toBeGreaterThanOrEqual(leastMs)
    expect(real.tookMs).toBeLessThan(leastMs + 1500)
    expect((await update(model, { speed: 100 })).tookMs).toBeLessThanOrEqual(real.tookMs / 100)
  })

  it("and its AT commands stand in the sketch's log, without the password", async () => {
    const { lines } = await update("4g")
    expect(lines[0]).toBe("checkNewProgram: 2 (normal starting)")
    expect(lines.filter((line) => line.startsWith("AT#FTPOPEN"))).toHaveLength(2)
    expect(lines.join("\n")).not.toContain("libelium")
  })
})
