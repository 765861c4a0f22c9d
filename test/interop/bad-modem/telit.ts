import type { AttendEvent } from "../../../src/core/families/telit/host/events.ts"
import { attendModule } from "../../../src/core/families/telit/host/attend.ts"
import { type AttendPlan, standardPlan } from "../../../src/core/families/telit/host/plan.ts"
import { StepClock } from "../../../src/core/protocols/at/scripted-line.testing.ts"
import { type Conversation, type Cut, CutStream, cutBytesOf } from "./cuts.ts"
import { Dice, noises } from "./dice.ts"
import { ourImei, pin, SmallTelit, strangerImei } from "./small-telit.ts"

const minuteMs = 60_000
/** A conversation whose breaks are chosen is one update; the last minutes are left to what it comes to. */
const lasts = { seeded: 45 * minuteMs, cut: 15 * minuteMs, quiet: 5 * minuteMs } as const

/** What happens to the module, by its seed. */
function script(module: SmallTelit, dice: Dice): void {
  module.sim = dice.of(["READY", "SIM PIN", "SIM PIN"])
  module.echo = dice.chance(0.3)
  module.fate = dice.of(["installs", "installs", "installs", "fails", "silent"])
  for (const name of [
    "question",
    "startDownload",
    "downloadComplete",
    "upgraded",
    "serverNotified",
    "failed",
  ] as const) {
    if (dice.chance(0.08)) module.lost.add(name)
  }
  const orders = 1 + dice.below(2)
  for (let n = 0; n < orders; n++) {
    const atMs = (3 + n * 12 + dice.below(4)) * minuteMs + dice.below(minuteMs)
    if (dice.chance(0.7)) module.after(atMs, () => module.ask())
    else {
      module.after(atMs, () => {
        if (module.imei !== ourImei || !module.isRegistered || module.isUpdating) return
        module.urc("automatic")
        module.begin()
      })
    }
  }
  const change = dice.below(10)
  const changeMs = dice.below(30 * minuteMs)
  if (change === 0) module.after(changeMs, () => module.swap(strangerImei, "10.00.300"))
  if (change === 1) {
    // Somebody carries another module to the same place while nobody asks anything, and it asks.
    module.after(changeMs, () => {
      module.swap(strangerImei, module.version)
      module.isRegistered = true
    })
    module.after(changeMs + 20_000, () => module.ask())
  }
  if (change === 2) {
    module.after(changeMs, () => module.setPort(null))
    module.after(changeMs + 9000, () => {
      module.swap(strangerImei, "10.00.300")
      module.setPort("/dev/ttyUSB3")
    })
  }
  if (change === 3) module.after(changeMs, () => module.swap(module.imei, "10.00.144-B007"))
}

function misbehave(module: SmallTelit, dice: Dice, more: Dice): void {
  const commands = ["ATE0V1", "AT+CGSN", "AT+CGMR", "AT+IPR?", "AT+CPIN?", `AT+CPIN=${pin}`, "AT#OTASUAN=1"]
  for (const command of commands) {
    if (dice.chance(0.25)) module.noise[command] = `\r\n${dice.of(noises)}\r\n`
    if (more.chance(0.25)) module.noiseBehind[command] = `\r\n${more.of(noises)}\r\n`
    if (!dice.chance(0.3)) continue
    const answer = dice.of([
      "",
      "\r\nOK\r\n",
      "\r\nERROR\r\n",
      "\r\n+CME ERROR: 4\r\n",
      "\r\n10.00.999\r\n\r\nOK\r\n",
      "\r\n354255\r\n\r\nOK\r\n",
      "\r\n10.00.1",
    ])
    module.odd.push({ command, nth: dice.below(4), answer })
  }
}

/** What was told in the end, in few words. */
function outcomeOf(told: readonly Told[]): string {
  const names = new Set(told.map(({ event }) => event.event))
  if (names.has("other-module")) return "another module stood there, and nothing was ordered of it"
  if (names.has("upgraded")) return "new firmware, told"
  if (names.has("answer-not-known")) return "no new firmware, and says what is not known"
  return names.has("failed") ? "a failure, told" : "no new firmware, none told"
}

/** The best part of an hour of our host program beside a bad Telit module; gives every lie that it told or typed. */
export async function telitConversation(
  seed: number,
  cuts: readonly Cut[] | null = null,
): Promise<Conversation & { readonly outcome: string }> {
  const dice = new Dice(seed)
  const clock = new StepClock()
  const module = new SmallTelit(clock)
  module.cutBytes = cutBytesOf(dice.of([1, 2, 3, 5, 7, 1000]), cuts)
  script(module, dice)
  const more = new Dice(seed + 1_000_003)
  misbehave(module, dice, more)
  const stream = new CutStream(clock, cuts ?? [])
  const ending = new AbortController()
  const endMs = clock.now() + (cuts === null ? lasts.seeded : lasts.cut)
  let bytes = 0
  module.after(endMs - clock.now() - lasts.quiet, () => {
    bytes = stream.passed
  })
  const isWrongPin = dice.chance(0.1)
  const plan: AttendPlan = {
    ...standardPlan,
    smsNumber: "+393399991234",
    imei: dice.chance(0.7) ? ourImei : null,
    pin: isWrongPin ? "1234" : pin,
    restore: ["AT+CREG=2"],
  }
  const told: Told[] = []
  await attendModule({
    port: {
      names: () => {
        if (clock.now() > endMs) ending.abort()
        return module.names()
      },
      open: async (name) => {
        const line = await module.open(name)
        return line === null ? null : stream.through(line)
      },
    },
    clock: {
      now: () => {
        if (clock.now() > endMs) ending.abort()
        return clock.now()
      },
      sleep: (ms, signal) => clock.sleep(ms, signal),
    },
    plan,
    tell: (event) => told.push({ event, runs: module.version, imei: module.imei }),
    signal: ending.signal,
  }).catch((error: unknown) => {
    if (!ending.signal.aborted) throw error
  })
  return { lies: liesOf(module, told), bytes, outcome: outcomeOf(told) }
}

/** An event, and who really stood there and what ran when it was told. */
interface Told {
  readonly event: AttendEvent
  readonly runs: string
  readonly imei: string
}

function liesOf(module: SmallTelit, told: readonly Told[]): readonly string[] {
  const lies: string[] = []
  for (const { event, runs, imei } of told) {
    const { version } = event
    if (event.event === "version" && imei === ourImei && version !== runs) lies.push(`says ${version}, runs ${runs}`)
    if (version !== null && !module.history.includes(version)) lies.push(`speaks of ${version}, which never ran`)
  }
  // Whatever orders something, or costs a try of a SIM, is typed at the module that is meant and at no other.
  for (const { command, imei } of module.typed) {
    if (imei !== ourImei && /^AT(#OTASUAN=\d|#OTASNAP|#OTAIPUPD$|\+CPIN=)/.test(command)) {
      lies.push(`typed ${command} at another module`)
    }
  }
  const answered = told.filter(({ event }) => event.event === "answered").length
  if (answered > module.taken.length)
    lies.push(`says answered ${answered} times, the module took ${module.taken.length}`)
  const upgraded = told.filter(({ event }) => event.event === "upgraded").length
  const changes = module.history.length - 1
  if (upgraded > changes) lies.push(`says upgraded ${upgraded} times, it was ${changes}`)
  if (module.wrongPins > 2) lies.push("the SIM was locked")
  // What was said last is what runs, minutes after it was installed.
  const last = told.findLast(({ event }) => event.version !== null)
  if (module.imei === ourImei && last !== undefined && module.answers && last.event.version !== module.version) {
    lies.push(`says ${last.event.version} in the end, runs ${module.version}`)
  }
  return lies
}
