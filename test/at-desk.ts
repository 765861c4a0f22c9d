import { spawn } from "node:child_process"
import type { MemoryPort } from "../src/core/families/memory-port.ts"
import { fromLatin1, latin1 } from "../src/core/kit/bytes.ts"

/** Somebody who types at a module's AT port and reads what it says. */
export interface AtDesk {
  /** Every whole line so far, the echo of what was typed among them; empty ones left out. */
  readonly lines: readonly string[]
  readonly type: (command: string) => void
  /** Waits for the next line that matches, from where the last wait ended. */
  readonly until: (pattern: RegExp) => Promise<string>
  /** Types a command and waits for its result: the lines from the echo on. */
  readonly ask: (command: string) => Promise<readonly string[]>
  readonly leave: () => Promise<void>
}

const result = /^(OK|ERROR|\+CM[ES] ERROR: .*)$/

/** Sits down at a pseudo-terminal, as an operator with a terminal program does. */
export function deskAtTerminal(path: string): AtDesk {
  const terminal = spawn("socat", ["-", `${path},rawer`], { stdio: ["pipe", "pipe", "ignore"] })
  terminal.stdin.on("error", () => undefined)
  const gone = new Promise<void>((resolve) => terminal.once("close", () => resolve()))
  const desk = new Desk({
    write: (text) => void terminal.stdin.write(text),
    leave: async () => {
      terminal.kill()
      await gone
    },
  })
  terminal.stdout.on("data", (bytes: Buffer) => desk.read(bytes.toString("latin1")))
  void gone.then(() => desk.end(new Error(`the terminal at ${path} is gone; is socat installed?`)))
  return desk
}

/** Sits down at the port of a module in this process, as soon as it is there. */
export async function deskAtPort(port: MemoryPort): Promise<AtDesk> {
  while (!port.isAttached) await new Promise((resolve) => setTimeout(resolve, 5))
  const open = port.open({
    receive: (bytes) => desk.read(fromLatin1(bytes)),
    vanish: () => desk.end(new Error("the port has vanished")),
  })
  const desk = new Desk({
    write: (text) => open?.write(latin1(text)),
    leave: () => Promise.resolve(open?.close()),
  })
  return desk
}

/** Types AT until a module that has just started answers. */
export async function wake(desk: AtDesk): Promise<void> {
  const answered = desk.until(/^OK$/).then(() => "awake")
  do desk.type("AT")
  while ((await Promise.race([answered, pause()])) !== "awake")
  // Answers to what was typed too often must not be taken for others.
  await pause()
}

/** Asks until the module is registered at the network. */
export async function onAir(desk: AtDesk): Promise<void> {
  while (!(await desk.ask("AT+CREG?")).some((line) => line.endsWith(",1"))) await pause()
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100))

interface Hands {
  readonly write: (text: string) => void
  readonly leave: () => Promise<void>
}

class Desk implements AtDesk {
  readonly lines: string[] = []
  readonly #hands: Hands
  #rest = ""
  #seen = 0
  #waiting: { readonly pattern: RegExp; readonly settle: (line: string) => void }[] = []
  #fail: (error: Error) => void = () => undefined
  readonly #ended: Promise<never>

  constructor(hands: Hands) {
    this.#hands = hands
    this.#ended = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.#ended.catch(() => undefined)
  }

  readonly type = (command: string): void => this.#hands.write(`${command}\r`)

  readonly leave = (): Promise<void> => this.#hands.leave()

  readonly until = (pattern: RegExp): Promise<string> => {
    const next = new Promise<string>((settle) => void this.#waiting.push({ pattern, settle }))
    this.#look()
    return Promise.race([next, this.#ended])
  }

  readonly ask = async (command: string): Promise<readonly string[]> => {
    const from = this.lines.length
    this.#seen = from
    this.type(command)
    await this.until(result)
    return this.lines.slice(from, this.#seen)
  }

  read(text: string): void {
    const [last = "", ...whole] = (this.#rest + text).split(/[\r\n]+/).reverse()
    this.#rest = last
    this.lines.push(...whole.reverse().filter((line) => line !== ""))
    this.#look()
  }

  end(error: Error): void {
    this.#fail(error)
  }

  #look(): void {
    for (let waiting = this.#waiting[0]; waiting !== undefined && this.#seen < this.lines.length; ) {
      const line = this.lines[this.#seen++] ?? ""
      if (!waiting.pattern.test(line)) continue
      this.#waiting.shift()
      waiting.settle(line)
      waiting = this.#waiting[0]
    }
  }
}
