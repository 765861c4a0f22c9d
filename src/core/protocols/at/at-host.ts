import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import { AtCutter, type AtPiece } from "./at-cutter.ts"
import type { AtClock, AtLine } from "./at-line.ts"
import { type AtFinal, parseFinal } from "./at-result.ts"
import { type AtUrc, hasBody, isBodyOf, isUrc } from "./at-urc.ts"

/** How a command went. */
export type AtAnswer =
  | {
      readonly end: "ok" | "error"
      /** The lines between command and result, echo and URCs left out. */
      readonly lines: readonly string[]
      readonly final: AtFinal
    }
  /** `timeout`: the module gave no result in time, and may or may not have obeyed. `gone`: the port vanished. */
  | { readonly end: "timeout" | "gone"; readonly lines: readonly string[]; readonly final: null }

export interface AtCommand {
  /** Without the line end: `AT+CGMR`. */
  readonly text: string
  /** For the whole command, its data included. */
  readonly timeoutMs: number
  /** Sent when the module asks with `>`; the caller puts the Ctrl-Z (0x1A) at its end. */
  readonly data?: Uint8Array
  /**
   * Whether a line has the shape of this command's answer; every other line is a URC, known or not. Absent: a line is told from
   * a URC by its name alone, so that one without a name is believed.
   */
  readonly isAnswer?: (line: string) => boolean
}

export interface AtHostLimits {
  readonly maxLineBytes: number
  /** Lines of one answer, and URCs that wait to be listened to; of the latter the oldest are dropped. */
  readonly maxLines: number
}

const standardLimits: AtHostLimits = { maxLineBytes: 1024, maxLines: 256 }
const escape = new Uint8Array([0x1b])
/** After a command without a result its late answer is let pass: so long without a byte counts as passed. */
const quietMs = 300
const settleMs = 3000
/** So many lines may come between the head of a two-line URC and its body. */
const mostBetween = 4

interface OpenCommand {
  readonly command: AtCommand
  readonly lines: string[]
  final: AtFinal | null
  hasPrompted: boolean
  /** A line had begun before the command was typed: it is none of the answer. */
  followsOlderLine: boolean
}

/**
 * The host's end of an AT line (V.250): types commands one after the other, tells their answers from echo and URCs, and
 * keeps URCs for whoever listens. One for each opened line; it reads only while a command runs or somebody listens.
 */
export class AtHost {
  readonly line: AtLine
  readonly #clock: AtClock
  readonly #limits: AtHostLimits
  readonly #cutter: AtCutter
  readonly #urcs: AtUrc[] = []
  #headOfTwo: string | null = null
  #sinceHead = 0
  #open: OpenCommand | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #listening: AbortController | null = null
  #waitingCommands = 0
  #isGone = false
  /** Digits count as results until the module has shown that it gives words. */
  #isVerbose = false
  #unanswered: AtCommand | null = null

  constructor(line: AtLine, clock: AtClock, limits: AtHostLimits = standardLimits) {
    this.line = line
    this.#clock = clock
    this.#limits = limits
    this.#cutter = new AtCutter(limits.maxLineBytes)
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /**
   * Types a command when those before it are through, and waits for its result. Never rejects for what a module does.
   * Throws `RangeError` for a text that is not one line of printable ASCII.
   */
  async command(command: AtCommand): Promise<AtAnswer> {
    if (!/^[\x20-\x7e]+$/.test(command.text)) throw new RangeError("an AT command is one line of printable ASCII")
    this.#waitingCommands++
    this.#listening?.abort()
    try {
      return await this.#inTurn(() => this.#run(command))
    } finally {
      this.#waitingCommands--
    }
  }

  /** The next URC; `quiet`: none came within `timeoutMs`, or the signal was aborted. Commands go ahead of it. */
  async listen(timeoutMs: number, signal?: AbortSignal): Promise<AtUrc | "quiet" | "gone"> {
    const deadline = this.#clock.now() + timeoutMs
    for (;;) {
      const urc = this.#urcs.shift()
      if (urc !== undefined) return urc
      if (this.#isGone) return "gone"
      if (deadline <= this.#clock.now() || signal?.aborted === true) return "quiet"
      await this.#inTurn(() => this.#listenOnce(deadline, signal))
    }
  }

  close(): Promise<void> {
    this.#isGone = true
    return this.line.close()
  }

  #inTurn<T>(deed: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(deed, deed)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #listenOnce(deadline: number, signal?: AbortSignal): Promise<void> {
    if (this.#urcs.length > 0 || this.#waitingCommands > 0) return
    const listening = new AbortController()
    const stop = (): void => listening.abort()
    signal?.addEventListener("abort", stop, { once: true })
    this.#listening = listening
    try {
      await this.#readUntil(deadline, listening.signal)
    } finally {
      this.#listening = null
      signal?.removeEventListener("abort", stop)
    }
  }

  async #run(command: AtCommand): Promise<AtAnswer> {
    if (this.#unanswered !== null) await this.#settle(this.#unanswered)
    const open = opened(command, { followsOlderLine: this.#cutter.isMidLine })
    const deadline = this.#clock.now() + command.timeoutMs
    this.#open = open
    await this.#write(latin1(`${command.text}\r`))
    while (open.final === null && !this.#isGone && this.#clock.now() < deadline) {
      const hadPrompted = open.hasPrompted
      await this.#readUntil(deadline)
      if (open.hasPrompted && !hadPrompted && command.data !== undefined) await this.#write(command.data)
    }
    this.#open = null
    const { final, lines } = open
    if (final !== null) return { end: final.isOk ? "ok" : "error", lines, final }
    if (this.#isGone) return { end: "gone", lines, final: null }
    this.#unanswered = command
    return { end: "timeout", lines, final: null }
  }

  /** Lets the late answer of a command pass, which would be taken for the next one's. */
  async #settle(command: AtCommand): Promise<void> {
    this.#unanswered = null
    // A prompt that came too late waits for data: it is told that there is none.
    if (command.data !== undefined) await this.#write(escape)
    const deadline = this.#clock.now() + settleMs
    this.#open = opened(command, { hasPrompted: true })
    while (!this.#isGone && this.#clock.now() < deadline) {
      if (!(await this.#readUntil(Math.min(deadline, this.#clock.now() + quietMs)))) break
    }
    this.#open = null
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (!this.#isGone && !(await this.line.write(bytes))) this.#isGone = true
  }

  /** One read; false when nothing came. */
  async #readUntil(deadline: number, signal?: AbortSignal): Promise<boolean> {
    const bytes = await this.line.read(Math.max(0, deadline - this.#clock.now()), signal)
    if (bytes === null) {
      this.#isGone = true
      return false
    }
    for (const piece of this.#cutter.push(bytes, this.#open?.command.data !== undefined)) this.#take(piece)
    return bytes.length > 0
  }

  #take(piece: AtPiece): void {
    if (piece.kind === "overlong") {
      this.#headOfTwo = null
      this.#answering()
    } else if (piece.kind === "prompt") {
      if (this.#open !== null) this.#open.hasPrompted = true
    } else if (this.#headOfTwo === null || !this.#isBody(this.#headOfTwo, piece.text)) this.#takeLine(piece.text)
  }

  /** Whether the line is the body of a URC that has one; others may come in between. */
  #isBody(head: string, line: string): boolean {
    const isBody = isBodyOf(head, line)
    if (!isBody && ++this.#sinceHead <= mostBetween) return false
    this.#keepUrc(isBody ? { line: head, body: line } : { line: head })
    this.#headOfTwo = null
    return isBody
  }

  #takeLine(line: string): void {
    const open = this.#answering()
    if (open !== null && isEcho(line, open)) return
    const final = parseFinal(line, !this.#isVerbose)
    if (final !== null && (final.line !== "NO CARRIER" || isDialling(open))) {
      if (!/^\d$/.test(final.line)) this.#isVerbose = true
      // Without a command it is the late result of one that was given up.
      if (open !== null) open.final = final
    } else if (open !== null && isAnswerOf(open.command, line)) {
      if (open.lines.length < this.#limits.maxLines) open.lines.push(line)
    } else if (hasBody(line)) {
      if (this.#headOfTwo !== null) this.#keepUrc({ line: this.#headOfTwo })
      this.#headOfTwo = line
      this.#sinceHead = 0
    } else this.#keepUrc({ line })
  }

  /** The command whose answer the next line may be. */
  #answering(): OpenCommand | null {
    const open = this.#open
    if (open === null || open.final !== null) return null
    if (!open.followsOlderLine) return open
    open.followsOlderLine = false
    return null
  }

  #keepUrc(urc: AtUrc): void {
    this.#urcs.push(urc)
    if (this.#urcs.length > this.#limits.maxLines) this.#urcs.shift()
  }
}

function opened(command: AtCommand, more: Partial<OpenCommand>): OpenCommand {
  return { command, lines: [], final: null, hasPrompted: false, followsOlderLine: false, ...more }
}

function isAnswerOf({ text, isAnswer }: AtCommand, line: string): boolean {
  return isAnswer === undefined ? !isUrc(line, text) : isAnswer(line.trim())
}

function isDialling(open: OpenCommand | null): boolean {
  return open !== null && /^AT[DAO]/i.test(open.command.text)
}

/** The command as the module repeats it (`ATE1`), whole or without a beginning that it slept through; or the data. */
function isEcho(line: string, { command, lines, hasPrompted }: OpenCommand): boolean {
  if (lines.length === 0 && line.length >= 2 && command.text.endsWith(line)) return true
  if (!hasPrompted || command.data === undefined || parseFinal(line, false) !== null) return false
  return fromLatin1(command.data)
    .split(/[\r\n\x1a]/)
    .includes(line.replaceAll(/^> |\x1a$/g, ""))
}
