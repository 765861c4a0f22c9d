import { spawn } from "node:child_process"

export interface Ended {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs a foreign program without blocking this process, which may be serving it, and gives what it wrote. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"], timeout: 60_000 })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => void stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => void stderr.push(chunk))
    child.once("error", reject)
    child.once("close", (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    )
    // A program that reads no input may be gone before it is given any.
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
  })
}

/** Runs a program that must succeed; an error carries what it said. */
export async function runWell(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string } = {},
): Promise<Ended> {
  const ended = await runProgram(command, args, options)
  if (ended.code !== 0) {
    throw new Error(
      `${command} ended with ${String(ended.code)}: ${ended.stderr}${ended.stdout.toString().slice(0, 2000)}`,
    )
  }
  return ended
}
