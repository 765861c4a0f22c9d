import { describe, expect, it } from "vitest"
import { PowerCut } from "../../src/core/families/body.ts"
import type { RunEnd } from "../../src/core/families/family.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import { MemoryNet } from "../../src/core/families/testing/memory-net.testing.ts"
import { startSmallFtpServer } from "../../src/core/families/testing/small-ftp-server.testing.ts"
import { testBody } from "../../src/core/families/testing/test-body.testing.ts"
import { device } from "../../src/core/families/waspmote/device/run.ts"
import { ftp } from "../../src/core/families/waspmote/server/ftp.ts"
import { greenhouse } from "../journeys/mote-server.ts"

const modems = ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"] as const
/** How much of an operation happens before the power is gone. */
const cuts = { "before a write": 0, "in the middle of a write": 0.5 } as const
const oldProgram = greenhouse(1).subarray(512)
const newProgram = greenhouse(2).subarray(512)
/** The new program under the old one's name, and under another: other bytes of the EEPROM change then. */
const newNames = ["GREENH_", "PROG_R1"] as const

/** A mote that runs version 1 and is offered version 2. */
class Bench {
  readonly storage = new MemoryStorage()
  readonly #net = new MemoryNet()
  readonly #server = startSmallFtpServer(this.#net, { aliases: [".gprs"] })
  readonly #model: string

  constructor(model: string) {
    this.#model = model
  }

  static async updating(model: string, newName = "GREENH_"): Promise<Bench> {
    const bench = new Bench(model)
    bench.offer(greenhouse(1), 1, "GREENH_")
    await bench.run()
    bench.offer(greenhouse(2, newName), 2, newName)
    return bench
  }

  offer(image: Uint8Array, version: number, programId: string): void {
    const offer = { programId, versionByte: version, release: String(version) }
    for (const file of ftp.files({ offer, image: { sha256: "0".repeat(64), sizeBytes: image.length } })) {
      this.#server.files.set(file.name, file.role === "notice" ? file.content : image)
    }
  }

  run(): Promise<RunEnd> {
    return device.run(testBody({ net: this.#net, storage: this.storage }), {
      model: this.#model,
      server: { ftp: `127.0.0.1:${this.#server.port}`, user: "ota", password: "libelium" },
      fault: null,
      speed: 1,
      signal: new AbortController().signal,
    })
  }

  /** Runs with the power failing at the change of that number, counted from 0; null when it got through before. */
  async runUntilCut(change: number, part: number): Promise<string | null> {
    let left = change
    let deed = ""
    this.storage.beforeChange = (what) => {
      if (left-- > 0) return undefined
      deed = what
      return part
    }
    try {
      await this.run()
      return null
    } catch (error) {
      if (error instanceof PowerCut) return deed
      throw error
    } finally {
      this.storage.beforeChange = () => undefined
    }
  }

  /** Which whole program the flash holds. */
  async program(): Promise<"old" | "new" | "neither"> {
    const flash = await this.storage.memory("flash", { sizeBytes: 0x20000, sectorBytes: 256 })
    const holds = async (program: Uint8Array): Promise<boolean> =>
      Buffer.from(await flash.read(0, program.length)).equals(program)
    if (await holds(newProgram)) return "new"
    return (await holds(oldProgram)) ? "old" : "neither"
  }
}

describe.each(modems)("a Waspmote with %s whose power fails at every write of an update", (model) => {
  const cases = Object.entries(cuts).flatMap(([when, part]) => newNames.map((newName) => ({ when, part, newName })))
  it.each(cases)("$when, to $newName, runs the old or the new program whole", async ({ part, newName }) => {
    const kinds = new Map<string, number>()
    for (let change = 0; ; change++) {
      const bench = await Bench.updating(model, newName)
      const deed = await bench.runUntilCut(change, part)
      if (deed === null) break
      kinds.set(deed, (kinds.get(deed) ?? 0) + 1)
      const end = await bench.run()
      const after = await bench.program()
      const where = `${deed} number ${change}, then ${JSON.stringify(end)}`
      expect(after, where).not.toBe("neither")
      for (let poll = 0; poll < 2 && (await bench.program()) !== "new"; poll++) await bench.run()
      expect(await bench.program(), where).toBe("new")
      expect((await bench.run()).running, where).toEqual({ version: "2", program: newName })
    }
    // Every kind of memory was written, and cut, in the update.
    expect([...kinds.keys()].sort()).toEqual([
      "eeprom write",
      "flash erase",
      "flash write",
      "sd append",
      "sd create",
      ...(kinds.has("sd remove") ? ["sd remove"] : []),
    ])
    expect(kinds.get("flash write")).toBe(Math.ceil(newProgram.length / 256))
  })

  it("starts whole with two cuts in a row in the bootloader: the third of its tries gets through", async () => {
    const bench = await Bench.updating(model)
    const flashing = await firstFlashChange(model)
    expect(await bench.runUntilCut(flashing + 2, 0.5)).toMatch(/flash/)
    // What is left of the update begins with the bootloader's next try: its counter, then the flash.
    expect(await bench.runUntilCut(3, 0.5)).toMatch(/flash/)
    await bench.run()
    expect(await bench.program()).toBe("new")
  })

  it("says that it is dead when power failed in all three tries, and takes no network with it", async () => {
    const bench = await Bench.updating(model)
    const flashing = await firstFlashChange(model)
    await bench.runUntilCut(flashing + 2, 0.5)
    await bench.runUntilCut(3, 0.5)
    expect(await bench.runUntilCut(3, 0.5)).toMatch(/flash/)
    expect(await bench.run()).toMatchObject({ code: "dead" })
    expect(await bench.program()).toBe("neither")
  })
})

/** The number of the first change to the flash in an update. */
async function firstFlashChange(model: string): Promise<number> {
  const bench = await Bench.updating(model)
  let changes = 0
  let first = -1
  bench.storage.beforeChange = (deed) => {
    if (first < 0 && deed.startsWith("flash")) first = changes
    changes += 1
    return undefined
  }
  await bench.run()
  return first
}
