import { HostBench, order } from "../../../src/core/families/quectel/host/bench.testing.ts"
import {
  failedDownload,
  goodUpdate,
  type Happening,
  SmallModule,
} from "../../../src/core/families/quectel/host/small-module.testing.ts"
import type { HostEnd } from "../../../src/core/families/host.ts"
import { moduleProfiles } from "../../../src/core/families/quectel/models.ts"
import { moduleResult } from "../../../src/core/families/quectel/result-codes.ts"
import { type Conversation, type Cut, CutStream, cutBytesOf } from "./cuts.ts"
import { Dice, noises } from "./dice.ts"

const ours = "866758040000012"
const stranger = "866758040000099"
const hourMs = 3_600_000
/** Numbers that end a download: of FTP's table, of HTTP's, and of none. */
const downloadCodes = [601, 605, 627, 999, 420, 608, 701, 702] as const
/** What is tried again, by event and number; the same number of the other event is not. */
const retried = ["FTPEND 601", "FTPEND 608", "HTTPEND 702"] as const

type Plan = readonly Happening[]

const shifted = (plan: Plan, ms: number): Plan =>
  plan.map((one) => (one.atMs > 1000 ? { ...one, atMs: one.atMs + ms } : one))
/** The same download by HTTP, whatever the order's URL says. */
const byHttp = (plan: Plan): Plan =>
  plan.map((one) => (one.say === undefined ? one : { ...one, say: one.say.replace(/"FTP(START|END)"/, '"HTTP$1"') }))
const without = (plan: Plan, pattern: RegExp): Plan => plan.filter(({ say }) => say === undefined || !pattern.test(say))
const rolledBack = (code: number): Plan => [
  ...goodUpdate(order.to).filter(({ atMs }) => atMs < 110_000),
  { atMs: 120_000, say: `+QIND: "FOTA","END",${code}` },
  { atMs: 123_000, port: null },
  { atMs: 140_000, port: "/dev/ttyUSB2", answers: true },
  { atMs: 141_000, say: "RDY" },
]

function planOf(dice: Dice): Plan {
  const good = goodUpdate(order.to, dice.of(["/dev/ttyUSB2", "/dev/ttyUSB2", "/dev/ttyUSB6"]))
  switch (dice.below(9)) {
    case 0:
      return shifted(good, 360_000)
    case 1:
      return shifted(without(good, /PSTART|PEND/), dice.below(2) * 2 * hourMs)
    case 2:
      return without(good, dice.of([/"START"/, /"END"/, /UPDATING/, /FOTA/, /RDY/]))
    case 3:
      return failedDownload(dice.of(downloadCodes))
    case 4:
      return rolledBack(dice.of([502, 510, 520]))
    case 5:
      return []
    default:
      return good
  }
}

/** One update at a bad modem, broken where `cuts` say beside what the seed does; gives what the host said, and every lie in it. */
export async function quectelConversation(
  seed: number,
  cuts: readonly Cut[] | null = null,
): Promise<Conversation & { readonly end: HostEnd }> {
  const dice = new Dice(seed)
  const isHttp = new Dice(seed + 2_000_003).chance(0.5)
  const plans = [planOf(dice), planOf(dice), planOf(dice), planOf(dice)]
  const bench = new HostBench({
    plans: isHttp ? plans.map(byHttp) : plans,
    hasEcho: dice.chance(0.3),
    cutBytes: cutBytesOf(dice.of([1, 2, 3, 5, 7, 1000]), cuts),
    isBusyAware: true,
    otherPorts: dice.chance(0.2) ? ["/dev/ttyUSB0"] : [],
    imei: ours,
    refusals: dice.chance(0.1) ? [dice.of(["ERROR", "+CME ERROR: 4011", "BUSY"])] : [],
  })
  const { module } = bench
  const more = new Dice(seed + 1_000_003)
  const stream = new CutStream(bench.clock, cuts ?? [])
  bench.through = (line) => stream.through(line)
  if (dice.chance(0.1)) module.build = `${order.from}_BETA`
  for (const command of ["AT+CGSN", "AT+QGMR", "AT+CGMR", "ATI", "AT+QFOTADL"]) {
    if (dice.chance(0.3)) module.noise[command] = `\r\n${dice.of(noises)}\r\n`
    if (!dice.chance(0.3)) continue
    const answer = dice.of([
      "",
      "\r\nOK\r\n",
      "\r\nERROR\r\n",
      "\r\nAG35CEV99\r\n\r\nOK\r\n",
      "\r\n866758\r\n\r\nOK\r\n",
      "\r\nAG35CE",
    ])
    module.odd.push({ command, nth: dice.below(6), answer })
  }
  const isPinned = dice.chance(0.7)
  if (isPinned) bench.device = { imei: ours }
  // Whoever does not say which module is meant means the first that answers.
  if (isPinned && dice.chance(0.3)) {
    bench.others.push(
      new SmallModule(bench.clock, {
        version: order.from,
        imei: stranger,
        plans: [goodUpdate(order.to)],
        portName: "/dev/ttyUSB1",
      }),
    )
  }
  misbehaveMore(bench, more)
  const change = dice.below(12)
  let changes = 1 + dice.below(2)
  bench.meanwhile = () => {
    if (--changes > 0) return
    if (change === 0) module.imei = stranger
    if (change === 1) module.build = `${order.from}_BETA`
    if (change === 2) module.version = "AG35CEV55"
  }
  const sees = dice.below(3)
  const beganMs = bench.clock.now()
  const fetched = (): number => Math.min(300_000, Math.floor((bench.clock.now() - beganMs) / 10))
  bench.transferred = () => (sees === 0 ? fetched() : sees === 1 ? 1000 : null)
  if (dice.chance(0.3)) bench.killAfter = 1 + dice.below(150)
  const end = await bench.runThroughKills(dice.of([0, 7000, 60_000, hourMs]))
  return { end, lies: liesOf(bench, end), bytes: stream.passed }
}

/** Tables and transports that do not fit, lines between an answer and its OK, other words for busy, ports that change names. */
function misbehaveMore(bench: HostBench, dice: Dice): void {
  const { module, others, clock } = bench
  const isByEvent = dice.chance(0.5)
  bench.changes = {
    ...(dice.chance(0.5) ? { command: order.command.replace("ftp:", "http:") } : {}),
    ...(dice.chance(0.5) ? { model: dice.of(["AG35", "EP06", "EC25"]) } : {}),
    retry: { ...order.retry, codes: [601, 608, 702], ...(isByEvent ? { results: retried } : {}) },
  }
  for (const command of ["AT+CGSN", "AT+QGMR", "AT+CGMR", "ATI"]) {
    if (dice.chance(0.3)) module.noiseBehind[command] = `\r\n${dice.of(noises)}\r\n`
  }
  module.busyAnswer = dice.of(["ERROR", "ERROR", "+CME ERROR: 4011", "BUSY"])
  if (others.length === 0 || dice.chance(0.3)) return
  let isSwapped = false
  let swapMs = clock.now() + dice.below(200_000)
  bench.portName = (own) =>
    isSwapped && /USB[12]$/.test(own) ? own.replace(/\d$/, (digit) => (digit === "1" ? "2" : "1")) : own
  bench.before = () => {
    if (clock.now() < swapMs) return
    isSwapped = !isSwapped
    swapMs = clock.now() + 1000 + dice.below(200_000)
    for (const one of [module, ...others]) one.dropLine()
  }
}

const profiles = moduleProfiles.filter(({ id }) => id === "AG35" || id === "EP06" || id === "EC2X")

/** What a number means, in the tables of every model that may be meant. */
function sentencesOf(code: number, isMeant: (event: string) => boolean): ReadonlySet<string> {
  const events = (["FTPEND", "HTTPEND", "END"] as const).filter(isMeant)
  return new Set(profiles.flatMap((one) => events.map((event) => moduleResult(one, event, code).sentence)))
}

/** A number is told with the event that the module said it with, and with no other's words. */
function liesOfNumbers({ module, reports }: HostBench, end: HostEnd): readonly string[] {
  const told = [...reports, end].filter(({ code }) => code !== undefined && code !== null)
  return told.flatMap((one) => {
    const said = module.said.flatMap((line) => {
      const [, event, code] = /"(FTPEND|HTTPEND|END)",(\d+)$/.exec(line) ?? []
      return event !== undefined && Number(code) === one.code ? [event] : []
    })
    const events = "event" in one && one.event !== undefined ? [one.event] : said
    const isSaid = events.some((event) => said.includes(event))
    const speaksOf = /ended with (\w+) (\d+)/.exec(one.sentence ?? "")
    const isSpoken = speaksOf === null || (said.includes(speaksOf[1] ?? "") && Number(speaksOf[2]) === one.code)
    const isForeign = sentencesOf(one.code ?? 0, (event) => !said.includes(event)).has(one.sentence ?? "")
    const isOurs = sentencesOf(one.code ?? 0, (event) => said.includes(event)).has(one.sentence ?? "")
    return isSaid && isSpoken && (isOurs || !isForeign)
      ? []
      : [`${events.join("/")} ${one.code} was never said: ${one.sentence}`]
  })
}

function liesOf(bench: HostBench, end: HostEnd): readonly string[] {
  const { module, others, clock } = bench
  const lies: string[] = [...liesOfNumbers(bench, end)]
  const isOurs = module.imei === ours
  const runs = module.build ?? module.version
  if (others.some(({ commands }) => commands > 0)) lies.push("typed at another module")
  if (end.state === "verified" && !(isOurs && module.version === order.to)) lies.push("verified what does not run")
  if (end.version !== null && isOurs && end.version !== runs && end.version !== module.version) {
    lies.push(`says ${end.version}, runs ${runs}`)
  }
  if (end.version !== null && !isOurs && end.version !== order.from) lies.push("speaks of another module's firmware")
  for (const { build, imei } of module.orders) {
    if (imei !== ours) lies.push("typed at a module that was swapped in")
    if (build !== order.from) lies.push(`typed at a module that runs ${build}`)
  }
  if (module.overlapping > 0) lies.push("a second order while the first was under way")
  // What happens later must not make a lie of what was said.
  clock.advanceTo(clock.now() + 4 * hourMs)
  module.nextDueMs()
  const isHonest = /not known|not heard/.test(end.sentence)
  if (end.state === "failed" && isOurs && module.version === order.to && !isHonest)
    lies.push("called failed, installed later")
  return lies
}
