import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Command } from "commander"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newFolder, quiet, root, serve, type Serving } from "../serving.ts"

// `waft … | head` closes our output before we are done. Here nobody ever reads: the pipe is closed before the program writes.

const folder = newFolder()
const inFolder = (name: string): string => join(folder, name)
const program = join(root, "demo", "waspmote", "greenhouse-2.hex")
const older = join(root, "demo", "waspmote", "greenhouse-1.hex")
const quietFlags = Object.entries(quiet).flatMap(([name, value]) => [`--${name}`, value])
const dead = "127.0.0.1:9"

let server: Serving
beforeAll(async () => {
  server = await serve()
  const call = server.api.call
  await call("addDevice", { body: { id: "m1", family: "waspmote", model: "wifi-pro" } })
  await call("createUser", { body: { name: "rosa", role: "viewer", password: "correct horse battery" } })
  await call("createEnrolment", { body: { family: "quectel" } })
  writeFileSync(inFolder("UPGRADE.TXT"), "FILE:x\n")
  writeFileSync(inFolder("devices.csv"), "id,family,model\nc1,waspmote,4g\n")
  writeFileSync(inFolder("old"), Buffer.alloc(5000, 1))
  writeFileSync(inFolder("new"), Buffer.alloc(5000, 2))
  writeFileSync(inFolder("plan.yaml"), "release: R1\n")
})
afterAll(() => server.end("SIGTERM"))

/**
 * Every command, with words by which it has something to print: what it did, a table, or as little as that it was refused.
 * One after the other: some need what those before them made.
 */
const commands: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "": [["--help"], ["--version"], ["--no-such-option"]],
  serve: [["--data", inFolder("data"), ...quietFlags]],
  config: [[], ["--json"]],
  limits: [[], ["--json"]],
  backup: [[inFolder("backup.tar")]],
  restore: [[inFolder("backup.tar"), "--data", inFolder("restored")]],
  "release publish": [[program, "--family", "waspmote", "--version", "2"]],
  "release list": [[], ["--json"]],
  "release show": [["{listReleases}"], ["{listReleases}", "--json"]],
  "release set": [["{listReleases}"]],
  "release deltas": [["{listReleases}"]],
  "release approve": [["{listReleases}"]],
  "release keygen": [[inFolder("key")]],
  "release sign": [[program, "--family", "waspmote", "--version", "3", "--key", inFolder("key")]],
  "release add-signatures": [["{listReleases}", inFolder("old")]],
  "device add": [["m2", "--family", "waspmote", "--model", "4g"]],
  "device import": [[inFolder("devices.csv")]],
  "device set": [["m2", "--label", "site=north"]],
  "device replace": [["m2"]],
  "device ask": [["m2", "query"]],
  "device accept": [["m2"]],
  "device wire": [["m1"]],
  "device list": [[], ["--json"]],
  "device show": [["m1"], ["m1", "--json"]],
  "device access": [["m1"]],
  "device explain": [["m1"], ["m1", "--json"]],
  "device remove": [["m2", "--yes"]],
  "import hawkbit": [["--url", `http://${dead}`, "--token", "a:b"]],
  "enrolment create": [["--family", "quectel"]],
  "enrolment list": [[], ["--json"]],
  "enrolment revoke": [["{listEnrolments}"]],
  "token add": [["cron", "--role", "viewer"]],
  "token list": [[], ["--json"]],
  "token rotate": [["cron"]],
  "token revoke": [["cron"]],
  "user add": [["rene", "--role", "viewer"]],
  "user list": [[], ["--json"]],
  "user set": [["rosa", "--role", "operator"]],
  "user remove": [["rosa", "--yes"]],
  login: [["rosa"]],
  logout: [[]],
  "session list": [[], ["--json"]],
  "session revoke": [["no-such"]],
  "webhook add": [["hook", "--url", `https://${dead}/`]],
  "webhook list": [[], ["--json"]],
  "webhook test": [["hook"]],
  "webhook resume": [["hook"]],
  "webhook remove": [["hook", "--yes"]],
  "audit list": [[], ["--json"]],
  "audit verify": [[]],
  "audit export": [[]],
  "group add": [["north", "--group", "site=north"]],
  "group list": [[], ["--json"]],
  "group show": [["north"]],
  "group remove": [["north", "--yes"]],
  "rollout plan": [["--release", "{listReleases}", "--all"]],
  "rollout start": [["--release", "{listReleases}", "--all"]],
  "rollout list": [[], ["--json"]],
  "rollout show": [["{listRollouts}"]],
  "rollout watch": [["{listRollouts}"]],
  "rollout pause": [["{listRollouts}"]],
  "rollout resume": [["{listRollouts}"]],
  "rollout open-gate": [["{listRollouts}"]],
  "rollout approve": [["{listRollouts}"]],
  "rollout retry-failed": [["{listRollouts}"]],
  "rollout roll-back": [["{listRollouts}"]],
  "rollout abort": [["{listRollouts}", "--yes"]],
  rehearse: [[inFolder("plan.yaml")]],
  "channel set": [["gateway", "--user", "ota", "--password", "libelium", "--release", "{listReleases}"]],
  "channel show": [[], ["gateway"]],
  "channel list": [[], ["--json"]],
  "channel export": [["gateway", "--to", inFolder("export")]],
  "channel remove": [["gateway", "--yes"]],
  "release withdraw": [["{listReleases}", "--yes"]],
  "image make": [[program, "--family", "waspmote", "-o", inFolder("PROG001")]],
  "image merge": [[older, "--output", inFolder("merged.hex")]],
  "image inspect": [[program], [program, "--json"]],
  lint: [[inFolder("UPGRADE.TXT")], [program, "--family", "waspmote"]],
  "delta make": [[inFolder("old"), inFolder("new"), "--out", inFolder("patch")]],
  "delta apply": [[inFolder("old"), inFolder("patch"), "--out", inFolder("applied")]],
  "delta info": [[inFolder("patch")]],
  "delta inspect": [[inFolder("old"), inFolder("patch")]],
  "delta verify": [[inFolder("patch")]],
  "delta bench": [[folder]],
  events: [[], ["--json"], ["--follow"]],
  "virtual run": [["--family", "waspmote", "--model", "wifi-pro", "--ftp", dead, "--user", "u", "--password", "p"]],
  "virtual swarm": [["--family", "waspmote", "--count", "2", "--rounds", "1", "--ftp", dead]],
  "virtual practice": [["--family", "none"]],
  "virtual faults": [["--family", "waspmote"]],
  "agent run": [
    ["--port", inFolder("no-port"), "--server", `http://${dead}`, "--token", "a.b", "--state", inFolder("a")],
  ],
  "agent attend": [["--port", inFolder("no-port"), "--plan", inFolder("attend.json")]],
  completion: [["bash"], ["zsh"], ["fish"]],
  version: [[]],
  certify: [["--tcp", "127.0.0.1:0"]],
}
const rows = Object.entries(commands).flatMap(([command, ways]) =>
  ways.map((words) => ({
    name: [command, ...words].join(" "),
    words: [...command.split(" ").filter(Boolean), ...words],
  })),
)

/** Runs the program with a pipe that nobody reads, its output alone or its errors too. */
const withoutReader = `
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
err = writer if sys.argv[1] == "both" else None
sys.exit(subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=writer, stderr=err, timeout=60).returncode)`

/** `{listReleases}` is the id of the first in that list. */
async function named(word: string): Promise<string> {
  const list = /^\{(listEnrolments|listReleases|listRollouts)\}$/.exec(word)?.[1]
  if (list === undefined) return word
  const [first] = await server.api.list(list as "listReleases", {})
  return first?.id ?? "none"
}

async function run(
  which: "output" | "both",
  words: readonly string[],
): Promise<{ code: number | null; errors: string }> {
  const env = { ...process.env, WAFT_DATA: server.data, HOME: folder }
  const waft = await Promise.all(words.map(named))
  const child = spawn(
    "python3",
    ["-c", withoutReader, which, process.execPath, join(root, "bin", "waft.js"), ...waft],
    { env },
  )
  return new Promise((resolve) => {
    let errors = ""
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    child.once("close", (code) => resolve({ code, errors }))
  })
}

/** The commands of the program that have no commands of their own. */
async function everyCommand(): Promise<readonly string[]> {
  const text = readFileSync(join(root, "src", "cli", "main.ts"), "utf8")
  const found: string[] = []
  const walk = (command: Command, path: string): void => {
    if (command.commands.length === 0) found.push(path)
    for (const child of command.commands) walk(child, `${path} ${child.name()}`)
  }
  for (const [, name = "", file = "", make = ""] of text.matchAll(
    /^ {2}(\w+): .*import\("\.\/([\w-]+)\.ts"\)\)\.(\w+)\(/gm,
  )) {
    const makers = (await import(`../../src/cli/${file}.ts`)) as Record<string, (whole: () => null) => Command>
    const command = makers[make]?.(() => null)
    if (command !== undefined) walk(command, name)
  }
  return found
}

describe("a command whose reader has gone", () => {
  it("is any that there is", async () => {
    const every = await everyCommand()
    expect(every.length).toBeGreaterThan(70)
    expect(new Set(Object.keys(commands))).toEqual(new Set(["", ...every]))
  })

  it.each(rows)("ends quietly: $name", async ({ words }) => {
    const { code, errors } = await run("output", words)
    expect(errors).not.toMatch(/EPIPE|Error:|\n +at /)
    expect([0, 1, 2]).toContain(code)
  })

  it.each([["device", "list"], ["--no-such-option"], ["device", "show", "no-such"]])(
    "ends quietly when nobody reads its errors either: %s %s",
    async (...words) => {
      expect([0, 1, 2]).toContain((await run("both", words)).code)
    },
  )
})
