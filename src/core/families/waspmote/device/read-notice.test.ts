import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import vectors from "../vectors.json" with { type: "json" }
import { pathOnTheWire } from "./modem-3g.ts"
import { remoteOf, splitRemote } from "./modem-gprs.ts"
import { MemoryOverrun, atol, readBlindly, readStrictly, toSignedByte } from "./read-notice.ts"
import { SdCard } from "./sd-card.ts"

const good = "FILE:PROG001\nPATH:/\nSIZE:46999\nVERSION:10\n"
const strictly = (text: string): ReturnType<typeof readStrictly> => readStrictly(text, () => Promise.resolve())

describe("paths on the wire", () => {
  it("of GPRS are split at the last slash, the name keeps it, the directory loses it", () => {
    for (const { path, name, remote, getPath, getName, source } of vectors.gprsPaths) {
      const whole = remote ?? remoteOf(path ?? "", name ?? "")
      expect(splitRemote(whole), source).toEqual({ path: getPath, name: getName })
    }
  })

  it("of 3G lose their first character when they have one slash or none", () => {
    for (const { path, name, listed, fetched, source } of vectors.thirdGenerationPaths) {
      expect(`${path}${name}`, source).toBe(listed)
      expect(pathOnTheWire(`${path}${name}`), source).toBe(fetched)
    }
  })
})

describe("the strict readers of UPGRADE.TXT (4G, WiFi PRO)", () => {
  it("read the guide's form", async () => {
    expect(await strictly(good)).toEqual({ name: "PROG001", path: "/", sizeBytes: 46_999, version: 10 })
  })

  it.each([
    [good.replaceAll("\n", "\r\n"), "name-length"],
    [good.replace("FILE:", "File:"), "no-file-label"],
    [good.replace("PROG001", "PROG1"), "name-length"],
    [good.replace("FILE:", "FILE: "), "name-length"],
    ["FILE:NO_FILE\n", "no-file"],
    ["FILE:PROG001\n", "no-path"],
    ["FILE:PROG001\nPATH:/\n", "no-size"],
    ["FILE:PROG001\nPATH:/\nSIZE:5\n", "no-version"],
  ])("stop at the first fault of %j", async (text, stop) => {
    expect(await strictly(text)).toBe(stop)
  })

  it("cut VERSION to a byte, take nine characters of it and read junk as 0", async () => {
    const versionOf = async (text: string): Promise<unknown> => strictly(good.replace(":10\n", `:${text}\n`))
    expect(await versionOf("256")).toMatchObject({ version: 0 })
    expect(await versionOf("ten")).toMatchObject({ version: 0 })
    expect(await versionOf("12abc")).toMatchObject({ version: 12 })
    expect(await versionOf("0000000001")).toMatchObject({ version: 0 })
  })

  it("delete the stored copy as soon as PATH is read, before the version is looked at", async () => {
    const deleted: string[] = []
    await readStrictly("FILE:PROG001\nPATH:/\n", async (name) => {
      deleted.push(name)
    })
    expect(deleted).toEqual(["PROG001"])
  })

  it("overrun the memory without an LF behind the last value, and with a path of 100 characters", async () => {
    await expect(strictly(good.slice(0, -1))).rejects.toThrow(MemoryOverrun)
    await expect(strictly(good.replace("PATH:/", `PATH:/${"d".repeat(99)}`))).rejects.toThrow(MemoryOverrun)
  })
})

describe("the blind readers of UPGRADE.TXT (3G, GPRS)", () => {
  it("take the seven characters after the first colon of the file, whatever they are", () => {
    expect(readBlindly(good, 60)).toEqual({ name: "PROG001", path: "/", version: 10 })
    expect(readBlindly(`PATH:/\n${good}`, 60)).toMatchObject({ name: "/\nFILE:" })
    expect(readBlindly(good.replaceAll("\n", "\r\n").replace(":10", ":9"), 60)).toMatchObject({ name: "PROG001" })
  })

  it("do not read SIZE, and want PATH and VERSION even where there is nothing to fetch", () => {
    expect(readBlindly("FILE:NO_FILE\nPATH:\nVERSION:\n", 60)).toMatchObject({ name: "NO_FILE" })
    expect(readBlindly("FILE:NO_FILE\n", 60)).toBe("no-path")
    expect(readBlindly("FILE:NO_FILE\nPATH:\n", 60)).toBe("no-version")
  })

  it("overrun their buffers with a VERSION of three digits and a CR, and with a long PATH", () => {
    expect(() => readBlindly(good.replace("VERSION:10\n", "VERSION:100\r\n"), 60)).toThrow(MemoryOverrun)
    expect(() => readBlindly(good.replace("PATH:/", `PATH:/${"d".repeat(60)}`), 60)).toThrow(MemoryOverrun)
  })

  it("keep VERSION in a signed byte on GPRS", () => {
    expect([127, 128, 255].map(toSignedByte)).toEqual([127, -128, -1])
  })
})

describe("C's atol", () => {
  it("reads blanks, a sign and leading digits, and nothing else", () => {
    expect(["12", " 12", "-3x", "x3", "", "0x10"].map(atol)).toEqual([12, 12, -3, 0, 0, 0])
  })

  it("and the readers take any text: a value, a stop or an overrun", async () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 254 }),
      fc.array(fc.constantFrom("FILE:", "PATH:", "SIZE:", "VERSION:", "\n", "PROG001", "1"), { maxLength: 20 }),
    )
    const ended = async (deed: () => unknown): Promise<void> => {
      try {
        await deed()
      } catch (error) {
        expect(error).toBeInstanceOf(MemoryOverrun)
      }
    }
    await fc.assert(
      fc.asyncProperty(texts, async (parts) => {
        const text = typeof parts === "string" ? parts : parts.join("")
        await ended(() => strictly(text))
        await ended(() => readBlindly(text, 60))
      }),
    )
  })
})

describe("the SD card", () => {
  it("is read through a buffer of 256 bytes: of 255 bytes and more the tail is replaced", async () => {
    const card = new SdCard(await new MemoryStorage().files("sd"), null)
    for (const [size, expected] of [
      [254, `${"x".repeat(254)}`],
      [255, `${"x".repeat(252)}>>\n`],
      [4000, `${"x".repeat(252)}>>\n`],
    ] as const) {
      await card.create("notice", "UPGRADE.TXT")
      await card.append("notice", "UPGRADE.TXT", latin1("x".repeat(size)))
      expect(await card.cat("UPGRADE.TXT")).toBe(expected)
    }
  })

  it("takes no name that FAT does not, so no server leads a mote out of its card", async () => {
    const card = new SdCard(await new MemoryStorage().files("sd"), null)
    for (const name of ["../../x", "/etc/pa", "a\nb\nc\nd", "..", "", "WAYTOOLONG", "A:B:C:D"]) {
      expect(await card.create("binary", name), name).toBe(false)
    }
    expect(await card.create("binary", "_4G_20_")).toBe(true)
  })
})
