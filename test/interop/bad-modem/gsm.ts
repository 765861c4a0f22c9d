import { ScriptedLine, StepClock } from "../../../src/core/protocols/at/scripted-line.testing.ts"
import { startGsmModem } from "../../../src/server/transports/sms/gsm-modem.ts"
import type { SendOutcome } from "../../../src/server/transports/sms/sms-transport.ts"
import { type Conversation, type Cut, CutStream, cutBytesOf } from "./cuts.ts"
import { Dice, noises } from "./dice.ts"

const header = "00040D91947132547698F000F462111241520000"
/** SMS-DELIVER of one number, in two octets; sometimes with an odd time zone, a header that is none, or octets behind it. */
function pduOf(id: number, dice: Dice): string {
  const number = id.toString(16).padStart(4, "0").toUpperCase()
  const head = dice.chance(0.2) ? header.replace(/00$/, dice.of(["FF", "AA", "F0"])) : header
  return `${head}02${number}${dice.chance(0.1) ? "1234" : ""}`
}

interface World {
  readonly dice: Dice
  readonly clock: StepClock
  /** On the SIM, by index. */
  readonly stored: Map<string, string>
  readonly settings: {
    readonly prompt: string
    readonly cnmi: string
    readonly isCnmiPicky: boolean
    readonly cut: number
  }
  readonly sentPdus: string[]
  odd: number
}

/**
 * A conversation with a bad modem, broken where `cuts` say beside what the seed does: what it keeps is read, what is handed
 * over goes once. Gives every lie.
 */
export async function gsmConversation(seed: number, cuts: readonly Cut[] | null = null): Promise<Conversation> {
  const dice = new Dice(seed)
  const clock = new StepClock()
  const count = 1 + dice.below(12)
  const stored = new Map(Array.from({ length: count }, (_, id) => [String(id + 1), pduOf(id + 1, dice)] as const))
  const world: World = {
    dice,
    clock,
    stored,
    sentPdus: [],
    odd: dice.below(5),
    settings: {
      prompt: dice.of(["\r\n> ", "\r\n>", "\r\n>\r\n"]),
      cnmi: dice.of(["+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "+CNMI: (1),(0,1),(0),(0,2),(1)", "", "+CNMI: odd"]),
      isCnmiPicky: dice.chance(0.3),
      cut: cutBytesOf(dice.of([1, 2, 3, 7, 1000]), cuts),
    },
  }
  const taken = new Map<number, number>()
  let unreadable = 0
  let line: ScriptedLine | null = null
  let opened = 0
  const stream = new CutStream(clock, cuts ?? [])
  const transport = startGsmModem({
    open: async () => {
      await Promise.resolve()
      if (dice.chance(0.1)) throw new Error("no such port")
      opened++
      line = new ScriptedLine(clock, (typed, module) => answer(world, typed, module))
      return stream.through(line)
    },
    clock,
    random: () => 0.5,
    number: "+393399991234",
    receiver: {
      received: async ({ data }) => {
        await Promise.resolve()
        if (dice.chance(0.1)) throw new Error("disk full")
        const id = (data[0] ?? 0) * 256 + (data[1] ?? 0)
        taken.set(id, (taken.get(id) ?? 0) + 1)
      },
      statusChanged: () => Promise.resolve(),
      unreadable: async () => {
        await Promise.resolve()
        unreadable++
      },
    },
  })
  const lies: string[] = []
  const until = async (holds: () => boolean): Promise<boolean> => {
    for (let n = 0; n < 4000; n++) {
      if (holds()) return true
      await new Promise((resolve) => setImmediate(resolve))
    }
    return false
  }
  const isReady = await until(() => transport.isReady())
  if (!isReady) lies.push("never ready")
  // More messages come, announced or at once; then one is sent.
  for (let id = count + 1; id <= (isReady ? count + 3 : count); id++) {
    stored.set(String(id), pduOf(id, dice))
    if (dice.chance(0.7)) line_(line)?.say(`\r\n+CMTI: "SM",${id}\r\n`, 10, world.settings.cut)
    if (dice.chance(0.1)) line_(line)?.vanish(20)
  }
  await until(() => transport.isReady())
  const outcome = transport.isReady() ? await send(transport) : null
  if (!(await until(() => stored.size === 0))) lies.push(`${stored.size} messages were never taken`)
  await transport.close()
  for (let id = 1; id <= count + (isReady ? 3 : 0); id++) if (!taken.has(id)) lies.push(`message ${id} was lost`)
  for (const id of taken.keys()) if (id > count + 3) lies.push(`message ${id} never was`)
  if (unreadable > 0) lies.push(`${unreadable} messages called unreadable`)
  lies.push(...liesOfSending(outcome, world.sentPdus))
  return { lies: opened === 0 ? [] : lies, bytes: stream.passed }
}

/** The compiler does not see the callback that sets it. */
function line_(line: ScriptedLine | null): ScriptedLine | null {
  return line
}

function send(transport: ReturnType<typeof startGsmModem>): Promise<SendOutcome> {
  return transport.send({
    to: "+4917234567890",
    alphabet: "octets",
    messageClass: 0,
    header: null,
    data: Uint8Array.of(0xde, 0xad),
    validityMinutes: 60,
    wantsStatus: true,
  })
}

function liesOfSending(outcome: SendOutcome | null, sent: readonly string[]): readonly string[] {
  const lies: string[] = []
  if (sent.length > 1) lies.push(`one message was handed over ${sent.length} times`)
  if (sent.some((pdu) => !pdu.endsWith("02DEAD"))) lies.push("another message was handed over")
  if (outcome?.kind === "accepted" && sent.length !== 1) lies.push("called accepted, and was not handed over")
  if ((outcome?.kind === "not-sent" || outcome?.kind === "refused") && sent.length > 0)
    lies.push("called not sent, and went")
  return lies
}

/** What the modem says to a command, with whatever else comes into its mind. */
function answer(world: World, typed: string, module: ScriptedLine): void {
  const { dice, settings } = world
  const noise = (): string => (dice.chance(0.25) ? `\r\n${dice.of(noises.slice(0, -1) as [string])}\r\n` : "")
  if (world.odd > 0 && /^AT\+(CMGR|CMGL|CMGD|CPMS\?|CSMS|CMEE)/.test(typed) && dice.chance(0.4)) {
    world.odd--
    const oddly = dice.of(["", "\r\nOK\r\n", "\r\nERROR\r\n", "lost", "lost"])
    if (oddly !== "lost") return module.say(oddly, 5, settings.cut)
    // One byte of the answer is lost.
    const text = answerOf(world, typed) ?? ""
    const at = dice.below(text.length)
    return module.say(text.slice(0, at) + text.slice(at + 1), 5, settings.cut)
  }
  const text = answerOf(world, typed)
  if (text !== null) module.say(`${noise()}${text}${noise()}`, 5, settings.cut)
}

function answerOf(world: World, typed: string): string | null {
  const { stored, settings, sentPdus } = world
  const ok = "\r\nOK\r\n"
  const pair = (name: string, before: string, pdu: string): string =>
    `\r\n+${name}: ${before},${pdu.length / 2 - 1}\r\n${pdu}\r\n`
  if (typed === "AT+CPIN?") return `\r\n+CPIN: ${world.dice.of(["READY", "SIM PIN2"])}\r\n${ok}`
  if (typed === "AT+CPMS?") return `\r\n+CPMS: "SM",1,10,"SM",1,10,"SM",1,10\r\n${ok}`
  if (typed === "AT+CNMI=?") return settings.cnmi === "" ? "\r\nERROR\r\n" : `\r\n${settings.cnmi}\r\n${ok}`
  if (settings.isCnmiPicky && /^AT\+CNMI=.*,0$/.test(typed)) return "\r\n+CMS ERROR: 303\r\n"
  if (typed === "AT+CMGL=4") return [...stored].map(([index, pdu]) => pair("CMGL", `${index},0,`, pdu)).join("") + ok
  const read = /^AT\+CMGR=(\d+)$/.exec(typed)?.[1]
  if (read !== undefined) {
    const pdu = stored.get(read)
    return pdu === undefined ? "\r\n+CMS ERROR: 321\r\n" : pair("CMGR", "0,", pdu) + ok
  }
  const deleted = /^AT\+CMGD=(\d+)$/.exec(typed)?.[1]
  if (deleted !== undefined) stored.delete(deleted)
  if (typed.startsWith("AT+CMGS=")) return settings.prompt
  if (typed.endsWith("\x1a")) {
    sentPdus.push(typed.slice(0, -1))
    return world.dice.of([`\r\n+CMGS: 42\r\n${ok}`, `\r\n+CMGS: 42\r\n${ok}`, ""])
  }
  return typed === "\x1b" ? null : ok
}
