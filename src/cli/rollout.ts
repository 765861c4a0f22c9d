import { readFile } from "node:fs/promises"
import { Command, Option } from "commander"
import type { CostPreviewView, PlanView, RolloutBody, RolloutView } from "../core/contract/schemas.ts"
import { durationText } from "../core/domain/duration.ts"
import { type UpdateState, updateStates } from "../core/domain/update.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { type Confirmable, confirm, confirmable } from "./confirm.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { causesOf, printCauses } from "./causes.ts"
import { countsText, printJson, printLines, printTable, sizeText, timeText } from "./output.ts"
import { watchRollout } from "./watch-rollout.ts"

interface TargetOptions extends Common {
  readonly release?: readonly string[]
  readonly plan?: string
  readonly canary?: string
  readonly pauseOnNoShow?: string
  readonly silence?: string
  readonly all?: boolean
  readonly group?: string
  readonly silenceTimeout?: string
  readonly again?: boolean
  readonly allowDowngrade?: boolean
  readonly takeOver?: boolean
  readonly watch?: boolean
  readonly for?: string
}

interface Patience {
  readonly for?: string
}

const patienceHelp =
  "how long to wait for a server that does not answer, as while it is upgraded; then exit code 3 (default 10m)"

interface ShowOptions extends Common, Listing {
  readonly plan?: boolean
  readonly state?: UpdateState
  readonly reason?: string
}

/** `waft rollout …` */
export function rolloutCommand(): Command {
  const command = new Command("rollout").description("bring devices to a release")
  startCommands(command)
  readCommands(command)
  steerCommands(command)
  return command
}

const target = (command: Command): Command =>
  common(command)
    .option("--plan <FILE>", "a plan file (YAML or JSON), which says everything itself")
    .option("--release <ID...>", "release to bring them to; one for each family")
    .option("--all", "every device that a release fits")
    .option("--group <EXPR>", "only those that match, such as 'site=north and model=4g'")
    .option(
      "--canary <N>",
      "so many devices go first, one of each model where that is enough; the others follow their success",
    )
    .option("--pause-on-no-show <PERCENT>", "pause by itself when more of a phase fell silent")
    .option("--silence <TIME>", "the same as --silence-timeout")
    .option("--again", "offer it also to devices that are believed to run it")
    .option("--allow-downgrade", "a device may get an older version than it runs")
    .option("--silence-timeout <TIME>", "a device silent for longer becomes no-show (30s, 2h, 14d; default 14d)")

function startCommands(command: Command): void {
  target(command.command("plan"))
    .description("say what a rollout would do with each device, and what it would take; changes nothing")
    .option("--limit <N>", "at most so many devices, each on its line", "1000")
    .option("--costs", "only what it would take, phase by phase")
    .action(async (options: TargetOptions & Listing & { readonly costs?: boolean }) => {
      const [api, body] = [await connect(options), await wish(options)]
      if (options.costs === true) {
        const costs = await api.call("previewCosts", { body })
        return options.json === true ? printJson(costs) : printCosts(costs)
      }
      const plan = await api.call("planRollout", { body })
      const shown = { limit: options.limit }
      const devices = await readList(api, "planDevices", { params: { id: plan.id } }, shown)
      if (options.json) return printJson({ ...plan, rows: devices })
      printLines(`${planText(plan)}; \`waft rollout start --plan-id ${plan.id}\` starts just this, for 15 minutes.`)
      printTable(
        devices,
        [
          { title: "DEVICE", text: ({ deviceId }) => deviceId },
          { title: "MODEL", text: ({ model }) => model },
          { title: "FROM", text: ({ from }) => from ?? "unknown" },
          { title: "TO", text: ({ to }) => to },
          { title: "OUTCOME", text: ({ outcome }) => outcome },
          { title: "WHY", text: ({ sentence }) => sentence },
        ],
        "No device matches.",
      )
      printCosts(await api.call("previewCosts", { body }))
    })
  target(command.command("start"))
    .description("start a rollout: by a plan, canaries first, or everybody at once")
    .option("--plan-id <ID>", "start just the plan that `waft rollout plan` has shown")
    .option("--take-over", "take devices that other rollouts are updating from there")
    .option("--watch", "stay and watch it; the exit code tells whether it succeeded")
    .option("--for <TIME>", patienceHelp)
    .action(async (options: TargetOptions & { readonly planId?: string }) => {
      const api = await connect(options)
      const { planId } = options
      const takeOver = options.takeOver === true ? { takeOver: true } : {}
      const body = planId === undefined ? { ...(await wish(options)), ...takeOver } : { planId }
      const rollout = await api.call("startRollout", { body })
      if (options.json && options.watch !== true) return printJson(rollout)
      if (!options.json) printLines(summary(rollout))
      if (options.watch === true) await watch(api, rollout.id, options)
    })
}

function readCommands(command: Command): void {
  common(command.command("watch <ROLLOUT>"))
    .description(
      "watch a rollout until it ends; exit code 0 if it succeeded, 1 if not, 3 if the server was lost from sight",
    )
    .option("--for <TIME>", patienceHelp)
    .action(async (id: string, options: Common & Patience) => watch(await connect(options), id, options))
  listing(common(command.command("list")))
    .description("list rollouts")
    .action(async (options: Common & Listing) => {
      const rollouts = await readList(await connect(options), "listRollouts", {}, options)
      if (options.json) return printJson(rollouts)
      printTable(
        rollouts,
        [
          { title: "ROLLOUT", text: ({ id }) => id },
          { title: "STATE", text: ({ state }) => state },
          { title: "DEVICES", text: ({ devices }) => String(devices) },
          { title: "RELEASES", text: ({ releaseIds }) => releaseIds.join(" ") },
          { title: "STARTED", text: ({ startedAt }) => timeText(startedAt) },
          { title: "UPDATES", text: ({ counts }) => countsText(counts) },
        ],
        "No rollout yet; `waft rollout start` starts one.",
      )
    })
  listing(common(command.command("show <ROLLOUT>")))
    .description("show a rollout and each of its updates")
    .addOption(new Option("--state <STATE>", "only updates in this state").choices(Object.keys(updateStates)))
    .option("--reason <CODE>", "only updates that ended or wait for this reason, as the causes above the list name it")
    .option("--plan", "print the plan that it follows, every default filled in")
    .action(async (id: string, options: ShowOptions) => {
      const api = await connect(options)
      const rollout = await api.call("showRollout", { params: { id } })
      if (options.plan === true) return printJson(rollout.plan)
      const { state, reason } = options
      const query = { ...(state === undefined ? {} : { state }), ...(reason === undefined ? {} : { code: reason }) }
      const updates = await readList(api, "rolloutUpdates", { params: { id }, query }, options)
      if (options.json) return printJson({ ...rollout, causes: await causesOf(api, id), updates })
      showRollout(rollout)
      await printCauses(api, id)
      printTable(
        updates,
        [
          { title: "DEVICE", text: ({ deviceId }) => deviceId },
          { title: "STATE", text: ({ state, basis }) => (state === "succeeded" ? `${state} (${basis})` : state) },
          { title: "TRY", text: ({ attempt }) => String(attempt) },
          { title: "SINCE", text: ({ since }) => timeText(since) },
          { title: "WHY", text: ({ sentence }) => sentence },
        ],
        Object.keys(query).length === 0
          ? "It has no devices."
          : `None of its devices is so: they are ${countsText(rollout.counts)}.`,
      )
    })
}

const steering = [
  { name: "pause", endpoint: "pauseRollout", description: "begin nothing new; devices that have begun finish" },
  { name: "resume", endpoint: "resumeRollout", description: "go on with a paused rollout" },
  { name: "abort", endpoint: "abortRollout", description: "end a rollout now" },
  {
    name: "roll-back",
    endpoint: "rollBackRollout",
    description: "end a rollout and bring every device that had begun back to what it ran before",
  },
  {
    name: "retry-failed",
    endpoint: "retryFailed",
    description: "let every device that failed or fell silent try again; a rollout that had ended goes on",
  },
  { name: "open-gate", endpoint: "openGate", description: "open the gate of a rollout's next phase" },
  { name: "approve", endpoint: "approveRollout", description: "approve a rollout that waits for that" },
] as const

function steerCommands(command: Command): void {
  for (const { name, endpoint, description } of steering) {
    const steer = common(command.command(`${name} <ROLLOUT>`)).description(description)
    if (name === "abort") confirmable(steer)
    steer.action(async (id: string, options: Common & Confirmable) => {
      const api = await connect(options)
      if (name === "abort") await confirmAbort(api, id, options)
      const rollout = await api.call(endpoint, { params: { id } })
      if (options.json) return printJson(rollout)
      printLines(summary(rollout), rollout.explain)
    })
  }
}

async function confirmAbort(api: ApiClient, id: string, options: Common & Confirmable): Promise<void> {
  const rollout = await api.call("showRollout", { params: { id } })
  const says = `${summary(rollout)}. Those that have succeeded keep the new version; no other is offered it any more.`
  await confirm(options, { says, answer: id })
}

async function wish(options: TargetOptions): Promise<RolloutBody> {
  const { plan, release, all, group, canary, pauseOnNoShow } = options
  const silence = options.silence ?? options.silenceTimeout
  if (plan !== undefined) {
    const others = [release, all, group, canary, pauseOnNoShow, silence].some((option) => option !== undefined)
    if (others) throw usage("--plan says everything itself: no other option beside it.")
    return { plan: await readPlan(plan) }
  }
  if (release === undefined) throw usage("Say where to: --plan FILE, or --release ID.")
  if ((all === true) === (group !== undefined)) throw usage("Say which devices: either --all or --group EXPR.")
  return {
    releaseIds: [...release],
    group: group ?? null,
    ...(silence === undefined ? {} : { silenceTimeoutMs: parseDuration("--silence", silence) }),
    ...(canary === undefined ? {} : { canary: numberOf("--canary", canary) }),
    ...(pauseOnNoShow === undefined ? {} : { pauseOnNoShow: numberOf("--pause-on-no-show", pauseOnNoShow) }),
    ...(options.again === true ? { again: true } : {}),
    ...(options.allowDowngrade === true ? { allowDowngrade: true } : {}),
  }
}

/** The text of a plan file of this machine. */
export async function readPlan(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
}

export function numberOf(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?%?$/.exec(text)
  if (match === null) throw usage(`${flag} takes a number, not "${text}".`)
  return Number(match[1])
}

function usage(sentence: string): Failure {
  return new Failure(sentence, { exitCode: 2, title: "usage" })
}

async function watch(api: ApiClient, id: string, options: Common & Patience): Promise<void> {
  const rollout = await watchRollout(api, id, {
    quiet: options.json === true,
    ...(options.for === undefined ? {} : { patienceMs: parseDuration("--for", options.for) }),
  })
  if (options.json) printJson({ ...rollout, causes: await causesOf(api, id) })
  if (rollout.state !== "succeeded") process.exitCode = 1
}

/** Prints how a rollout stands: what it does, what it has spent, what was foretold, and its phases. */
export function showRollout(rollout: RolloutView): void {
  printLines(summary(rollout), rollout.explain, spentText(rollout), ...predictionText(rollout))
  if (rollout.phases.length > 1) printPhases(rollout)
}

function spentText({ budget }: RolloutView): string {
  const money = budget.money === 0 ? "" : `, ${budget.money.toFixed(2)} in money`
  return `spent ${sizeText(budget.bytes)}, ${budget.sms} messages${money}`
}

/** What a rehearsal foretold, beside what came of it. */
function predictionText({ prediction, startedAt, endedAt, counts, budget }: RolloutView): readonly string[] {
  if (prediction === null) return []
  const number = (key: string): number => Number(prediction[key] ?? 0)
  const took = durationText((endedAt ?? Date.now()) - startedAt)
  return [
    `foretold: ${number("succeeded")} succeeded, ${number("failed")} failed, ${number("noShow")} no-show in ${durationText(number("durationMs"))}, ${sizeText(number("bytes"))}, ${number("sms")} messages`,
    `real ${endedAt === null ? "so far" : "in the end"}: ${counts.succeeded ?? 0} succeeded, ${counts.failed ?? 0} failed, ${counts["no-show"] ?? 0} no-show in ${took}, ${sizeText(budget.bytes)}, ${budget.sms} messages`,
  ]
}

/** What a rollout would take, phase by phase. */
function printCosts({ phases, total, withoutTariff, exceeds }: CostPreviewView): void {
  const all = { name: "in all", devices: 0, alreadyThere: 0, impossible: 0, ...total }
  for (const { devices, alreadyThere, impossible } of phases) {
    all.devices += devices
    all.alreadyThere += alreadyThere
    all.impossible += impossible
  }
  printTable(
    phases.length === 1 ? [all] : [...phases, all],
    [
      { title: "PHASE", text: ({ name }) => name },
      { title: "DEVICES", text: ({ devices }) => String(devices) },
      { title: "THERE", text: ({ alreadyThere }) => String(alreadyThere) },
      { title: "CANNOT", text: ({ impossible }) => String(impossible) },
      { title: "BYTES", text: ({ bytes }) => sizeText(bytes) },
      { title: "MESSAGES", text: ({ sms }) => String(sms) },
      { title: "MONEY", text: ({ money }) => (money === 0 ? "-" : money.toFixed(2)) },
    ],
    "It has no phases.",
  )
  if (withoutTariff > 0) printLines(`No tariff is known for ${withoutTariff} of them; their label names none.`)
  if (exceeds !== null) printLines(`It will stop on the way: ${exceeds}`)
}

function printPhases({ phases }: RolloutView): void {
  printTable(
    phases,
    [
      { title: "PHASE", text: ({ name }) => name },
      { title: "STATE", text: ({ state }) => state },
      { title: "DEVICES", text: ({ size }) => String(size) },
      { title: "UPDATES", text: ({ counts }) => countsText(counts) },
    ],
    "It has no phases.",
  )
}

function summary(rollout: RolloutView): string {
  return `${rollout.id}: ${rollout.state}, ${rollout.devices} devices: ${countsText(rollout.counts)}`
}

/** "12 devices: 10 would be updated, 2 run it already". */
function planText({ devices, counts }: PlanView): string {
  const words: Readonly<Record<keyof PlanView["counts"], string>> = {
    update: "would be updated",
    supersedes: "would leave another rollout",
    "already-there": "run it already",
    impossible: "cannot take it",
  }
  const parts = (Object.keys(words) as (keyof typeof words)[]).flatMap((outcome) =>
    counts[outcome] === 0 ? [] : [`${counts[outcome]} ${words[outcome]}`],
  )
  return `${devices} device${devices === 1 ? "" : "s"}: ${parts.join(", ")}`
}
