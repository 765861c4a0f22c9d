import { spawn } from "node:child_process"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The project's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..")

/** What makes dist/ from src/. */
export const buildSteps = [
  ["build", "tsc", ["-p", "tsconfig.build.json"]],
  ["build the console", "vite", ["build", "--config", "src/console/vite.config.ts", "--logLevel", "warn"]],
]

/** Runs one program of node_modules/.bin (or any other) in the root and resolves with its exit code. */
export function run(command, args, options = {}) {
  const local = join(root, "node_modules", ".bin")
  const env = { ...process.env, PATH: `${local}:${process.env.PATH ?? ""}`, ...options.env }
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", env })
    child.once("error", reject)
    child.once("exit", (code, signal) => resolve(signal === null ? code : 1))
  })
}

/** Runs steps in order, names each, and ends the process at the first that fails. */
export async function runSteps(steps) {
  for (const [title, command, args, options] of steps) {
    const startedAt = Date.now()
    process.stdout.write(`== ${title}\n`)
    const code = await run(command, args, options)
    if (code !== 0) {
      process.stderr.write(`${title}: failed with exit code ${code}\n`)
      process.exit(code ?? 1)
    }
    process.stdout.write(`   ${title}: ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`)
  }
}
