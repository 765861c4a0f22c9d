import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OddState, runVirtual } from "../../src/virtual/main.ts"
import { MoteServer, greenhouse } from "../journeys/mote-server.ts"

const server = new MoteServer()
const scratch = mkdtempSync(join(tmpdir(), "waft-kill-"))
const built = fileURLToPath(new URL("../../dist/virtual/main.js", import.meta.url))

beforeAll(() => server.start())
afterAll(async () => {
  await server.close()
  rmSync(scratch, { recursive: true })
})

/** Starts a mote in a process of its own, from the built program. */
function startMote(state: string, speed: number): ChildProcess {
  const options = { family: "waspmote", model: "4g", state, speed, server: login() }
  const program = `
    const { runVirtual } = await import(${JSON.stringify(built)})
    const options = ${JSON.stringify(options)}
    const end = await runVirtual({ ...options, signal: new AbortController().signal, log: () => undefined })
    process.stdout.write(JSON.stringify(end))`
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] })
}

function login(): Record<string, string> {
  return { ftp: server.address, user: "ota", password: "libelium" }
}

function mote(state: string, model = "4g"): Promise<unknown> {
  const signal = new AbortController().signal
  return runVirtual({
    family: "waspmote",
    model,
    state,
    speed: 1000,
    server: login(),
    signal,
    log: () => undefined,
  })
}

describe("a virtual mote's process", () => {
  it("killed at any moment of an update and started again ends on a whole program", async () => {
    const state = join(scratch, "killed")
    server.offer = { image: greenhouse(1), name: "GREENH_", version: 1 }
    await mote(state)
    const programs = new Map([1, 2].map((v) => [v, Buffer.from(greenhouse(v as 1 | 2).subarray(512))]))
    for (let round = 2; round < 10; round++) {
      const version = round % 2 === 0 ? 2 : 1
      server.offer = { image: greenhouse(version), name: "GREENH_", version: round }
      // A start takes about a tenth of a second, the contact at this speed a few more: kills fall all over it.
      for (const delayMs of [120, 180, 240, 320]) {
        const child = startMote(state, 40)
        const exit = once(child, "exit")
        await new Promise((resolve) => setTimeout(resolve, delayMs + round * 7))
        child.kill("SIGKILL")
        await exit
      }
      const end = await mote(state)
      const flash = readFileSync(join(state, "flash.bin"))
      const whole = [...programs.values()].some((program) => flash.subarray(0, program.length).equals(program))
      expect(whole, `round ${round}: ${JSON.stringify(end)}`).toBe(true)
      await mote(state)
      expect(await mote(state)).toMatchObject({ running: { version: String(round) } })
    }
  })

  it("is refused a folder that another mote is using, and takes it over once that one was killed", async () => {
    const state = join(scratch, "shared")
    server.offer = null
    const child = startMote(state, 0.5)
    const exit = once(child, "exit")
    await until(() => readFileSync(join(state, "device.json"), "utf8") !== "")
    await expect(mote(state)).rejects.toThrow(/is in use by process \d+; a device runs only once at a time/)
    child.kill("SIGKILL")
    await exit
    expect(await mote(state)).toMatchObject({ code: "6" })
  })
})

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      if (condition()) return
    } catch (error) {
      // Not there yet.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error("it did not happen within five seconds")
}

describe("a state folder that no mote can have left like this", () => {
  const made = (name: string): string => {
    const folder = join(scratch, name)
    mkdirSync(folder)
    return folder
  }

  it("is refused when it holds something else", async () => {
    const folder = made("photos")
    writeFileSync(join(folder, "holiday.jpg"), "x")
    await expect(mote(folder)).rejects.toThrow(/holds "holiday.jpg" but no virtual device/)
  })

  it("is refused when it is a file, or its label is none", async () => {
    writeFileSync(join(scratch, "file"), "x")
    await expect(mote(join(scratch, "file"))).rejects.toThrow(OddState)
    const folder = made("label")
    writeFileSync(join(folder, "device.json"), "{")
    await expect(mote(folder)).rejects.toThrow(/does not say which device lives there/)
  })

  it("is refused when another device lives there", async () => {
    const folder = join(scratch, "other")
    await mote(folder, "3g")
    await expect(mote(folder, "4g")).rejects.toThrow(/holds a waspmote of model 3g, not a waspmote of model 4g/)
  })

  it.each([
    ["flash.bin", "has 3 bytes, but the device's flash has 131072"],
    ["eeprom.bin", "has 3 bytes, but the device's eeprom has 4096"],
    ["sd", "is no folder, but it must hold the device's files"],
  ])("is refused when %s is not what it must be", async (name, words) => {
    const folder = join(scratch, `odd-${name}`)
    await mote(folder)
    rmSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name), "abc")
    await expect(mote(folder)).rejects.toThrow(words)
  })

  it("is refused when a file of its card leads elsewhere", async () => {
    const folder = join(scratch, "link")
    await mote(folder)
    symlinkSync("/etc/hostname", join(folder, "sd", "PROG001"))
    await expect(mote(folder)).rejects.toThrow(/is no plain file/)
  })
})
