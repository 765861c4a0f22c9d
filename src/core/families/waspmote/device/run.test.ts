import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { sharedInput } from "../../../../../test/shared-inputs.ts"
import { equalBytes } from "../../../kit/bytes.ts"
import type { DeviceRun, RunEnd } from "../../family.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import { MemoryNet } from "../../testing/memory-net.testing.ts"
import {
  type SmallFtpOptions,
  type SmallFtpServer,
  startSmallFtpServer,
} from "../../testing/small-ftp-server.testing.ts"
import { testBody } from "../../testing/test-body.testing.ts"
import { ftp } from "../server/ftp.ts"
import { publish } from "../server/publish.ts"
import vectors from "../vectors.json" with { type: "json" }
import { resultCodes } from "../result-codes.ts"
import { namedFaults } from "./faults.ts"
import { device } from "./run.ts"

const modems = ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"] as const
const successes: Readonly<Record<string, string>> = {
  "4g": "0",
  "wifi-pro": "0",
  "3g": "1",
  "gprs-pro": "1",
  "gprs-gps": "1",
}

/** The OTA binary of one version of the demo's program. */
function greenhouse(version: 1 | 2 | 3, name = "GREENH_"): Uint8Array {
  const file = new URL(`../../../../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url)
  return imageOf(readFileSync(file), name)
}

function imageOf(hexFile: Uint8Array, name: string): Uint8Array {
  const published = publish({ fileName: "a.hex", bytes: hexFile, version: "1", models: [], options: { name } })
  if (!published.ok) throw new Error(published.faults.map((fault) => fault.sentence).join(" "))
  return published.image
}

/** A mote and the server it knows. */
class Bench {
  readonly net = new MemoryNet()
  readonly storage = new MemoryStorage()
  readonly server: SmallFtpServer
  lines: readonly string[] = []

  constructor(options: SmallFtpOptions = {}) {
    this.server = startSmallFtpServer(this.net, { aliases: [".gprs"], ...options })
    this.offer(null)
  }

  offer(what: { readonly image: Uint8Array; readonly name: string; readonly version: number } | null): void {
    this.server.files.clear()
    const offered =
      what === null
        ? null
        : {
            offer: { programId: what.name, versionByte: what.version, release: String(what.version) },
            image: { sha256: "0".repeat(64), sizeBytes: what.image.length },
          }
    for (const file of ftp.files(offered)) {
      this.server.files.set(file.name, file.role === "notice" ? file.content : (what?.image ?? new Uint8Array(0)))
    }
  }

  async run(model: string, fault: string | null = null, more: Partial<DeviceRun> = {}): Promise<RunEnd> {
    const body = testBody(this)
    this.lines = body.lines
    return device.run(body, {
      model,
      server: { ftp: `127.0.0.1:${this.server.port}`, user: "ota", password: "libelium" },
      fault,
      speed: 1,
      signal: new AbortController().signal,
      ...more,
    })
  }

  async flashHolds(image: Uint8Array): Promise<boolean> {
    const flash = await this.storage.memory("flash", { sizeBytes: 0x20000, sectorBytes: 256 })
    return equalBytes(await flash.read(0, image.length - 512), image.subarray(512))
  }
}

describe.each(modems)("a Waspmote with %s", (model) => {
  it("leaves everything as it is when the server has nothing for it", async () => {
    const bench = new Bench()
    const end = await bench.run(model)
    expect(end.running).toEqual({ version: "0", program: "FACTORY" })
    expect(end.code).toBe(namedFaults.find((row) => row.model === model && row.fault === "no-file")?.code)
  })

  it("installs what is offered, leaves it alone afterwards, and takes the next version", async () => {
    const bench = new Bench()
    bench.offer({ image: greenhouse(1), name: "GREENH_", version: 12 })
    expect(await bench.run(model)).toMatchObject({
      code: successes[model],
      running: { version: "12", program: "GREENH_" },
    })
    expect(await bench.flashHolds(greenhouse(1))).toBe(true)
    const again = await bench.run(model)
    expect(again.code).toBe(namedFaults.find((row) => row.model === model && row.fault === "version-not-above")?.code)
    bench.offer({ image: greenhouse(2), name: "GREENH_", version: 13 })
    expect(await bench.run(model)).toMatchObject({ running: { version: "13" } })
    expect(await bench.flashHolds(greenhouse(2))).toBe(true)
  })

  it("takes an older version only under another name", async () => {
    const bench = new Bench()
    bench.offer({ image: greenhouse(2), name: "GREENH_", version: 12 })
    await bench.run(model)
    bench.offer({ image: greenhouse(1), name: "GREENH_", version: 9 })
    expect(await bench.run(model)).toMatchObject({ running: { version: "12", program: "GREENH_" } })
    bench.offer({ image: greenhouse(1, "GREE_R1"), name: "GREE_R1", version: 9 })
    expect(await bench.run(model)).toMatchObject({ running: { version: "9", program: "GREE_R1" } })
  })

  it("keeps its program and comes again when the header of the binary names another", async () => {
    const bench = new Bench()
    bench.offer({ image: greenhouse(1), name: "GREENH_", version: 12 })
    await bench.run(model)
    bench.offer({ image: greenhouse(2, "OTHER_1"), name: "GREENH_", version: 13 })
    for (let poll = 0; poll < 2; poll++) {
      expect(await bench.run(model)).toMatchObject({
        code: "checkNewProgram 0",
        running: { version: "12", program: "GREENH_" },
      })
      expect(await bench.flashHolds(greenhouse(1))).toBe(true)
    }
  })

  it("ends with an error and its old program when the transfer is cut", async () => {
    const bench = new Bench({ cutAfter: 700 })
    bench.offer({ image: greenhouse(1), name: "GREENH_", version: 12 })
    const end = await bench.run(model)
    expect(end.running).toEqual({ version: "0", program: "FACTORY" })
    expect(resultCodes.some((row) => row.model === model && row.code === end.code)).toBe(true)
  })

  it("ends with an error when nobody listens", async () => {
    const bench = new Bench()
    const end = await bench.run(model, null, { server: { ftp: "127.0.0.1:9", user: "ota", password: "libelium" } })
    expect(end.running.version).toBe("0")
    expect(end.words).not.toBe("")
  })

  const faults = namedFaults.filter((row) => row.model === model || row.model === "any")
  it.each(faults.map((row) => [row.fault, row.code] as const))(
    "with the fault %s ends with %s",
    async (fault, code) => {
      const bench = new Bench()
      bench.offer({ image: greenhouse(1), name: "GREENH_", version: 12 })
      const end = await bench.run(model, fault)
      expect(end.code, bench.lines.join("\n")).toBe(code)
      expect(end.words).toBe(resultCodes.find((row) => row.code === code && [model, "any"].includes(row.model))?.words)
      expect(end.running.program).toBe(
        code === successes[model] || code === "checkNewProgram 1" ? "GREENH_" : "FACTORY",
      )
    },
  )
})

describe("the named faults", () => {
  it("cover every code of the guide's tables and of the library", () => {
    const produced = new Set(namedFaults.map((row) => `${row.model} ${row.code}`))
    const missing = resultCodes.map((row) => `${row.model} ${row.code}`).filter((code) => !produced.has(code))
    expect(missing).toEqual([])
  })

  it("cover the return tables as they were copied from the guide by hand", () => {
    const produced = new Set(namedFaults.map((row) => `${row.model} ${row.code}`))
    const listed = Object.entries(vectors.returnCodes.codes).flatMap(([model, codes]) =>
      (typeof codes === "string" ? codes.split(" ") : codes).map((code) => `${model} ${code}`),
    )
    expect(listed).toHaveLength(238)
    expect(listed.filter((row) => !produced.has(row))).toEqual([])
  })

  it("have names that are unique for a model, and a code with words", () => {
    const names = namedFaults.map((row) => `${row.model} ${row.fault}`)
    expect(new Set(names).size).toBe(names.length)
    expect(device.faults.filter((row) => row.words === "")).toEqual([])
  })

  const list = sharedInput("protocols", "codes.tsv")
  it.skipIf(list === null)("cover every Waspmote row of the published list (needs protocols/codes.tsv)", () => {
    const rows = readFileSync(list ?? "", "utf8")
      .split("\n")
      .map((line) => line.split("\t"))
      .filter(([family]) => family === "waspmote")
    expect(rows.length).toBeGreaterThan(200)
    const produced = new Set(namedFaults.map((row) => `${row.model} ${row.code}`))
    expect(rows.map(([, model, code]) => `${model} ${code}`).filter((row) => !produced.has(row))).toEqual([])
  })
})

describe("real programs", () => {
  for (const name of ["awesome", "kami2"]) {
    const path = sharedInput("firmware", "waspmote", `${name}.hex`)
    it.skipIf(path === null)(`boot on a virtual mote: ${name}.hex (needs firmware/waspmote)`, async () => {
      const image = imageOf(readFileSync(path ?? ""), "REAL_01")
      for (const model of modems) {
        const bench = new Bench()
        bench.offer({ image, name: "REAL_01", version: 3 })
        expect(await bench.run(model)).toMatchObject({ running: { version: "3", program: "REAL_01" } })
        expect(await bench.flashHolds(image), model).toBe(true)
      }
    })
  }
})
