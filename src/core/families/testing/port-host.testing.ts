import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import { MemoryPort, type OpenPort } from "../memory-port.ts"

/** A host for tests that opens a module's port whenever it is there, and reads its lines. */
export class PortHost {
  readonly port = new MemoryPort()
  /** Every line that came, in order; `(back)` and `(gone)` where the port came and went. */
  readonly lines: string[] = []
  #open: OpenPort | null = null
  #text = ""
  #seen = 0
  #wake: () => void = () => undefined

  constructor() {
    this.port.watch({ attached: () => this.#plug(), detached: () => this.#take("(gone)") })
  }

  type(text: string): void {
    this.send(latin1(`${text}\r`))
  }

  send(bytes: Uint8Array): void {
    this.#open?.write(bytes)
  }

  /**
   * Waits for the next line that matches, from where the last wait ended; gives it. Rejects as `module` does, when the
   * module ends first.
   */
  async until(pattern: RegExp, module: Promise<unknown>): Promise<string> {
    const ended = module.then(() => {
      throw new Error(`the module ended before it said ${String(pattern)}`)
    })
    ended.catch(() => undefined)
    for (;;) {
      while (this.#seen < this.lines.length) {
        const line = this.lines[this.#seen++] ?? ""
        if (pattern.test(line)) return line
      }
      const next = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await Promise.race([next, ended])
    }
  }

  /** Types a command and gives the lines up to its result, the echo left out. */
  async ask(command: string, module: Promise<unknown>): Promise<readonly string[]> {
    const from = this.lines.length
    this.#seen = from
    this.type(command)
    await this.until(/^(OK|ERROR|\+CM[ES] ERROR.*)$/, module)
    return this.lines.slice(from, this.#seen).filter((line) => line !== command)
  }

  #plug(): void {
    this.#take("(back)")
    this.#open = this.port.open({
      receive: (bytes) => {
        this.#text += fromLatin1(bytes)
        const whole = this.#text.split(/[\r\n]+/)
        this.#text = whole.pop() ?? ""
        for (const line of whole) if (line !== "") this.#take(line)
      },
      vanish: () => undefined,
    })
  }

  #take(line: string): void {
    this.lines.push(line)
    this.#wake()
  }
}
