import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { lstatSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { clearTimeout, setTimeout } from "node:timers"
import { setTimeout as sleep } from "node:timers/promises"
import type { MemoryPort, OpenPort } from "../core/families/memory-port.ts"
import { WrongUse } from "./wrong-use.ts"

export interface PseudoTerminal {
  readonly port: MemoryPort
  /** Path of the symbolic link to the terminal; it is there while the port is on the bus. */
  readonly link: string
  readonly log: (line: string) => void
  /** The program underneath; another one only in tests. */
  readonly socat?: string
}

/** A terminal that waits for a host; socat looks so often, s. */
const waitingTerminal = "PTY,rawer,wait-slave,pty-interval=0.02"
/** Hosts at the same time. */
const mostHosts = 16
/** What a host that does not read may leave unread, bytes; what comes beyond is lost, as on a UART. */
const mostUnreadBytes = 256 * 1024
/** What the module said last is with its host after this, ms. */
const lastWordsMs = 300
/** A terminal that could not be made is tried again after this, ms. */
const retryMs = 500

/**
 * Gives a module's port a pseudo-terminal, through socat. The terminal is gone while the port is off the bus, and every
 * host has a new one to open afterwards, as with USB. Throws `WrongUse` when socat is missing or the link cannot be.
 */
export async function servePseudoTerminal(options: PseudoTerminal): Promise<{ readonly close: () => Promise<void> }> {
  const { port, link, socat = "socat" } = options
  clearLink(link)
  const terminal = new Terminal(options, await findSocat(socat))
  let stopping: Promise<void> = Promise.resolve()
  const unwatch = port.watch({
    attached: () => {
      stopping = stopping.then(() => terminal.start())
    },
    detached: () => {
      stopping = stopping.then(() => terminal.stop())
    },
  })
  if (port.isAttached) terminal.start()
  return {
    close: async () => {
      unwatch()
      await stopping
      await terminal.stop()
    },
  }
}

/** A link that a killed process left is taken away; anything else is not ours. */
function clearLink(link: string): void {
  const found = lstatSync(link, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSymbolicLink()) throw new WrongUse(`${link} is there already and is no symbolic link; give another path`)
  rmSync(link, { force: true })
}

interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** How socat is started: bound to this process's life where the system can do that, so that a kill leaves none behind. */
async function findSocat(socat: string): Promise<Command> {
  const bound = { program: "setpriv", args: ["--pdeathsig", "TERM", socat] }
  if (await runs(bound)) return bound
  const plain = { program: socat, args: [] }
  if (await runs(plain)) return plain
  throw new WrongUse(`a pseudo-terminal needs the program ${socat}, which is not here; install socat, or use --tcp`)
}

async function runs({ program, args }: Command): Promise<boolean> {
  const child = spawn(program, [...args, "-V"], { stdio: "ignore" })
  return new Promise((resolve) => {
    child.once("error", () => resolve(false))
    child.once("close", (status) => resolve(status === 0))
  })
}

/**
 * One socat for each host, and one more that waits for the next: the link leads to that one's terminal. So a program can
 * open the port at once when another has just closed it.
 */
class Terminal {
  readonly #options: PseudoTerminal
  readonly #command: Command
  readonly #children = new Map<ChildProcess, Promise<void>>()
  #isWanted = false

  constructor(options: PseudoTerminal, command: Command) {
    this.#options = options
    this.#command = command
  }

  start(): void {
    this.#isWanted = true
    this.#spawn()
  }

  /** The terminals are gone, and the link with them. Resolves when no socat runs any more. */
  async stop(): Promise<void> {
    this.#isWanted = false
    clearLink(this.#options.link)
    for (const child of this.#children.keys()) hangUp(child)
    await Promise.all(this.#children.values())
  }

  #spawn(): void {
    if (!this.#isWanted || this.#children.size > mostHosts) return
    const { program, args } = this.#command
    const child = spawn(program, [...args, "-d", "-d", waitingTerminal, "STDIO"], { stdio: ["pipe", "pipe", "pipe"] })
    const ended = this.#serve(child).then(async (wasOpen) => {
      this.#children.delete(child)
      if (wasOpen || !this.#isWanted) return
      await sleep(retryMs)
      this.#spawn()
    })
    this.#children.set(child, ended)
  }

  /** False = it ended before a host had opened its terminal. */
  async #serve(child: ChildProcessWithoutNullStreams): Promise<boolean> {
    const { port, link, log } = this.#options
    const host: { open: OpenPort | null; isOpen: boolean; early: Uint8Array[] } = {
      open: null,
      isOpen: false,
      early: [],
    }
    let said = ""
    let isLinked = false
    child.stdin.on("error", () => child.kill("SIGTERM"))
    child.stdout.on("data", (bytes: Buffer) => {
      // What was typed may get here before socat's word that somebody is there.
      if (host.open === null) host.early.push(new Uint8Array(bytes))
      else host.open.write(new Uint8Array(bytes))
    })
    child.stderr.on("data", (bytes: Buffer) => {
      said = (said + bytes.toString("latin1")).slice(-4096)
      const name = /PTY is (\/\S+)\n/.exec(said)?.[1]
      if (!isLinked && name !== undefined && this.#isWanted) {
        isLinked = true
        pointLink(link, name)
      }
      if (host.isOpen || !said.includes("starting data transfer loop")) return
      host.isOpen = true
      host.open = port.open({
        receive: (sent) => {
          if (child.stdin.writableLength < mostUnreadBytes) child.stdin.write(sent)
        },
        vanish: () => hangUp(child),
      })
      for (const typed of host.early.splice(0)) host.open?.write(typed)
      this.#spawn()
    })
    await new Promise<void>((resolve) => {
      child.once("error", () => resolve())
      child.once("close", () => resolve())
    })
    host.open?.close()
    if (!host.isOpen && this.#isWanted) log(`socat: ${said.trim().split("\n").at(-1) ?? "ended"}`)
    return host.isOpen
  }
}

/** Ends a socat once it has handed over what the module said last: it does so when its input ends. */
function hangUp(child: ChildProcess): void {
  child.stdin?.end()
  const late = setTimeout(() => child.kill("SIGTERM"), lastWordsMs)
  child.once("close", () => clearTimeout(late))
}

/** The link leads to that terminal from now on; there is no moment without it. */
function pointLink(link: string, terminal: string): void {
  const beside = `${link}.new`
  rmSync(beside, { force: true })
  symlinkSync(terminal, beside)
  renameSync(beside, link)
}
