import { spawn } from "node:child_process"
import { expect, it } from "vitest"
import { root } from "../serving.ts"

it("a server of 256 MB holds some of the attacks that npm run attack tries, while honest devices finish their updates", async () => {
  const args = [
    "--import",
    "tsx",
    "attack/main.ts",
    "--seconds",
    "1",
    "--rows",
    "4,6,8,13,19",
    "--memory",
    "256",
    "--no-clock",
  ]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
  let report = ""
  child.stdout.on("data", (piece: Buffer) => (report += piece.toString()))
  const code = await new Promise((resolve) => child.once("exit", resolve))
  expect(report).toMatch(/^memory: 256 MB by /)
  expect(report).toContain("all 5 held")
  expect(report.match(/20 of 20 updated/g)).toHaveLength(6)
  expect(code).toBe(0)
})
