import { execFileSync, spawn } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { root, serve, type Serving } from "../serving.ts"

let server: Serving

beforeAll(async () => {
  server = await serve()
  for (const id of ["m1", "m2", "m3"]) {
    await server.api.call("addDevice", { body: { id, family: "waspmote", model: "4g" } })
  }
})

afterAll(async () => {
  await server.end("SIGTERM")
  rmSync(server.data, { recursive: true, force: true })
})

const program = join(root, "bin", "waft.js")

/** Types one line at a terminal where the command runs. */
function atTerminal(words: readonly string[], typed: string): Promise<string> {
  const command = [process.execPath, program, ...words, "--data", server.data].join(" ")
  const terminal = spawn("socat", ["-", `EXEC:"${command}",pty,setsid,ctty,stderr,rawer`], { stdio: "pipe" })
  let text = ""
  let isTyped = false
  terminal.stdout.on("data", (bytes: Buffer) => {
    text += bytes.toString()
    if (isTyped || !text.includes("to go on: ")) return
    isTyped = true
    terminal.stdin.write(`${typed}\r`)
  })
  return new Promise((resolve) => terminal.once("close", () => resolve(text)))
}

const ids = async () => (await server.api.list("listDevices", {})).map(({ id }) => id)

it("wants the name typed, says what is lost, and does nothing for another answer", async () => {
  const refused = await atTerminal(["device", "remove", "m1"], "yes")
  expect(refused).toContain("m1 is forgotten, with what it runs. The login in its sketch (m1) is refused from then on.")
  expect(refused).toContain("Nothing was done.")
  expect(await ids()).toEqual(["m1", "m2", "m3"])
  const done = await atTerminal(["device", "remove", "m1"], "m1")
  expect(done).toContain("m1 was removed.")
  expect(await ids()).toEqual(["m2", "m3"])
})

it("asks nothing with --yes, nor where nobody sits", async () => {
  expect(await atTerminal(["device", "remove", "m2", "--yes"], "")).not.toContain("to go on")
  execFileSync(process.execPath, [program, "device", "remove", "m3", "--data", server.data])
  expect(await ids()).toEqual([])
})

it("completes in bash what stands in the help", () => {
  const script = `source <(${process.execPath} ${program} completion bash)
    COMP_WORDS=(waft rollout ab) COMP_CWORD=2; _waft; echo "\${COMPREPLY[*]}"
    COMP_WORDS=(waft rollout abort --y) COMP_CWORD=3; _waft; echo "\${COMPREPLY[*]}"`
  expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe("abort\n--yes\n")
})
