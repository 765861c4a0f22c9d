import { setImmediate } from "node:timers"
import { concat, latin1 } from "../../../kit/bytes.ts"
import type { AtLine } from "../../../protocols/at/at-line.ts"
import type { StepClock } from "../../../protocols/at/scripted-line.testing.ts"
import type { HostPort } from "../../host.ts"

/** One thing that happens to the module, `atMs` after the command. */
export interface Happening {
  readonly atMs: number
  /** A line as the module prints it, CR LF on both sides. */
  readonly say?: string
  /** The port vanishes, or is there again under that name. */
  readonly port?: string | null
  /** Whether it answers commands. */
  readonly answers?: boolean
  readonly version?: string
}

export interface SmallModuleOptions {
  readonly version: string
  /** What happens after each AT+QFOTADL that is answered with OK; the n-th list after the n-th. */
  readonly plans: readonly (readonly Happening[])[]
  /** Instead of OK, for the n-th command. */
  readonly refusals?: readonly (string | null)[]
  readonly imei?: string
  readonly portName?: string
  /** Refuses a command while an update is under way, as modules do. */
  readonly isBusyAware?: boolean
  readonly hasEcho?: boolean
  readonly cutBytes?: number
  readonly otherPorts?: readonly string[]
}

/** A module for tests: answers commands, and lives through a plan of happenings on a clock that steps. */
export class SmallModule implements HostPort {
  readonly #clock: StepClock
  readonly #options: SmallModuleOptions
  #happenings: (Happening & { readonly dueMs: number })[] = []
  #portName: string | null
  #answers = true
  #line: ModuleLine | null = null
  #typed = ""
  version: string
  /** What AT+QGMR says where it says more than AT+CGMR; null = the same. */
  build: string | null = null
  imei: string
  /** What an update makes of the build; null = it goes with the version. */
  installs: string | null = null
  /** Answers instead of the n-th of a command, from 0. */
  readonly odd: { readonly command: string; readonly nth: number; readonly answer: string }[] = []
  readonly #asked = new Map<string, number>()
  /** What comes before the answer of a command, whole lines. */
  readonly noise: Record<string, string> = {}
  /** What comes between the answer of a command and its OK. */
  readonly noiseBehind: Record<string, string> = {}
  /** How often an update was started. */
  starts = 0
  /** How often AT+QFOTADL was typed. */
  commands = 0
  /** What ran, and in whom, at each AT+QFOTADL that was typed. */
  readonly orders: { readonly build: string; readonly imei: string }[] = []
  /** What it says to a command while it is at another. */
  busyAnswer = "ERROR"
  /** Lines that happened, as it printed them, whether or not anybody had the port open. */
  readonly said: string[] = []
  /** Updates that were started while another was under way. */
  overlapping = 0
  /** How often new firmware was installed. */
  updates = 0

  constructor(clock: StepClock, options: SmallModuleOptions) {
    this.#clock = clock
    this.#options = options
    this.#portName = options.portName ?? "/dev/ttyUSB2"
    this.version = options.version
    this.imei = options.imei ?? "866758040000012"
  }

  names = async (): Promise<readonly string[]> => {
    await Promise.resolve()
    this.#catchUp()
    const others = this.#options.otherPorts ?? []
    return this.#portName === null ? others : [...others, this.#portName]
  }

  open = async (name: string): Promise<AtLine | null> => {
    await Promise.resolve()
    this.#catchUp()
    if (name !== this.#portName) return (this.#options.otherPorts ?? []).includes(name) ? this.#silentLine(name) : null
    this.#line = new ModuleLine(name, this.#clock, this)
    return this.#line
  }

  /** Bytes for whoever has the port open; lost when nobody has. */
  print(text: string): void {
    this.#line?.put(latin1(text))
  }

  /** Applies what is due; gives the time of what comes next. */
  #catchUp(): number {
    for (;;) {
      const next = this.#happenings[0]
      if (next === undefined) return Number.POSITIVE_INFINITY
      if (next.dueMs > this.#clock.now()) return next.dueMs
      this.#happenings.shift()
      this.#apply(next)
    }
  }

  nextDueMs(): number {
    return this.#catchUp()
  }

  #apply({ say, port, answers, version }: Happening): void {
    if (port !== undefined) {
      this.#line?.vanish()
      this.#line = null
      this.#portName = port
    }
    if (answers !== undefined) this.#answers = answers
    if (version !== undefined) {
      this.version = version
      this.build = this.installs
      this.updates++
    }
    if (say === undefined) return
    this.said.push(say)
    this.print(`\r\n${say}\r\n`)
  }

  /** The cable, or what stands for it, breaks: the port is still there and has to be opened again. */
  dropLine(): void {
    this.#line?.vanish()
    this.#line = null
  }

  /**
   * Power is away for ten seconds. A download is forgotten, an update under way goes on from its log (quectel.md 4.5).
   */
  cutPower(): void {
    this.#catchUp()
    const backMs = this.#clock.now() + 10_000
    const isDownloading = this.#happenings.some(({ say }) => say?.includes("PEND") === true)
    const isUpdating = !isDownloading && this.#happenings.some(({ version }) => version !== undefined)
    this.#apply({ atMs: 0, port: null, answers: false })
    const rest = this.#happenings
      .filter(({ port }) => port !== null)
      .map((one) => ({ ...one, dueMs: one.dueMs + 12_000 }))
    this.#happenings = isUpdating
      ? [{ atMs: 0, dueMs: backMs, port: "/dev/ttyUSB2" }, ...rest]
      : [
          { atMs: 0, dueMs: backMs, port: "/dev/ttyUSB2", answers: true },
          { atMs: 0, dueMs: backMs + 1000, say: "RDY" },
        ]
  }

  take(bytes: Uint8Array): void {
    this.#typed += String.fromCharCode(...bytes)
    for (let end = this.#typed.indexOf("\r"); end >= 0; end = this.#typed.indexOf("\r")) {
      const command = this.#typed.slice(0, end)
      this.#typed = this.#typed.slice(end + 1)
      if (this.#answers) this.#obey(command)
    }
  }

  #obey(command: string): void {
    if (this.#options.hasEcho === true) this.print(`${command}\r`)
    const answers: Readonly<Record<string, string>> = {
      ATI: `Quectel\r\nAG35\r\nRevision: ${this.version}\r\n`,
      "AT+CGMR": this.version,
      "AT+QGMR": this.build ?? this.version,
      "AT+CGSN": this.imei,
      ATE0V1: "",
    }
    if (command.startsWith("AT+QFOTADL=")) {
      this.print(this.noise["AT+QFOTADL"] ?? "")
      return this.#start()
    }
    const answer = answers[command]
    const noise = this.noise[command]
    if (noise !== undefined) this.print(noise)
    const nth = this.#asked.get(command) ?? 0
    this.#asked.set(command, nth + 1)
    const odd = this.odd.find((one) => one.command === command && one.nth === nth)
    if (odd !== undefined) return this.print(odd.answer)
    if (answer === undefined) return this.print("\r\nERROR\r\n")
    this.print(`${answer === "" ? "" : `\r\n${answer}\r\n`}${this.noiseBehind[command] ?? ""}\r\nOK\r\n`)
  }

  #start(): void {
    const isUnderWay = this.#happenings.length > 0
    this.orders.push({ build: this.build ?? this.version, imei: this.imei })
    const nth = this.commands++
    if (isUnderWay && this.#options.isBusyAware === true) return this.print(`\r\n${this.busyAnswer}\r\n`)
    if (isUnderWay) this.overlapping++
    const refusal = this.#options.refusals?.[nth] ?? null
    if (refusal !== null) return this.print(`\r\n${refusal}\r\n`)
    const plan = this.#options.plans[this.starts++] ?? []
    const nowMs = this.#clock.now()
    this.#happenings = plan.map((happening) => ({ ...happening, dueMs: nowMs + happening.atMs }))
    this.print("\r\nOK\r\n")
  }

  get cutBytes(): number {
    return this.#options.cutBytes ?? Number.POSITIVE_INFINITY
  }

  #silentLine(name: string): AtLine {
    const clock = this.#clock
    return {
      name,
      read: async (timeoutMs) => {
        await new Promise((resolve) => setImmediate(resolve))
        clock.advanceTo(clock.now() + timeoutMs)
        return new Uint8Array(0)
      },
      write: () => Promise.resolve(true),
      close: () => Promise.resolve(),
    }
  }
}

/** What a line needs of the module at its other end. */
export interface Talking {
  /** Applies what is due; gives the time of what comes next. */
  readonly nextDueMs: () => number
  /** Bytes that the host wrote. */
  readonly take: (bytes: Uint8Array) => void
  /** Bytes of one read, at most. */
  readonly cutBytes: number
}

/** The host's end of a module that lives through moments, on a clock that steps. */
export class ModuleLine implements AtLine {
  readonly name: string
  readonly #clock: StepClock
  readonly #module: Talking
  #bytes: Uint8Array = new Uint8Array(0)
  #isGone = false

  constructor(name: string, clock: StepClock, module: Talking) {
    this.name = name
    this.#clock = clock
    this.#module = module
  }

  put(bytes: Uint8Array): void {
    this.#bytes = concat([this.#bytes, bytes])
  }

  vanish(): void {
    this.#isGone = true
  }

  read = async (timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> => {
    await Promise.resolve()
    const deadline = this.#clock.now() + timeoutMs
    for (;;) {
      const dueMs = this.#module.nextDueMs()
      if (this.#bytes.length > 0) {
        const taken = this.#bytes.slice(0, this.#module.cutBytes)
        this.#bytes = this.#bytes.slice(taken.length)
        return taken
      }
      if (this.#isGone) return null
      if (signal?.aborted === true) return new Uint8Array(0)
      this.#clock.advanceTo(Math.min(deadline, dueMs))
      if (dueMs > deadline) return new Uint8Array(0)
    }
  }

  write = async (bytes: Uint8Array): Promise<boolean> => {
    await Promise.resolve()
    this.#module.nextDueMs()
    if (this.#isGone) return false
    this.#module.take(bytes)
    return true
  }

  close = async (): Promise<void> => {
    await Promise.resolve()
    this.#isGone = true
  }
}

const qind = (event: string, value?: number): string =>
  `+QIND: "FOTA","${event}"${value === undefined ? "" : `,${value}`}`

/** An update as the guide's example shows it (§3.1), over USB, in about three minutes. */
export function goodUpdate(to: string, portAfter = "/dev/ttyUSB2"): readonly Happening[] {
  return [
    { atMs: 1000, say: qind("FTPSTART") },
    { atMs: 25_000, say: qind("FTPEND", 0) },
    { atMs: 28_000, port: null, answers: false },
    { atMs: 40_000, port: portAfter },
    { atMs: 42_000, say: qind("START") },
    ...[1, 2, 17, 35, 52, 70, 88, 96].map((percent, i) => ({
      atMs: 45_000 + i * 9000,
      say: qind("UPDATING", percent),
    })),
    { atMs: 120_000, say: qind("END", 0) },
    { atMs: 123_000, port: null },
    { atMs: 140_000, port: portAfter, version: to, answers: true },
    { atMs: 141_000, say: "RDY" },
    { atMs: 142_000, say: "+CFUN: 1" },
    { atMs: 143_000, say: "+CPIN: READY" },
  ]
}

/** A download that ends with a code. */
export function failedDownload(code: number): readonly Happening[] {
  return [
    { atMs: 1000, say: qind("FTPSTART") },
    { atMs: 9000, say: qind("FTPEND", code) },
  ]
}
