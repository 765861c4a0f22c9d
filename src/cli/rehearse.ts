import { Command } from "commander"
import type { RehearsalView } from "../core/contract/schemas.ts"
import { durationText } from "../core/domain/duration.ts"
import { connect } from "./api-client.ts"
import { parseDuration } from "./duration.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, sizeText } from "./output.ts"
import { numberOf, readPlan } from "./rollout.ts"

interface RehearseOptions extends Common {
  readonly seeds: string
  readonly horizon: string
  readonly rhythm: string
  readonly cut?: string
  readonly failure?: string
  readonly silence?: string
}

/** `waft rehearse PLAN` */
export function rehearseCommand(): Command {
  return common(new Command("rehearse").argument("<PLAN>", "a plan file (YAML or JSON)"))
    .description("run a plan against a twin of this server's fleet, on a fast clock; no device notices")
    .option("--seeds <N>", "so many times, each with another luck", "5")
    .option("--horizon <TIME>", "longest time that is rehearsed", "30d")
    .option("--rhythm <TIME>", "time between two contacts of a device whose own rhythm is not known", "6h")
    .option("--cut <PERCENT>", "transfers that are cut")
    .option("--failure <PERCENT>", "tries that fail; absent = as in the last rollouts")
    .option("--silence <PERCENT>", "devices that are never heard of after installing; absent = as in the last rollouts")
    .action(async (file: string, options: RehearseOptions) => {
      const rehearsal = await (await connect(options)).call("rehearsePlan", {
        body: {
          plan: await readPlan(file),
          seeds: numberOf("--seeds", options.seeds),
          horizonMs: parseDuration("--horizon", options.horizon),
          rhythmMs: parseDuration("--rhythm", options.rhythm),
          odds: oddsOf(options),
        },
      })
      if (options.json) return printJson(rehearsal)
      showRehearsal(rehearsal)
    })
}

function oddsOf({ cut, failure, silence }: RehearseOptions): Record<string, number> {
  return {
    ...(cut === undefined ? {} : { cut: numberOf("--cut", cut) / 100 }),
    ...(failure === undefined ? {} : { failure: numberOf("--failure", failure) / 100 }),
    ...(silence === undefined ? {} : { silence: numberOf("--silence", silence) / 100 }),
  }
}

/** Prints what a rehearsal foretells. */
export function showRehearsal(rehearsal: RehearsalView): void {
  const { devices, known, odds, spread } = rehearsal
  const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`
  printLines(
    `${devices} devices, ${known} of them by their own rhythm; ${percent(odds.cut)} of transfers cut, ${percent(odds.failure)} of tries fail, ${percent(odds.silence)} of devices fall silent`,
    `${rehearsal.end} after ${durationText(rehearsal.durationMs)} (${durationText(spread.leastDurationMs)} to ${durationText(spread.mostDurationMs)}), ${sizeText(rehearsal.bytes)}, ${rehearsal.sms} messages`,
    `${rehearsal.succeeded} succeeded, ${rehearsal.failed} failed, ${rehearsal.noShow} no-show, ${rehearsal.unfinished} not at their end`,
    ...rehearsal.pauses.map(({ atMs, reason }) => `paused after ${durationText(atMs)}: ${reason}`),
  )
  if (rehearsal.stuck.length === 0) return
  printTable(
    rehearsal.stuck,
    [
      { title: "DEVICE", text: ({ device }) => device },
      { title: "ENDS AS", text: ({ state }) => state },
    ],
    "",
  )
}
