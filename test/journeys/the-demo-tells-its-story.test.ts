import { spawn } from "node:child_process"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newFolder, quiet, root } from "../serving.ts"

const flags = Object.entries(quiet).flatMap(([name, value]) => [`--${name}`, value])
const child = spawn(process.execPath, [
  join(root, "bin", "waft.js"),
  "serve",
  "--demo",
  "--data",
  newFolder(),
  ...flags,
])
const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
let said = ""

/** The lines of the story, without those of the main rollout before it. */
function story(): string {
  return said.slice(said.indexOf("The next build of every family"))
}

beforeAll(async () => {
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes("The server goes on")) resolve()
    })
    void ended.then((code) => reject(new Error(`the demo ended with ${code}:\n${said}`)))
  })
})
afterAll(() => {
  child.kill("SIGINT")
})

describe("the demo", () => {
  it("brings every device to its new firmware first", () => {
    expect(said).toMatch(/The rollout o-\w+ succeeded on all 26 devices\./)
    expect(said).toContain("Every device runs its new firmware.")
  })

  it("stops a build that bricks one model after three silent devices, and says so", () => {
    expect(story()).toMatch(
      /paused itself: nothing new is offered\. In phase canary 3 of 17 devices fell silent; no-show-at-most 14 % allows 2\./,
    )
    // Nobody of the others has got it.
    expect(story()).toMatch(/^everybody else +closed +9 +9 cancelled$/m)
  })

  it("takes it back with one command and explains every device", () => {
    expect(story()).toMatch(/^\$ waft rollout roll-back o-\w+$/m)
    const table = /^DEVICE +MODEL +WHY\n([\s\S]*?)\n\n/m.exec(story())?.[1]?.split("\n") ?? []
    const silent = table.filter((line) => line.includes(" v3.5 ") && line.includes("The board has not polled"))
    expect(table).toHaveLength(26)
    expect(silent).toHaveLength(3)
    for (const line of table) expect(line).toMatch(/^\S+ +\S+ +[A-Z][^.].*\.$/)
    expect(table.join("\n")).toContain("The board runs version 3 and takes only a higher one")
  })

  it("counts bytes and messages, and holds what came of it against what was foretold", () => {
    const [, kilobytes = "0"] = /^spent ([\d.]+) kB, \d+ messages$/m.exec(story()) ?? []
    expect(Number(kilobytes)).toBeGreaterThan(50)
    expect(story()).toMatch(/^foretold: 26 succeeded, 0 failed, 0 no-show in /m)
    expect(story()).toMatch(/^real in the end: \d+ succeeded, 0 failed, 3 no-show in /m)
  })

  it("goes on serving until it is interrupted", async () => {
    expect(child.exitCode).toBe(null)
    child.kill("SIGINT")
    expect(await ended).toBe(0)
  })
})
