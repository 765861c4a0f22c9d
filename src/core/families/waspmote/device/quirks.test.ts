import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import type { RunEnd } from "../../family.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
import { startSmallFtpServer } from "../../testing/small-ftp-server.testing.ts"
import { testBody } from "../../testing/test-body.testing.ts"
import { publish } from "../server/publish.ts"
import { Eeprom } from "./eeprom.ts"
import { device } from "./run.ts"

const published = publish({
  fileName: "PROG001.hex",
  bytes: readFileSync(new URL("../../../../../demo/waspmote/greenhouse-1.hex", import.meta.url)),
  version: "5",
  models: [],
  options: {},
})
const image = published.ok ? published.image : new Uint8Array(0)

/** A mote before an FTP folder that somebody filled by hand. */
class HandMade {
  readonly storage = new MemoryStorage()
  readonly #net = new MemoryNet()
  readonly #server = startSmallFtpServer(this.#net, { aliases: [".gprs"] })

  constructor(notice: string) {
    this.write(notice)
    this.#server.files.set("PROG001", image)
  }

  write(notice: string): void {
    this.#server.files.set("UPGRADE.TXT", latin1(notice))
  }

  /** Programs in EEPROM what the mote last asked for. */
  async holds(programId: string, version: number): Promise<void> {
    await this.run("4g", "normal-start")
    const eeprom = await Eeprom.of(this.storage)
    await eeprom.setId("requestedId", programId)
    await eeprom.setByte("version", version)
    await eeprom.setByte("versionBackup", version)
  }

  run(model: string, fault: string | null = null): Promise<RunEnd> {
    return device.run(testBody({ net: this.#net, storage: this.storage }), {
      model,
      server: { ftp: `127.0.0.1:${this.#server.port}`, user: "ota", password: "libelium" },
      fault,
      speed: 1,
      signal: new AbortController().signal,
    })
  }

  /** The file it asked for last: its content, or its size where it got no further. */
  get asked(): string | undefined {
    return this.#server.commands
      .filter((line) => /^(RETR|SIZE) /.test(line))
      .at(-1)
      ?.slice(5)
  }

  async onCard(name: string): Promise<number | null> {
    return (await this.storage.files("sd")).size(name)
  }
}

const notice = (more: { readonly path?: string; readonly version?: number; readonly size?: number } = {}): string =>
  `FILE:PROG001\nPATH:${more.path ?? "/"}\nSIZE:${more.size ?? image.length}\nVERSION:${more.version ?? 5}\n`

describe("PATH with a sub-folder", () => {
  it("is ignored by 4G, which asks the login directory and finds the program there", async () => {
    const mote = new HandMade(notice({ path: "/demo/test" }))
    expect(await mote.run("4g")).toMatchObject({ code: "0" })
    expect(mote.asked).toBe("PROG001")
  })

  it.each([
    ["wifi-pro", "/demo/test", "/demo/test/PROG001"],
    ["wifi-pro", "/demo/test/", "/demo/test/PROG001"],
    ["3g", "/demo/test", "/demo/testPROG001"],
    ["3g", "/demo/test/", "/demo/test/PROG001"],
    ["3g", "", "ROG001"],
    ["gprs-gps", "/demo/test", ".gprs/demo/test/PROG001"],
  ])("%s with PATH:%s asks for %s", async (model, path, wanted) => {
    const mote = new HandMade(notice({ path }))
    expect((await mote.run(model)).running.version).toBe("0")
    expect(mote.asked).toBe(wanted)
  })
})

describe("VERSION of a program whose name the mote knows", () => {
  it.each([
    ["4g", 12, 12, "10"],
    ["4g", 12, 13, "0"],
    ["4g", 255, 1, "0"],
    ["wifi-pro", 255, 1, "ERROR_CODE_0028"],
    ["wifi-pro", 12, 13, "0"],
    ["3g", 12, 12, "-27"],
    ["3g", 100, 200, "1"],
    ["gprs-pro", 100, 127, "1"],
    ["gprs-pro", 100, 128, "-70"],
    ["gprs-gps", 100, 255, "-70"],
  ])("%s that holds %i and is offered %i ends with %s", async (model, held, version, code) => {
    const mote = new HandMade(notice({ version }))
    await mote.holds("PROG001", held)
    expect(await mote.run(model)).toMatchObject({ code })
  })

  it("does not matter under another name, on any modem", async () => {
    for (const model of ["4g", "wifi-pro", "3g", "gprs-pro"]) {
      const mote = new HandMade(notice({ version: 1 }))
      await mote.holds("OTHER_1", 200)
      expect((await mote.run(model)).running, model).toEqual({ version: "1", program: "PROG001" })
    }
  })
})

describe("a poll that is refused", () => {
  it("has deleted the stored copy of that program all the same", async () => {
    for (const model of ["4g", "wifi-pro", "3g", "gprs-pro"]) {
      const mote = new HandMade(notice())
      await mote.run(model)
      expect(await mote.onCard("PROG001"), model).toBe(image.length)
      await mote.run(model)
      expect(await mote.onCard("PROG001"), model).toBeNull()
    }
  })
})

describe("a failed program", () => {
  it("with another name and a lower VERSION is refused at the next poll: the trap of section 1.5", async () => {
    const mote = new HandMade(notice({ version: 3 }))
    await mote.holds("OTHER_1", 12)
    expect(await mote.run("4g", "bootloader-refuses")).toMatchObject({ code: "checkNewProgram 0" })
    expect(await mote.run("4g")).toMatchObject({ code: "10", running: { version: "12" } })
    mote.write(notice({ version: 13 }))
    expect(await mote.run("4g")).toMatchObject({ code: "0", running: { version: "13" } })
  })
})

describe("SIZE that is not the file's", () => {
  it.each([
    ["4g", "11"],
    ["wifi-pro", "ERROR_CODE_0029"],
    ["3g", "1"],
    ["gprs-pro", "1"],
  ])("%s ends with %s", async (model, code) => {
    expect(await new HandMade(notice({ size: 999 })).run(model)).toMatchObject({ code })
  })
})

describe("an UPGRADE.TXT that overruns the library's memory", () => {
  it.each([
    ["3g", notice({ version: 100 }).replaceAll("\n", "\r\n")],
    ["gprs-pro", notice({ version: 100 }).replaceAll("\n", "\r\n")],
    ["4g", notice().slice(0, -1)],
    ["wifi-pro", notice().slice(0, -1)],
    ["4g", notice({ path: `/${"d".repeat(100)}` })],
  ])("makes a mote with %s hang, and it goes on at its next start", async (model, text) => {
    const mote = new HandMade(text)
    expect(await mote.run(model)).toMatchObject({ code: "hangs", running: { version: "0" } })
    mote.write(notice())
    expect((await mote.run(model)).running.version).toBe("5")
  })
})

describe("a server that means harm", () => {
  it.each(["../../x", "/etc/pa", "\0\0\0\0\0\0\0"])("gains nothing by the name %j", async (name) => {
    for (const model of ["4g", "wifi-pro", "3g", "gprs-pro"]) {
      const mote = new HandMade(notice().replace("PROG001", name))
      expect((await mote.run(model)).running.version, model).toBe("0")
    }
  })
})
