import type { Command } from "commander"
import type { WireView } from "../core/contract/schemas.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { type Common, common } from "./options.ts"
import { Failure } from "./failure.ts"
import { printJson, printJsonLine, printLines, timeText } from "./output.ts"

interface WireOptions extends Common {
  readonly session?: string
  readonly search?: string
  readonly follow?: true
}

type Session = WireView["sessions"][number]

/** `waft device wire ID`: what the last contacts with a device said, and what is wrong in them. */
export function addWire(device: Command): void {
  common(device.command("wire <ID>"))
    .description("what a device and the server said to each other in its last contacts, and what is wrong there")
    .option("--session <N>", "only that contact")
    .option("--search <TEXT>", "only contacts in which a line has this")
    .option("--follow", "go on with what is said from now on, until Ctrl-C")
    .action(run)
}

async function run(id: string, options: WireOptions): Promise<void> {
  const api = await connect(options)
  const session = options.session === undefined ? undefined : Number(options.session)
  if (session !== undefined && !(Number.isInteger(session) && session >= 1)) {
    throw new Failure(`--session takes the number of a contact, not "${options.session}".`, {
      exitCode: 2,
      title: "usage",
    })
  }
  const query = {
    ...(session === undefined ? {} : { session }),
    ...(options.search === undefined ? {} : { search: options.search }),
  }
  if (options.follow === true) return follow(api, id, query, options)
  const found = await api.call("deviceWire", { params: { id }, query })
  if (options.json) return printJson(found)
  if (found.sessions.length === 0) {
    printLines(`Nothing was said with ${id} that matches; it says something at its next contact.`)
    return
  }
  for (const one of found.sessions) printLines(head(one), ...one.lines.map(lineText), ...tail(one), "")
}

const speakers: Readonly<Record<string, string>> = { device: ">", server: "<", note: "=" }

function lineText({ from, text, at }: Session["lines"][number]): string {
  return `${timeText(at).slice(11)} ${speakers[from] ?? "?"} ${text}`
}

function head({ number, channel, peer, startedAt, repeats }: Session): string {
  const again = repeats === 0 ? "" : `, and the same ${repeats} times more`
  return `#${number} ${channel} ${peer} ${timeText(startedAt)}${again}`
}

function tail({ dropped, findings }: Session): readonly string[] {
  const more = dropped === 0 ? [] : [`(${dropped} more lines were not kept)`]
  return [
    ...more,
    ...findings.flatMap(({ rule, says, cure, line }) => [`! ${rule} (line ${line + 1}): ${says}`, `  ${cure}`]),
  ]
}

/** Between two looks, ms. */
const lookMs = 1000

async function follow(
  api: ApiClient,
  id: string,
  query: { readonly session?: number; readonly search?: string },
  { json }: WireOptions,
): Promise<void> {
  const seen = new Map<number, { lines: number; findings: number; repeats: number }>()
  for (;;) {
    const { sessions } = await api.call("deviceWire", { params: { id }, query })
    for (const one of sessions) {
      const before = seen.get(one.number) ?? { lines: 0, findings: 0, repeats: 0 }
      const lines = one.lines.slice(before.lines)
      const findings = one.findings.slice(before.findings)
      seen.set(one.number, { lines: one.lines.length, findings: one.findings.length, repeats: one.repeats })
      if (lines.length === 0 && findings.length === 0 && one.repeats === before.repeats) continue
      if (json) printJsonLine({ ...one, lines, findings })
      else if (lines.length === 0 && findings.length === 0) printLines(head(one))
      else printLines(...(before.lines === 0 ? [head(one)] : []), ...lines.map(lineText), ...tail({ ...one, findings }))
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}
