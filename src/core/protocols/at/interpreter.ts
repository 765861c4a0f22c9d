import { concat, latin1 } from "../../kit/bytes.ts"
import { type AtArgument, type AtCall, parseCommandLine } from "./command-line.ts"

/** What a command comes to: its lines of information and then OK; or an error, with a CME number where there is one. */
export type AtAnswer =
  | {
      readonly lines?: readonly string[]
      readonly afterwards?: () => void
      readonly takes?: DataTaker
      readonly takesText?: TextTaker
    }
  | "ERROR"
  | { readonly cme: number; readonly words: string }
  /** A message service failure (3GPP TS 27.005 §3.2.5). */
  | { readonly cms: number; readonly words: string }

/** After the command the port carries bytes instead of lines: so many, and then `done` says how it ends. */
export interface DataTaker {
  /** Said before the bytes, each as a line of its own: CONNECT, or OK and a prompt. */
  readonly prompts: readonly string[]
  readonly sizeBytes: number
  /** What is sent, without a line end, when the bytes taken so far are so many; null = nothing. */
  readonly acknowledge?: { readonly everyBytes: number; readonly text: string }
  /** Null = no final result follows. */
  readonly done: (bytes: Uint8Array) => AtAnswer | null | Promise<AtAnswer | null>
}

/** After the command the host types a text at `> `, ended by Ctrl-Z or given up by ESC (3GPP TS 27.005 §3.5.1). */
export interface TextTaker {
  /** Longest text; one that is longer is answered with ERROR. */
  readonly mostCharacters: number
  readonly done: (text: string) => AtAnswerSoon
}

export type AtAnswerSoon = AtAnswer | Promise<AtAnswer>

/** A command of a module: a form that is left out is answered with ERROR. */
export interface AtCommand<Module> {
  readonly test?: (module: Module) => AtAnswerSoon
  readonly read?: (module: Module) => AtAnswerSoon
  readonly write?: (module: Module, values: readonly AtArgument[]) => AtAnswerSoon
  readonly execute?: (module: Module) => AtAnswerSoon
  /** For a name of one letter: the number behind it, null when there was none. */
  readonly basic?: (module: Module, value: number | null) => AtAnswerSoon
}

/** A module's commands by name in upper case: `+CGMR`, `#OTASNAP`, `I`, `&D`. */
export type AtCommands<Module> = Readonly<Record<string, AtCommand<Module>>>

export interface InterpreterParts<Module> {
  readonly module: Module
  readonly commands: AtCommands<Module>
  /** Takes what the module sends to its host. */
  readonly write: (bytes: Uint8Array) => void
  /** Longest line, characters without `AT` and its end; a longer one is answered with ERROR. */
  readonly longestLine?: number
}

interface TakenData {
  readonly taker: DataTaker
  readonly chunks: Uint8Array[]
  left: number
  acknowledged: number
}

const settingsAtStart = { echo: true, verbose: true, quiet: false, cmee: 1, lineEnd: 13, lineFeed: 10, erase: 8 }

/** Registers by number (V.250 6.2): S3 ends a line, S4 is the line feed of answers, S5 erases. */
const registers = { 3: "lineEnd", 4: "lineFeed", 5: "erase" } as const
const isRegister = (number: number): number is keyof typeof registers => Object.hasOwn(registers, number)

const ok: AtAnswer = {}
const controlZ = 0x1a
const escapeKey = 0x1b
const longestData = 16 * 1024 * 1024

/**
 * The device's end of an AT port (ITU-T V.250): echo, line editing, concatenated commands, result codes in words or
 * numbers. Whatever is typed, it answers or ignores; it never throws for it.
 */
export class AtInterpreter<Module> {
  readonly #parts: InterpreterParts<Module>
  readonly #own: AtCommands<Module>
  #settings = { ...settingsAtStart }
  #line = ""
  #isTooLong = false
  #last = ""
  #data: TakenData | null = null
  #text: { readonly taker: TextTaker; text: string; isTooLong: boolean } | null = null

  constructor(parts: InterpreterParts<Module>) {
    this.#parts = parts
    this.#own = this.#ownCommands()
  }

  /** Takes what the host typed, in any pieces; resolves when every whole line of it is answered. */
  async take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#data !== null) at += await this.#takeData(bytes.subarray(at))
      else if (this.#text !== null) await this.#takeText(bytes[at++] ?? 0)
      else await this.#takeCharacter(bytes[at++] ?? 0)
    }
  }

  /** Sends a line that nobody asked for. */
  unsolicited(text: string): void {
    this.#send(`${this.#end}${text}${this.#end}`)
  }

  async #takeCharacter(code: number): Promise<void> {
    const { echo, lineEnd, lineFeed, erase } = this.#settings
    if (echo) this.#parts.write(Uint8Array.of(code))
    if (code === lineEnd) return this.#runLine()
    // Hosts end lines with CR LF as well; the LF begins no line.
    if (code === lineFeed && this.#line === "") return
    if (code === erase || code === 127) this.#line = this.#line.slice(0, -1)
    else if (this.#line.length < (this.#parts.longestLine ?? 1024) + 2) this.#line += String.fromCharCode(code)
    else this.#isTooLong = true
    // V.250 5.2.4: A/ repeats the last line at once, without an end.
    if (/^a\/$/i.test(this.#line)) {
      this.#line = this.#last
      await this.#runLine()
    }
  }

  async #runLine(): Promise<void> {
    const line = this.#line
    const isTooLong = this.#isTooLong
    this.#line = ""
    this.#isTooLong = false
    // What stands before AT is noise (V.250 5.2.1: the prefix begins the line).
    const start = line.search(/at/i)
    if (start < 0) return
    if (isTooLong) return this.#result("ERROR")
    this.#last = line.slice(start)
    const calls = parseCommandLine(this.#last.slice(2))
    if (calls === null) return this.#result("ERROR")
    const afterwards: (() => void)[] = []
    for (const call of calls) {
      const answer = await this.#run(call)
      if (isError(answer)) return this.#result(answer)
      if (answer.lines !== undefined && answer.lines.length > 0) this.#information(answer.lines)
      if (answer.afterwards !== undefined) afterwards.push(answer.afterwards)
      if (answer.takes !== undefined) return this.#beginData(answer.takes)
      if (answer.takesText !== undefined) return this.#beginText(answer.takesText)
    }
    this.#result(ok)
    for (const deed of afterwards) deed()
  }

  #run(call: AtCall): AtAnswerSoon {
    const { module, commands } = this.#parts
    if (call.form === "register") return this.#register(call.register, call.value)
    const command = commandOf(commands, call.name) ?? commandOf(this.#own, call.name)
    if (command === undefined) return "ERROR"
    if (call.form === "basic") return command.basic?.(module, call.value) ?? "ERROR"
    if (call.form === "write") return command.write?.(module, call.arguments) ?? "ERROR"
    return command[call.form]?.(module) ?? "ERROR"
  }

  /** What every module does, unless its own table says otherwise. */
  #ownCommands(): AtCommands<Module> {
    const flag =
      (name: "echo" | "verbose" | "quiet") =>
      (_module: Module, value: number | null): AtAnswer => {
        if ((value ?? 0) > 1) return "ERROR"
        this.#settings[name] = value === 1
        return ok
      }
    const reset = (): AtAnswer => {
      this.#settings = { ...settingsAtStart }
      return ok
    }
    return {
      E: { basic: flag("echo") },
      V: { basic: flag("verbose") },
      Q: { basic: flag("quiet") },
      Z: { basic: reset },
      "&F": { basic: reset },
      "&W": { basic: () => ok },
      "+CMEE": {
        test: () => ({ lines: ["+CMEE: (0-2)"] }),
        read: () => ({ lines: [`+CMEE: ${this.#settings.cmee}`] }),
        write: (_module, [value]) => {
          if (value === undefined || !/^[012]$/.test(value.text)) return "ERROR"
          this.#settings.cmee = Number(value.text)
          return ok
        },
      },
    }
  }

  #register(number: number, value: number | null): AtAnswer {
    if (!isRegister(number)) return "ERROR"
    const name = registers[number]
    if (value === null) return { lines: [String(this.#settings[name]).padStart(3, "0")] }
    if (value > 127) return "ERROR"
    this.#settings[name] = value
    return ok
  }

  #beginData(taker: DataTaker): Promise<void> | void {
    if (!(taker.sizeBytes >= 0 && taker.sizeBytes <= longestData)) return this.#result("ERROR")
    for (const prompt of taker.prompts) this.#send(`${this.#end}${prompt}${this.#end}`)
    this.#data = { taker, chunks: [], left: taker.sizeBytes, acknowledged: 0 }
    return this.#endData(this.#data)
  }

  /** How many of the bytes belong to the data. */
  async #takeData(bytes: Uint8Array): Promise<number> {
    const data = this.#data
    if (data === null) return 0
    const taken = bytes.slice(0, data.left)
    data.chunks.push(taken)
    data.left -= taken.length
    this.#acknowledge(data)
    await this.#endData(data)
    return taken.length
  }

  #acknowledge(data: TakenData): void {
    const { acknowledge, sizeBytes } = data.taker
    if (acknowledge === undefined) return
    const due = Math.floor((sizeBytes - data.left) / acknowledge.everyBytes)
    for (; data.acknowledged < due; data.acknowledged++) this.#send(acknowledge.text)
  }

  async #endData(data: TakenData): Promise<void> {
    if (data.left > 0) return
    this.#data = null
    const answer = await data.taker.done(concat(data.chunks))
    if (answer === null) return
    if (isError(answer)) return this.#result(answer)
    if (answer.lines !== undefined && answer.lines.length > 0) this.#information(answer.lines)
    this.#result(ok)
    answer.afterwards?.()
  }

  #beginText(taker: TextTaker): void {
    this.#send(`${this.#end}> `)
    this.#text = { taker, text: "", isTooLong: false }
  }

  async #takeText(code: number): Promise<void> {
    const taken = this.#text
    if (taken === null) return
    if (this.#settings.echo) this.#parts.write(Uint8Array.of(code))
    if (code !== controlZ && code !== escapeKey) {
      if (taken.text.length < taken.taker.mostCharacters) taken.text += String.fromCharCode(code)
      else taken.isTooLong = true
      return
    }
    this.#text = null
    if (code === escapeKey) return this.#result(ok)
    const answer = taken.isTooLong ? "ERROR" : await taken.taker.done(taken.text)
    if (isError(answer)) return this.#result(answer)
    if (answer.lines !== undefined && answer.lines.length > 0) this.#information(answer.lines)
    this.#result(ok)
    answer.afterwards?.()
  }

  get #end(): string {
    return String.fromCharCode(this.#settings.lineEnd, this.#settings.lineFeed)
  }

  /** V.250 5.7.1: information in words has line ends on both sides, in numbers only behind it. */
  #information(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${this.#end}`).join("")
    this.#send(this.#settings.verbose ? `${this.#end}${text}` : text)
  }

  #result(answer: AtAnswer): void {
    const { quiet, verbose, cmee, lineEnd } = this.#settings
    if (quiet) return
    const hasFailed = isError(answer)
    if (hasFailed && answer !== "ERROR" && cmee > 0) {
      const [source, number] = "cme" in answer ? ["CME", answer.cme] : ["CMS", answer.cms]
      const text = cmee === 1 ? String(number) : answer.words
      return this.#send(`${this.#end}+${source} ERROR: ${text}${this.#end}`)
    }
    if (verbose) this.#send(`${this.#end}${hasFailed ? "ERROR" : "OK"}${this.#end}`)
    else this.#send(`${hasFailed ? 4 : 0}${String.fromCharCode(lineEnd)}`)
  }

  #send(text: string): void {
    this.#parts.write(latin1(text))
  }
}

type AtFailure = Exclude<AtAnswer, { readonly takes?: DataTaker }>

function isError(answer: AtAnswer): answer is AtFailure {
  return answer === "ERROR" || "cme" in answer || "cms" in answer
}

function commandOf<Module>(commands: AtCommands<Module>, name: string): AtCommand<Module> | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined
}
