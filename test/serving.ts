import { type ChildProcess, spawn, type StdioOptions } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { type ApiClient, client } from "../src/cli/api-client.ts"

/** The project's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..")

/** A server in a process of its own, as an operator runs it. */
export interface Serving {
  readonly data: string
  readonly ftp: string
  readonly deviceHttp: string
  readonly url: string
  readonly api: ApiClient
  readonly pid: number
  /** Sends the signal and waits for the end. */
  readonly end: (signal: "SIGKILL" | "SIGTERM" | "SIGINT" | "SIGHUP") => Promise<void>
}

export interface ServeOptions {
  readonly data?: string
  /** Flags beside `--data`; addresses default to free loopback ports. */
  readonly flags?: readonly string[]
  /** Runs the server on this core only. */
  readonly core?: number
  /** Descriptors that the server may have open. */
  readonly openFiles?: number
  /** Environment of the server beside this process's own. */
  readonly env?: Readonly<Record<string, string>>
  /** Takes each line of the server's log; absent = it goes where this process's own errors go. */
  readonly onLog?: (line: string) => void
}

/** A free port of the loopback address. */
export const anyPort = "127.0.0.1:0"
/** Settings with which a server disturbs nobody: free loopback ports, and only errors in its log. */
export const quiet = {
  http: anyPort,
  ftp: anyPort,
  "device-http": anyPort,
  "device-tcp": anyPort,
  "log-level": "error",
  "drain-seconds": "0",
}
const quietFlags: readonly string[] = Object.entries(quiet).flatMap(([name, value]) => [`--${name}`, value])

/** Starts `waft serve` from the built program and resolves at its `ready` line. */
export async function serve(options: ServeOptions = {}): Promise<Serving> {
  const { data = newFolder(), flags = [], core, openFiles, onLog } = options
  const args = [join(root, "bin", "waft.js"), "serve", "--data", data, ...quietFlags, ...flags]
  const env = { ...process.env, ...options.env }
  const [program, ...words] = [
    ...(core === undefined ? [] : ["taskset", "-c", String(core)]),
    ...(openFiles === undefined ? [] : ["prlimit", `--nofile=${openFiles}`]),
    process.execPath,
    ...args,
  ]
  const stdio: StdioOptions = ["ignore", "pipe", onLog === undefined ? "inherit" : "pipe"]
  const child = spawn(program ?? process.execPath, words, { stdio, env })
  if (onLog !== undefined && child.stderr !== null) createInterface({ input: child.stderr }).on("line", onLog)
  const ready = await readyLine(child)
  const address = (name: string): string => new RegExp(`\\b${name}=(\\S+)`).exec(ready)?.[1] ?? ""
  const scheme = flags.includes("--http-tls-cert") ? "https" : "http"
  const url = `${scheme}://${/ http=(\S+)/.exec(ready)?.[1] ?? ""}`
  const token = readFileSync(join(data, "admin-token"), "utf8").trim()
  return {
    data,
    ftp: address("ftp"),
    deviceHttp: address("device-http"),
    url,
    api: client(url, token),
    pid: child.pid ?? 0,
    end: (signal) => endProcess(child, signal),
  }
}

function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const { stdout } = child
    if (stdout === null) throw new Error("the server's output is not piped")
    const lines = createInterface({ input: stdout })
    lines.on("line", (line) => (line.startsWith("ready") ? resolve(line) : undefined))
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it was ready`)))
  })
}

function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once("exit", () => resolve())
    child.kill(signal)
  })
}

/** A new empty folder. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "waft-test-"))
}

/** A loopback port that was free a moment ago: for servers that are started again on the same one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
}
