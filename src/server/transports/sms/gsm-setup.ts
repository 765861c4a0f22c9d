import type { AtAnswer, AtHost } from "../../../core/protocols/at/at-host.ts"
import { indicationSettings } from "./gsm-indications.ts"

const answerMs = 10_000

/** What a modem was found to be. */
export interface ModemSetup {
  /** The network wants messages that are handed over at once to be acknowledged (`AT+CSMS=1`, TS 27.005 §3.2.1). */
  readonly acknowledges: boolean
  /** Where the commands that read look, such as `SM`; null = the modem does not say. */
  readonly memory: string | null
}

/** What stands between a modem and its work. */
export class NotReady extends Error {
  override readonly name = "NotReady"
}

export interface SetupNeeds {
  readonly pin: string
  /** Whether that PIN was typed before and not taken: three wrong ones lock the SIM (TS 27.007 §8.3). */
  readonly isPinSpent: boolean
  readonly spendPin: (isSpent: boolean) => void
}

/** Sets a modem up for PDU mode, announced messages and reports. Throws `NotReady`. */
export async function setUpModem(host: AtHost, needs: SetupNeeds): Promise<ModemSetup> {
  const ask = (text: string): Promise<AtAnswer> => host.command({ text, timeoutMs: answerMs, isAnswer: byNameOf(text) })
  await ask("ATE0")
  await ask("AT+CMEE=1")
  await openSim(ask, needs)
  const pduMode = await ask("AT+CMGF=0")
  if (pduMode.end !== "ok") throw new NotReady(`the modem has no PDU mode: ${wordsOf(pduMode)}`)
  const acknowledges = (await ask("AT+CSMS=1")).end === "ok"
  const memory = await readingMemory(ask)
  await announce(ask)
  return { acknowledges, memory }
}

type Ask = (text: string) => Promise<AtAnswer>

/** Answers begin with their command's own name (V.250 §5.7.1); whatever else comes is none. */
export function byNameOf(command: string): (line: string) => boolean {
  const name = /^AT(\+[A-Z]+)/.exec(command)?.[1]
  return (line) => name !== undefined && line.toUpperCase().startsWith(`${name}:`)
}

/** Codes of TS 27.007 §8.3 under which messages go: PIN2 and PUK2 guard what short messages do not need. */
const openStates: readonly string[] = ["READY", "SIM PIN2", "SIM PUK2"]

async function openSim(ask: Ask, { pin, isPinSpent, spendPin }: SetupNeeds): Promise<void> {
  const answer = await ask("AT+CPIN?")
  const state = answer.lines
    .map((line) => /^\+CPIN: *"?([^"]*)/i.exec(line)?.[1]?.trim().toUpperCase())
    .find((text) => text !== undefined)
  if (state !== undefined && openStates.includes(state)) return
  if (state === undefined) throw new NotReady(`the modem has no SIM that is ready: ${wordsOf(answer)}`)
  if (state !== "SIM PIN")
    throw new NotReady(`the SIM or the modem asks for ${state.slice(0, 20)}; somebody has to enter it`)
  if (isPinSpent) throw new NotReady(pinRefused)
  if (!/^\d{4,8}$/.test(pin)) throw new NotReady("the SIM asks for a PIN of 4 to 8 digits and none is given")
  // Spent before it is typed: without an answer nobody knows whether the SIM has counted it.
  spendPin(true)
  if ((await ask(`AT+CPIN=${pin}`)).end !== "ok") throw new NotReady(pinRefused)
  spendPin(false)
}

const pinRefused = "the SIM refuses the PIN"

/** `+CPMS` (TS 27.005 §3.2.2): commands read from the first memory, messages come into the third; they have to be one. */
async function readingMemory(ask: Ask): Promise<string | null> {
  const { lines } = await ask("AT+CPMS?")
  const memories = [...(lines[0] ?? "").matchAll(/"([A-Z]{2})"/g)].map(([, name]) => name ?? "")
  const [reads = null, , receives = reads] = memories
  if (receives === reads || receives === null) return reads
  return (await ask(`AT+CPMS="${receives}"`)).end === "ok" ? receives : reads
}

async function announce(ask: Ask): Promise<void> {
  const { lines } = await ask("AT+CNMI=?")
  let last: AtAnswer | null = null
  for (const setting of indicationSettings(lines)) {
    last = await ask(`AT+CNMI=${setting}`)
    if (last.end === "ok") return
    if (last.end !== "error") break
  }
  throw new NotReady(`the modem does not announce messages: ${last === null ? "it takes no AT+CNMI" : wordsOf(last)}`)
}

function wordsOf(answer: AtAnswer): string {
  return answer.final?.line ?? (answer.end === "gone" ? "the serial line is gone" : "it does not answer")
}
