import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { freePort, newFolder, quiet, root } from "../serving.ts"

const program = `"${process.execPath}" "${join(root, "bin", "waft.js")}"`
const folder = newFolder()
const left: ChildProcess[] = []
afterEach(async () => {
  for (const child of left.splice(0).reverse()) {
    const ended = new Promise((resolve) => child.once("close", resolve))
    process.kill(-(child.pid ?? 0), "SIGTERM")
    await ended
  }
})

/** The lines of the recipe as they stand in the README. */
function recipe(): readonly string[] {
  const page = readFileSync(join(root, "README.md"), "utf8")
  const block = [...page.matchAll(/```\n([\s\S]*?)```/g)]
    .map(([, text = ""]) => text)
    .find((text) => /telit/.test(text))
  return (block ?? "").trim().split("\n")
}

function start(line: string): ChildProcess {
  const env = { ...process.env, WAFT_DATA: join(folder, "data") }
  return spawn("bash", ["-c", line], { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
}

/** Runs a line to its end; gives what it printed. */
async function run(line: string): Promise<string> {
  const child = start(line)
  let text = ""
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()))
  const code = await new Promise((resolve) => child.once("close", resolve))
  expect(code, `${line}: ${text}`).toBe(0)
  return text
}

/** What a program that stays says when it is there: the server, the module, the host program beside it. */
const sign = /^ready |^The AT port is at|The module answers/

/** Starts what stays; resolves when it is there. */
function stay(line: string): Promise<void> {
  const child = start(line)
  left.push(child)
  return new Promise((resolve, reject) => {
    child.once("close", (code) => reject(new Error(`${line} ended with ${code}`)))
    for (const input of [child.stdout, child.stderr]) {
      if (input !== null) createInterface({ input }).on("line", (text) => void (sign.test(text) && resolve()))
    }
  })
}

it("from nothing to a module with new firmware, line by line", async () => {
  const [centre, port, http] = [await freePort(), await freePort(), await freePort()]
  // The ports of a machine on which other tests run; everything else as it is written.
  const own = { "127.0.0.1:2775": centre, "127.0.0.1:7000": port, "127.0.0.1:8081": http }
  const listeners = Object.entries({ ...quiet, "device-http": `127.0.0.1:${http}`, "device-tcp": "127.0.0.1:0" })
  const flags = listeners.map(([name, value]) => `--${name} ${value}`).join(" ")
  let [release, rollout] = ["none", "none"]
  let last = ""
  for (const written of recipe()) {
    let line = written
      .replace(/ {2,}#.*$/, "")
      .replace("r-…", release)
      .replace("o-…", rollout)
    for (const [address, given] of Object.entries(own)) line = line.replace(address, `127.0.0.1:${given}`)
    line = line.replace("npx waft serve", `npx waft serve ${flags}`).replaceAll("npx waft", program)
    if (line.endsWith("&")) await stay(line.slice(0, -1))
    else last = await run(line)
    release = /^(r-\w+):/m.exec(last)?.[1] ?? release
    rollout = /^(o-\w+):/m.exec(last)?.[1] ?? rollout
  }
  expect(last).toMatch(/succeeded \(1 succeeded\)/)
  expect(await run(`${program} device explain 357464030012345`)).toContain(
    "the module itself says that it runs 13.00.004",
  )
})
