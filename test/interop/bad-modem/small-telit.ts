import { latin1 } from "../../../src/core/kit/bytes.ts"
import type { AtLine } from "../../../src/core/protocols/at/at-line.ts"
import type { StepClock } from "../../../src/core/protocols/at/scripted-line.testing.ts"
import type { HostPort } from "../../../src/core/families/host.ts"
import { urcLine, type UrcName } from "../../../src/core/families/telit/codec/urcs.ts"
import { ModuleLine } from "../../../src/core/families/quectel/host/small-module.testing.ts"

/** One thing that happens to the module at a time of its own. */
export interface Moment {
  readonly atMs: number
  readonly deed: (module: SmallTelit) => void
}

export const pin = "6755"
export const ourImei = "354255020000011"
export const strangerImei = "354255020000099"

/** A Telit module for conversations that misbehave, on a clock that steps: what it says and does is a list of moments. */
export class SmallTelit implements HostPort {
  readonly clock: StepClock
  #moments: Moment[] = []
  #line: ModuleLine | null = null
  #typed = ""
  portName: string | null = "/dev/ttyUSB3"
  answers = true
  version = "10.00.144"
  imei = ourImei
  sim: "READY" | "SIM PIN" | "SIM PUK" = "SIM PIN"
  baudRate = 0
  cutBytes = Number.POSITIVE_INFINITY
  echo = false
  isRegistered = false
  /** What the module downloads when it is told to; null = its server has nothing. */
  offered: string | null = "10.00.145"
  /** How an update that was begun ends. */
  fate: "installs" | "fails" | "silent" = "installs"
  /** URCs that are lost on their way. */
  readonly lost = new Set<UrcName>()
  #question: { readonly untilMs: number } | null = null
  isUpdating = false
  /** What comes before the answer of a command, by the command's beginning. */
  readonly noise: Record<string, string> = {}
  /** What comes between the answer of a command and its end. */
  readonly noiseBehind: Record<string, string> = {}
  /** Answers instead of the n-th of a command, from 0. */
  readonly odd: { readonly command: string; readonly nth: number; readonly answer: string }[] = []
  readonly #asked = new Map<string, number>()
  /** Everything that was typed, and at whom. */
  readonly typed: { readonly command: string; readonly imei: string }[] = []
  /** Every version that our module has run. */
  readonly history: string[] = []
  /** Answers to its question that the module took. */
  readonly taken: string[] = []
  questions = 0
  starts = 0
  wrongPins = 0

  constructor(clock: StepClock) {
    this.clock = clock
    this.history.push(this.version)
  }

  after(ms: number, deed: (module: SmallTelit) => void): void {
    this.#moments.push({ atMs: this.clock.now() + ms, deed })
    this.#moments.sort((a, b) => a.atMs - b.atMs)
  }

  names = async (): Promise<readonly string[]> => {
    await Promise.resolve()
    this.nextDueMs()
    return this.portName === null ? [] : [this.portName]
  }

  open = async (name: string): Promise<AtLine | null> => {
    await Promise.resolve()
    this.nextDueMs()
    if (name !== this.portName) return null
    this.#line = new ModuleLine(name, this.clock, this)
    return this.#line
  }

  nextDueMs(): number {
    for (;;) {
      const next = this.#moments[0]
      if (next === undefined) return Number.POSITIVE_INFINITY
      if (next.atMs > this.clock.now()) return next.atMs
      this.#moments.shift()
      next.deed(this)
    }
  }

  print(text: string): void {
    this.#line?.put(latin1(text))
  }

  urc(name: UrcName): void {
    if (!this.lost.has(name)) this.print(`\r\n${urcLine(name, "screen")}\r\n`)
  }

  setPort(name: string | null): void {
    this.#line?.vanish()
    this.#line = null
    this.portName = name
  }

  /** Another module stands at the port from now on, or ours is back. */
  swap(imei: string, version: string): void {
    this.imei = imei
    this.#run(version)
    this.isUpdating = false
    this.#question = null
  }

  #run(version: string): void {
    this.version = version
    if (this.imei === ourImei) this.history.push(version)
  }

  ask(seconds = 60): void {
    if (this.isUpdating || !this.isRegistered) return
    this.questions++
    const question = { untilMs: this.clock.now() + seconds * 1000 }
    this.#question = question
    this.urc("question")
    this.after(seconds * 1000, () => {
      if (this.#question !== question) return
      this.#question = null
      this.urc("answerTimeout")
    })
  }

  /** The module begins to update, as the server or its host has ordered. */
  begin(): void {
    const { imei } = this
    this.starts++
    this.isUpdating = true
    const next = this.offered
    const isStill = (): boolean => this.imei === imei && this.isUpdating
    const then = (ms: number, deed: () => void): void => this.after(ms, () => (isStill() ? deed() : undefined))
    then(2000, () => this.urc("startDownload"))
    if (this.fate === "silent") return then(400_000, () => (this.isUpdating = false))
    then(100_000, () => {
      if (this.fate === "installs" && next !== null) return this.urc("downloadComplete")
      this.isUpdating = false
      this.urc("failed")
    })
    then(105_000, () => {
      this.answers = false
      this.setPort(null)
    })
    then(150_000, () => {
      this.isUpdating = false
      this.answers = true
      this.#run(next ?? this.version)
      this.sim = "SIM PIN"
      this.baudRate = 0
      this.setPort("/dev/ttyUSB3")
    })
    this.after(155_000, () => (this.imei === imei && this.version === next ? this.urc("upgraded") : undefined))
    this.after(200_000, () => (this.imei === imei && this.version === next ? this.urc("serverNotified") : undefined))
  }

  take(bytes: Uint8Array): void {
    this.#typed += String.fromCharCode(...bytes)
    for (let end = this.#typed.indexOf("\r"); end >= 0; end = this.#typed.indexOf("\r")) {
      const command = this.#typed.slice(0, end)
      this.#typed = this.#typed.slice(end + 1)
      this.typed.push({ command, imei: this.imei })
      if (this.answers) this.#obey(command)
    }
  }

  #obey(command: string): void {
    if (this.echo) this.print(`${command}\r`)
    this.print(this.noise[command] ?? "")
    const nth = this.#asked.get(command) ?? 0
    this.#asked.set(command, nth + 1)
    const odd = this.odd.find((one) => one.command === command && one.nth === nth)
    const answer = this.#answerTo(command)
    const behind = this.noiseBehind[command] ?? ""
    this.print(odd?.answer ?? answer.replace(/\r\nOK\r\n$/, `${behind}$&`))
  }

  /** Obeys, whatever then becomes of the answer. */
  #answerTo(command: string): string {
    const ok = "\r\nOK\r\n"
    const says = (line: string): string => `\r\n${line}\r\n${ok}`
    if (command === "AT+CGSN") return says(this.imei)
    if (command === "AT+CGMR") return says(this.version)
    if (command === "AT+IPR?") return says(`+IPR: ${this.baudRate}`)
    if (command === "AT+CPIN?") return says(`+CPIN: ${this.sim}`)
    if (command === "AT#OTAIPUPD?") return says(`#OTAIPUPD: ${this.isUpdating ? 1 : 0}`)
    const rate = /^AT\+IPR=(\d+)$/.exec(command)?.[1]
    if (rate !== undefined) this.baudRate = Number(rate)
    const given = /^AT\+CPIN=(\d+)$/.exec(command)?.[1]
    if (given !== undefined) return this.#open(given)
    if (command.startsWith("AT#OTASNAP=")) {
      this.after(10_000, () => {
        this.isRegistered = true
        this.urc("registered")
      })
    }
    const answer = /^AT#OTASUAN=(\d)$/.exec(command)?.[1]
    if (answer !== undefined) return this.#answered(answer)
    return ok
  }

  #open(given: string): string {
    if (this.sim !== "SIM PIN") return "\r\n+CME ERROR: 3\r\n"
    if (given !== pin) {
      this.wrongPins++
      if (this.wrongPins >= 3) this.sim = "SIM PUK"
      return "\r\n+CME ERROR: 16\r\n"
    }
    this.sim = "READY"
    this.wrongPins = 0
    return "\r\nOK\r\n"
  }

  #answered(answer: string): string {
    if (this.#question === null) return "\r\n+CME ERROR: 3\r\n"
    this.#question = null
    this.taken.push(answer)
    if (answer === "1") this.begin()
    return "\r\nOK\r\n"
  }
}
