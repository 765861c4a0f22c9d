import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runVirtual } from "../../src/virtual/main.ts"
import { freshLinks } from "../fresh-link.ts"
import { runProgram, runWell } from "./run-program.ts"

/** Programs that nobody here wrote talk to a virtual module over its pseudo-terminal. */
const scratch = mkdtempSync(join(tmpdir(), "waft-at-hosts-"))
const link = join(scratch, "ttyAG35")
const off = new AbortController()
let ended: Promise<unknown> = Promise.resolve()

beforeAll(async () => {
  const ready = new Promise<void>((resolve) => {
    ended = runVirtual({
      family: "quectel",
      model: "AG35",
      server: { firmware: "AG35CEV12", imei: "860000000000009" },
      speed: 1000,
      doors: { pty: link },
      signal: off.signal,
      log: (line) => {
        if (line === "+CPIN: READY") resolve()
      },
    })
  })
  await ready
})
afterAll(async () => {
  off.abort()
  await ended
  rmSync(scratch, { recursive: true })
})

/** A terminal that no host before has had. */
const freshTerminal = freshLinks(link)

describe("a virtual module's pseudo-terminal", () => {
  it("carries a session that socat types", async () => {
    const terminal = await freshTerminal()
    const { stdout } = await runWell("socat", ["-t", "2", "-", `${terminal},rawer`], {
      input: "ATI\rAT+QFOTADL=?\rAT+NOTHING\r",
    })
    expect(stdout.toString().split(/[\r\n]+/)).toEqual([
      "ATI",
      "Quectel",
      "AG35",
      "Revision: AG35CEV12",
      "OK",
      "AT+QFOTADL=?",
      "OK",
      "AT+NOTHING",
      "ERROR",
      "",
    ])
  })

  it("carries a session that picocom types", async () => {
    const terminal = await freshTerminal()
    const { stdout } = await runWell("picocom", ["-q", "-x", "1500", "-t", "ATI\r", terminal])
    expect(stdout.toString()).toContain("Revision: AG35CEV12")
  })

  it("lets gammu identify the module", async () => {
    const terminal = await freshTerminal()
    const config = join(scratch, "gammurc")
    writeFileSync(config, `[gammu]\nport=${terminal}\nconnection=at115200\n`)
    const { stdout } = await runWell("gammu", ["-c", config, "identify"])
    const told = stdout.toString()
    expect(told).toMatch(/Manufacturer +: Quectel/)
    expect(told).toMatch(/Model +: unknown \(AG35\)/)
    expect(told).toMatch(/Firmware +: AG35CEV12/)
    expect(told).toMatch(/IMEI +: 860000000000009/)
  })

  it("lets comgt read SIM, signal and registration", async () => {
    const terminal = await freshTerminal()
    const { stdout, stderr } = await runProgram("comgt", ["-d", terminal])
    const told = stdout.toString() + stderr
    expect(told).toContain("Registered on Home network")
    expect(told).toMatch(/Signal Quality: 24/)
  })

  it("lets comgt tell what the module is", async () => {
    const terminal = await freshTerminal()
    const { stdout } = await runProgram("comgt", ["-d", terminal, "info"])
    expect(stdout.toString()).toMatch(/Manufacturer: +Quectel/)
    expect(stdout.toString()).toContain("860000000000009")
  })
})
