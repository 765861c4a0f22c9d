import { Command } from "commander"
import type { EventView } from "../core/contract/schemas.ts"
import { connect } from "./api-client.ts"
import { type Common, common } from "./options.ts"
import { clean, printJson, printJsonLine, timeText } from "./output.ts"

interface EventsOptions extends Common {
  readonly after?: string
  readonly limit: string
  readonly device?: string
  readonly rollout?: string
  readonly follow?: boolean
}

/** `waft events` */
export function eventsCommand(): Command {
  return common(new Command("events"))
    .description("print the event log: the newest, or all after a number, and with --follow what happens next")
    .option("--after <SEQ>", "only those after this running number")
    .option("--limit <N>", "at most so many", "100")
    .option("--device <ID>", "only this device's")
    .option("--rollout <ID>", "only this rollout's")
    .option("--follow", "stay and print what happens (with --json one object a line)")
    .action(async (options: EventsOptions) => {
      const api = await connect(options)
      const { device, rollout } = options
      const backwards = options.after === undefined
      const query = {
        after: Number(options.after ?? 0),
        limit: Number(options.limit),
        backwards,
        ...(device === undefined ? {} : { device }),
        ...(rollout === undefined ? {} : { rollout }),
      }
      const events = await api.call("listEvents", { query })
      if (backwards) events.reverse()
      if (options.json === true && options.follow !== true) return printJson(events)
      for (const event of events) print(event, options)
      if (options.follow !== true) return
      const ending = new AbortController()
      process.once("SIGINT", () => ending.abort())
      for await (const event of api.events(events.at(-1)?.seq ?? query.after, ending.signal)) {
        if (device !== undefined && event.deviceId !== device) continue
        if (rollout !== undefined && event.rolloutId !== rollout) continue
        print(event, options)
      }
    })
}

function print(event: EventView, { json }: Common): void {
  if (json === true) {
    printJsonLine(event)
    return
  }
  const who = event.deviceId === null ? "" : `${event.deviceId} `
  process.stdout.write(clean(`${event.seq} ${timeText(event.at)} ${event.kind} ${who}${event.sentence}`))
  process.stdout.write("\n")
}
