import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newFolder, quiet, root, serve, type Serving } from "../serving.ts"

// `waft … | head` closes our output before we are done. Here nobody ever reads: the pipe is closed before the program writes.

let server: Serving
const folder = newFolder()
beforeAll(async () => {
  server = await serve()
  await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "wifi-pro" } })
  writeFileSync(join(folder, "UPGRADE.TXT"), "FILE:x\n")
})
afterAll(() => server.end("SIGTERM"))

const withoutReader = `
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
sys.exit(subprocess.run(sys.argv[1:], stdout=writer, timeout=60).returncode)`

const program = join(root, "demo", "waspmote", "greenhouse-2.hex")
const commands: readonly (readonly string[])[] = [
  ["--help"],
  ["--version"],
  ["device", "list"],
  ["device", "list", "--json"],
  ["device", "show", "m1"],
  ["device", "explain", "m1"],
  ["release", "list"],
  ["rollout", "list"],
  ["channel", "show"],
  ["enrolment", "list"],
  ["events"],
  ["events", "--json"],
  ["lint", program, "--family", "waspmote"],
  ["lint", join(folder, "UPGRADE.TXT")],
  ["image", "inspect", program],
  ["virtual", "faults", "--family", "waspmote"],
  ["serve", "--data", join(folder, "data"), ...Object.entries(quiet).flatMap(([name, value]) => [`--${name}`, value])],
]

describe("a command whose reader has gone", () => {
  it.each(commands.map((words) => ({ words, name: words.slice(0, 3).join(" ") })))(
    "ends quietly: $name",
    ({ words }) => {
      const env = { ...process.env, WAFT_DATA: server.data }
      const waft = [process.execPath, join(root, "bin", "waft.js"), ...words]
      const ended = spawnSync("python3", ["-c", withoutReader, ...waft], { env, encoding: "utf8" })
      expect(ended.stderr).not.toMatch(/EPIPE|Error|\n +at /)
      expect([0, 1]).toContain(ended.status)
    },
  )
})
