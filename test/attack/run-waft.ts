import { spawn } from "node:child_process"
import { join } from "node:path"
import { root } from "../serving.ts"

export interface Ran {
  readonly code: number
  readonly out: string
  readonly errors: string
}

/** Runs the `waft` program as somebody whose environment names no server. */
export function waft(...args: readonly string[]): Promise<Ran> {
  return waftWith({}, ...args)
}

/** The same with something in the environment. */
export function waftWith(more: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const { WAFT_SERVER: _server, WAFT_TOKEN: _token, WAFT_DATA: _data, ...env } = process.env
    const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { env: { ...env, ...more } })
    let out = ""
    let errors = ""
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    child.once("exit", (code) => resolve({ code: code ?? -1, out, errors }))
  })
}
