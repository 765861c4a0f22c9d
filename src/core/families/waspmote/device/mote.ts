import type { Body, NonVolatileMemory } from "../../body.ts"
import { LinkError } from "../../body.ts"
import type { FtpServer } from "../../clients/ftp-session.ts"
import type { DeviceRun } from "../../family.ts"
import { Eeprom } from "./eeprom.ts"
import type { FaultAction, ModemAnswer, Phase } from "./fault-action.ts"
import { SdCard } from "./sd-card.ts"

/** A mote that is switched on. */
export class Mote {
  readonly body: Body
  readonly model: string
  readonly server: FtpServer
  readonly eeprom: Eeprom
  readonly flash: NonVolatileMemory
  readonly sd: SdCard
  readonly fault: FaultAction
  readonly #run: DeviceRun
  #serialDebtMs = 0

  private constructor(
    body: Body,
    run: DeviceRun,
    parts: Pick<Mote, "model" | "server" | "eeprom" | "flash" | "fault">,
  ) {
    this.body = body
    this.#run = run
    this.model = parts.model
    this.server = parts.server
    this.eeprom = parts.eeprom
    this.flash = parts.flash
    this.fault = parts.fault
    this.sd = new SdCard(lazyFiles(body), parts.fault.sd ?? null)
  }

  /** Puts a mote together from what its body keeps. `model` is a modem, never `any`. */
  static async of(body: Body, run: DeviceRun, fault: FaultAction, model: string): Promise<Mote> {
    const eeprom = await Eeprom.of(body.storage)
    const flash = await body.storage.memory("flash", { sizeBytes: flashBytes, sectorBytes: flashPageBytes })
    return new Mote(body, run, { model, server: readServer(run.server), eeprom, flash, fault })
  }

  say(line: string): void {
    this.body.log(line)
  }

  /** Waits as long as the library does, divided by the run's speed. */
  async pause(ms: number): Promise<void> {
    await this.body.clock.sleep(ms / this.#run.speed, this.#run.signal)
  }

  /**
   * How long to wait for something from the network: divided by the speed too, but never below five seconds of real time
   * (or the library's own patience), because the server does not run faster when the mote does.
   */
  patience(ms: number): number {
    return Math.min(ms, Math.max(ms / this.#run.speed, 5000))
  }

  /** Lets the time pass that bytes take over the serial line between modem and mote (ten bits a byte). */
  async serial(bytes: number, baud: number): Promise<void> {
    this.#serialDebtMs += (bytes * 10_000) / baud
    if (this.#serialDebtMs / this.#run.speed < 20) return
    const owed = this.#serialDebtMs
    this.#serialDebtMs = 0
    await this.pause(owed)
  }

  /** Sends one AT command to the modem; the answer that the run's fault gives instead of the deed, or null. */
  at(phase: Phase, step: string, command: string): ModemAnswer | null {
    this.say(command)
    const { answer } = this.fault
    if (answer === undefined || answer.phase !== phase || answer.step !== step) return null
    this.say(`  -> ${answerTexts[answer.with]}`)
    return answer.with
  }

  stopIfAborted(): void {
    this.#run.signal.throwIfAborted()
  }
}

const answerTexts: Readonly<Record<ModemAnswer, string>> = {
  ERROR: "ERROR",
  CME: "+CME ERROR: 3",
  silence: "(no answer)",
  zero: "0",
  garbled: "#?~",
  short: "(fewer bytes than announced)",
  empty: "0 bytes",
  busy: "busy",
}

/** Flash of the ATmega1281 and its page, the unit that is erased and written. */
export const flashBytes = 0x20000
export const flashPageBytes = 256

/** The card is opened at its first use: a poll that finds nothing need not touch it earlier. */
function lazyFiles(body: Body): ConstructorParameters<typeof SdCard>[0] {
  let files: ReturnType<Body["storage"]["files"]> | undefined
  const card = (): ReturnType<Body["storage"]["files"]> => (files ??= body.storage.files("sd"))
  return {
    list: async () => (await card()).list(),
    size: async (name) => (await card()).size(name),
    read: async (name, offset, length) => (await card()).read(name, offset, length),
    create: async (name) => (await card()).create(name),
    append: async (name, bytes) => (await card()).append(name, bytes),
    remove: async (name) => (await card()).remove(name),
  }
}

/** Reads `ftp` (`host:port`), `user` and `password` of a run. Throws `RangeError` when the sketch cannot be set up so. */
function readServer(server: Readonly<Record<string, string>>): FtpServer {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server["ftp"] ?? "")
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? 21)
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RangeError("a Waspmote needs the FTP server as HOST:PORT")
  }
  return { host, port, user: server["user"] ?? "ota", password: server["password"] ?? "libelium" }
}

/** The result of a deed that the network may prevent; null when it did. */
export async function unlessLinkFails<T>(deed: Promise<T>): Promise<T | null> {
  try {
    return await deed
  } catch (error) {
    if (error instanceof LinkError) return null
    throw error
  }
}
