import { Command } from "commander"
import type { EventView } from "../core/contract/schemas.ts"
import { eventFilter } from "../core/domain/events/filter.ts"
import { connect } from "./api-client.ts"
import { type Listing, readList } from "./listing.ts"
import { type Common, common, defined } from "./options.ts"
import { clean, printJson, printJsonLine, timeText } from "./output.ts"
import { numberOf } from "./rollout.ts"

interface EventsOptions extends Common, Listing {
  readonly after?: string
  readonly kind?: string
  readonly text?: string
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
    .option("--all", "every one, however many there are")
    .option("--device <ID>", "only this device's")
    .option("--rollout <ID>", "only this rollout's")
    .option("--kind <KIND>", "only these kinds, separated by commas; update.* = all of that beginning")
    .option("--text <TEXT>", "only those whose sentence holds this")
    .option("--follow", "stay and print what happens (with --json one object a line)")
    .action(async (options: EventsOptions) => {
      const api = await connect(options)
      const { device, rollout, kind, text, after = "0" } = options
      const filter = defined({ device, rollout, kind, text })
      const backwards = options.after === undefined
      const query = { after: numberOf("--after", after), backwards, ...filter }
      const events = await readList(api, "listEvents", { query }, options)
      if (backwards) events.reverse()
      if (options.json === true && options.follow !== true) return printJson(events)
      for (const event of events) print(event, options)
      if (options.follow !== true) return
      const ending = new AbortController()
      process.once("SIGINT", () => ending.abort())
      const isWanted = eventFilter(filter)
      for await (const event of api.events(events.at(-1)?.seq ?? query.after, ending.signal)) {
        if (isWanted(event)) print(event, options)
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
