import { fromLatin1 } from "../../../kit/bytes.ts"
import type { BodyPort } from "../../body.ts"
import type { CertificationBench, CertificationReport, CertificationSide } from "../../certification.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import type { SimCard } from "../../radio.ts"
import { makeFirmware } from "../../recovery/firmware-image.ts"
import { writeFullPackage } from "../../recovery/full-package.ts"
import { type CertificationFact, type CertificationStage, judgeHost } from "./criteria.ts"
import { certificationNet } from "./net.ts"
import { CertificationRadio } from "./radio.ts"
import { CertificationServer } from "./server.ts"
import { MemoryStore } from "../device/memory.ts"
import { runModule } from "../device/run.ts"
import { isSetting, settings } from "../device/kept-settings.ts"
import { telitModel, type Variant, variantsOf } from "../models.ts"
import { pfmKeys } from "../codec/pfm-keys.ts"
import { readUrc } from "../codec/urcs.ts"

/** What a host is given time for, ms; the note names none of it but the minute for an answer. */
const limits = {
  /** For its first character. */
  firstSignMs: 30 * 60_000,
  /** For the registration, and for each part of the update, from then on. */
  partMs: 10 * 60_000,
  /** For the settings, after the update. */
  settingsMs: 3 * 60_000,
  /** Between two looks at the module. */
  lookMs: 500,
} as const

const imei = "356938035643809"
/** Nobody but the module and its server in this process ever use it. */
const secret = "the certification's own module"
const imageBytes = 9000
const spellings: Readonly<Record<string, Variant>> = { sms: "sms", combined: "combined", ip: "ip", "tcp-ip": "ip" }
const mostFacts = 100_000
const longestLine = 600

/** The certification of a host program for Telit modules (application note, chapter 8: the vendor's own is not public). */
export const certification: CertificationSide = { variants: ["sms", "combined", "tcp-ip"], certify }

async function certify(bench: CertificationBench): Promise<CertificationReport> {
  const variant = spellings[bench.variant]
  if (variant === undefined) throw new RangeError(`there is no variant ${JSON.stringify(bench.variant)}`)
  if (!/^\d{4,8}$/.test(bench.pin)) throw new RangeError("a PIN has 4 to 8 digits")
  const model = telitModel(bench.model)
  const firmware = `${model.software}.00${model.release}`
  if (!variantsOf(firmware).includes(variant)) throw new RangeError(`${model.id} does not have that variant`)
  const trial = new Trial(bench, variant, firmware)
  await trial.run()
  const rows = judgeHost({ facts: trial.facts, variant, secondImsi: trial.cards[1].imsi })
  return { model: model.id, variant: bench.variant, isPassed: rows.every(({ verdict }) => verdict === "passed"), rows }
}

/** A module, its server and a script; everything that is seen of the host becomes a fact. */
class Trial {
  readonly facts: CertificationFact[] = []
  readonly cards: readonly [SimCard, SimCard]
  readonly #bench: CertificationBench
  readonly #firmware: string
  readonly #storage = new MemoryStorage()
  readonly #radio: CertificationRadio
  readonly #server: CertificationServer
  readonly #files: Readonly<Record<"good" | "wrong", Uint8Array>>
  #file: Uint8Array
  #typed = ""
  #said = ""

  constructor(bench: CertificationBench, variant: Variant, firmware: string) {
    this.#bench = bench
    this.#firmware = firmware
    const { pin, clock } = bench
    this.cards = [
      { imsi: "001010000000001", number: "+15550111", pin },
      { imsi: "001010000000002", number: "+15550112", pin },
    ]
    this.#radio = new CertificationRadio(this.cards[0], (tpdu) => this.#server.takeSms(tpdu))
    this.#server = new CertificationServer({
      imei,
      keys: pfmKeys(secret, imei),
      variant,
      clock,
      radio: () => this.#radio,
      heard: (message) => this.#note({ kind: "heard", message }),
    })
    const product = telitModel(bench.model).id
    const next = firmware.replace(/\d$/, (digit) => String(Number(digit) + 1))
    const image = makeFirmware({ product, version: next, sizeBytes: imageBytes })
    this.#files = {
      good: writeFullPackage({ from: firmware, to: next, product, image }),
      wrong: writeFullPackage({ from: `${firmware.slice(0, -1)}0`, to: next, product, image }),
    }
    this.#file = this.#files.wrong
  }

  /** The script. Whatever the host does not do, the next part is tried as far as it can be. */
  async run(): Promise<void> {
    const { port, signal } = this.#bench
    const off = new AbortController()
    const unwatch = port.watch({ hostsChanged: (count) => this.#note({ kind: "hosts", count }) })
    const module = this.#runModule(AbortSignal.any([signal, off.signal]))
    try {
      await Promise.race([this.#script(), module.then(() => Promise.reject(new Error("the module has ended")))])
    } finally {
      unwatch()
      off.abort(new Error("the certification is over"))
      port.powerOff(off.signal.reason)
      await module.catch(() => undefined)
    }
    signal.throwIfAborted()
  }

  async #script(): Promise<void> {
    this.#begin("start")
    await this.#until(() => this.facts.some(({ kind }) => kind === "typed"), limits.firstSignMs)
    if (!(await this.#until(() => this.#hasHeard("remoteRegistration"), limits.partMs))) return
    this.#server.provision()
    this.#begin("failed-update")
    this.#server.order(this.#file.length)
    await this.#until(() => this.#hasHeard("errorReport") || this.#isDeclined(), limits.partMs)
    await this.#settings("before")
    this.#begin("update")
    this.#file = this.#files.good
    this.#server.order(this.#file.length)
    await this.#until(() => this.#hasHeard("commandFinal") || this.#isDeclined(), limits.partMs)
    this.#server.offersUpdates = false
    if (this.#hasSaid("upgraded") || this.#hasHeard("commandFinal")) await this.#awaitSettings()
    this.#begin("sim-change")
    this.#radio.insert(this.cards[1])
    const [, { imsi }] = this.cards
    const isKnown = (): boolean =>
      this.#inStage().some(
        (fact) =>
          fact.kind === "heard" && fact.message.name === "remoteRegistration" && fact.message.fields.imsi === imsi,
      )
    await this.#until(isKnown, limits.partMs)
  }

  /** Gives the host its time to restore what it had set, and no more of it than it needs. */
  async #awaitSettings(): Promise<void> {
    const before = this.facts.filter((fact) => fact.kind === "settings").at(-1)?.values ?? {}
    const lost = Object.entries(before).filter(([name]) => isSetting(name) && !settings[name].isKept)
    let now: Readonly<Record<string, string>> = {}
    await this.#until(async () => {
      now = await this.#read()
      return lost.every(([name, value]) => now[name] === value)
    }, limits.settingsMs)
    await this.#settings("after")
  }

  #begin(stage: CertificationStage): void {
    this.#note({ kind: "stage", stage })
    this.#bench.log(stageWords[stage])
  }

  #hasHeard(name: string): boolean {
    return this.#inStage().some((fact) => fact.kind === "heard" && fact.message.name === name)
  }

  #hasSaid(name: string): boolean {
    return this.#inStage().some((fact) => fact.kind === "said" && fact.urc === name)
  }

  /** The host said no, or nothing: this part goes no further. */
  #isDeclined(): boolean {
    return this.#inStage().some(
      (fact) =>
        fact.kind === "heard" &&
        fact.message.name === "commandAck" &&
        ["refused", "no-answer"].includes(fact.message.fields.answer),
    )
  }

  #inStage(): readonly CertificationFact[] {
    return this.facts.slice(this.facts.findLastIndex(({ kind }) => kind === "stage"))
  }

  async #until(isSo: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
    const { clock, signal } = this.#bench
    const deadline = clock.now() + limitMs
    while (!(await isSo())) {
      if (clock.now() >= deadline) return false
      await clock.sleep(limits.lookMs, signal)
    }
    return true
  }

  async #settings(when: "before" | "after"): Promise<void> {
    this.#note({ kind: "settings", when, values: await this.#read() })
  }

  /** The module's memory, as it stands: nothing is asked at the port, which is the host's. */
  async #read(): Promise<Readonly<Record<string, string>>> {
    const { settings: values } = (await MemoryStore.open(await this.#storage.files("data"))).value
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  }

  #note(fact: WithoutTime<CertificationFact>): void {
    // A host that types without end must not fill the memory; what it did first is what counts.
    if (this.facts.length < mostFacts || fact.kind !== "typed") {
      this.facts.push({ ...fact, atMs: this.#bench.clock.now() })
    }
  }

  async #runModule(signal: AbortSignal): Promise<unknown> {
    const { clock, random, model, speed } = this.#bench
    const net = certificationNet({
      clock,
      signal,
      speed,
      file: () => this.#file,
      serve: (stream) => this.#server.serve(stream),
    })
    const body = {
      clock,
      net,
      storage: this.#storage,
      random,
      log: () => undefined,
      port: this.#wiretap(),
      radio: this.#radio,
    }
    const server = { key: secret, imei, firmware: this.#firmware, imageBytes: String(imageBytes) }
    return runModule(body, { model, server, fault: null, speed, ram: new Map(), signal })
  }

  /** The module's end of the port, with somebody who listens in both directions. */
  #wiretap(): BodyPort {
    const { port } = this.#bench
    return {
      detach: port.detach,
      attach: port.attach,
      isOpen: port.isOpen,
      setLine: port.setLine,
      read: async (maxBytes) => {
        const bytes = await port.read(maxBytes)
        this.#typed = this.#cut(this.#typed + fromLatin1(bytes), (line) => this.#note({ kind: "typed", line }))
        return bytes
      },
      write: (bytes) => {
        port.write(bytes)
        this.#said = this.#cut(this.#said + fromLatin1(bytes), (line) => this.#hear(line))
      },
    }
  }

  #hear(line: string): void {
    const urc = readUrc(line)
    if (urc === null) return
    this.#note({ kind: "said", urc })
    this.#bench.log(`The module says: ${line}`)
  }

  /** Hands out whole lines and gives back the rest. */
  #cut(text: string, take: (line: string) => void): string {
    const lines = text.split(/[\r\n]+/)
    const rest = lines.pop() ?? ""
    for (const line of lines) if (line !== "") take(line.slice(0, longestLine))
    return rest.slice(0, longestLine)
  }
}

type WithoutTime<Fact> = Fact extends unknown ? Omit<Fact, "atMs"> : never

const stageWords: Readonly<Record<CertificationStage, string>> = {
  start: "The module is on and waits for its host.",
  "failed-update": "First an update that must fail: its delta is for other firmware.",
  update: "Now an update that is right.",
  "sim-change": "Another SIM is put in; it has the same PIN.",
}
