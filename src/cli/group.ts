import { Command } from "commander"
import type { GroupPreviewView, GroupView } from "../core/contract/schemas.ts"
import { connect } from "./api-client.ts"
import { Failure } from "./failure.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"

interface AddOptions extends Common {
  readonly filter?: string
  readonly device?: readonly string[]
  readonly pin?: boolean
  readonly replace?: boolean
}

interface ShowOptions extends Common {
  readonly release?: readonly string[]
}

/** `waft group …`: groups of devices under names. */
export function groupCommand(): Command {
  const command = new Command("group").description("groups of devices under names, for filters: `--group @NAME`")
  common(command.command("add <NAME>"))
    .description("give a group a name: whoever matches a filter when it is asked, or a list of devices")
    .option("--filter <EXPR>", "group expression, such as 'site=north and model=4g'")
    .option("--device <ID...>", "a list of devices")
    .option("--pin", "keep the list of those that match the filter now")
    .option("--replace", "give a name that is there another meaning")
    .action(async (name: string, { filter, device, pin, replace, ...options }: AddOptions) => {
      if ((filter === undefined) === (device === undefined)) {
        throw new Failure("Say who is in it: either --filter EXPR or --device ID….", { exitCode: 2, title: "usage" })
      }
      const body = {
        ...(filter === undefined ? {} : { filter }),
        ...(device === undefined ? {} : { ids: [...device] }),
        ...(pin === true ? { pin } : {}),
        ...(replace === true ? { replace } : {}),
      }
      const saved = await (await connect(options)).call("saveGroup", { params: { name }, body })
      if (options.json) return printJson(saved)
      printLines(`@${name}: ${meaning(saved)}`)
    })
  common(command.command("list"))
    .description("list the saved groups")
    .action(async (options: Common) => {
      const groups = await (await connect(options)).call("listGroups", {})
      if (options.json) return printJson(groups)
      printTable(
        groups,
        [
          { title: "GROUP", text: ({ name }) => `@${name}` },
          { title: "DEVICES", text: meaning },
          { title: "CHANGED", text: ({ changedAt }) => timeText(changedAt) },
        ],
        "No saved group; `waft group add` makes one.",
      )
    })
  common(command.command("show <NAME>"))
    .description("who is in a saved group, or in a group expression: how many, models, versions")
    .option("--release <ID...>", "and who of them cannot take these releases, and why")
    .action(async (name: string, { release, ...options }: ShowOptions) => {
      const api = await connect(options)
      // A name is a word; everything else is an expression.
      const saved = /^@?[\w.-]+$/.test(name)
        ? await api.call("showGroup", { params: { name: name.replace(/^@/, "") } })
        : null
      const body = {
        group: saved === null ? name : `@${saved.name}`,
        ...(release === undefined ? {} : { releaseIds: [...release] }),
      }
      const preview = await api.call("previewGroup", { body })
      if (options.json) return printJson({ ...saved, ...preview })
      if (saved !== null) printLines(`@${saved.name}: ${meaning(saved)}`)
      showPreview(preview, release !== undefined)
    })
  common(command.command("remove <NAME>"))
    .description("forget a saved group; its devices stay")
    .action(async (name: string, options: Common) => {
      const removed = await (await connect(options)).call("removeGroup", { params: { name: name.replace(/^@/, "") } })
      if (options.json) return printJson(removed)
      printLines(`@${removed.name} was forgotten.`)
    })
  return command
}

function meaning({ filter, listed }: GroupView): string {
  return filter ?? `a list of ${listed} devices`
}

function showPreview({ devices, ids, models, versions, cannot, without }: GroupPreviewView, isAsked: boolean): void {
  const more = devices > ids.length ? `, and ${devices - ids.length} more` : ""
  printLines(
    `${devices} devices${devices === 0 ? "" : `: ${ids.join(", ")}${more}`}`,
    ...models.map((one) => `  ${one.devices} x ${one.family} ${one.model}`),
    ...versions.map((one) => `  ${one.devices} x ${one.family} version ${one.version ?? "unknown"}`),
  )
  if (!isAsked) return
  if (without > 0) printLines(`${without} of them are of no model that these releases are for.`)
  if (cannot.length === 0) printLines("Nothing is known against the others.")
  else {
    printTable(
      cannot,
      [
        { title: "CANNOT", text: (reason) => String(reason.devices) },
        { title: "DEVICES", text: (reason) => reason.ids.join(" ") + (reason.devices > reason.ids.length ? " …" : "") },
        { title: "WHY", text: ({ sentence }) => sentence },
      ],
      "",
    )
  }
}
