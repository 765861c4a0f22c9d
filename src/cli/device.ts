import { readFile } from "node:fs/promises"
import { Command, Option } from "commander"
import type { DeviceAccessView, DeviceView, DeviceWordBody, NewDeviceBody } from "../core/contract/schemas.ts"
import { familyById } from "../core/families/index.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { type Confirmable, confirm, confirmable } from "./confirm.ts"
import { devicesAsCsv } from "./device-csv.ts"
import { faultText, readDeviceList } from "./device-list.ts"
import { addWire } from "./device-wire.ts"
import { optionNames } from "./family-options.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common, defined } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"
import { secretOption } from "./secret-option.ts"

interface AddOptions extends Common {
  readonly family: string
  readonly model: string
  readonly label?: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly running?: string
  readonly set?: readonly string[]
}

const deviceSorts = ["id", "-id", "seen", "-seen", "added", "-added"] as const

interface ListOptions extends Common, Listing {
  readonly group?: string
  readonly csv?: true
  readonly sort?: (typeof deviceSorts)[number]
}

interface SetOptions extends Common {
  readonly running?: string
  readonly single?: boolean
  readonly label?: readonly string[]
  readonly model?: string
  readonly set?: readonly string[]
}

/** `waft device …` */
export function deviceCommand(): Command {
  const command = new Command("device").description("add devices and ask after them")
  addCommands(command)
  readCommands(command)
  return command
}

function addCommands(command: Command): void {
  secretOption(common(command.command("add <ID>")), {
    flag: "password",
    value: "PASSWORD",
    help: "FTP password, or second part of the token, that stands in the device already",
    variable: "WAFT_DEVICE_PASSWORD",
  })
    .description("add a device; prints what goes into it")
    .requiredOption("--family <FAMILY>", "device family")
    .requiredOption("--model <MODEL>", "model, such as the modem")
    .option("--label <NAME=VALUE...>", "labels for group expressions")
    .option(
      "--user <USER>",
      "what stands in the device already: FTP user, key of the manifest URL (url-…) or the URL whole, first part of the agent's token (agent-…)",
    )
    .option("--running <VERSION>", "the version it runs, when you know")
    .option(
      "--set <KEY=VALUE...>",
      `what the family wants to know of it: ${optionNames(({ entry }) => entry?.options)}`,
    )
    .action(async (id: string, options: AddOptions) => {
      const { family, model, user, password, running } = options
      const labels = parseLabels(options.label ?? [])
      const body: NewDeviceBody = {
        id,
        family,
        model,
        labels,
        ...defined({ user, password, running }),
        ...setOptions(options),
      }
      const access = await (await connect(options)).call("addDevice", { body })
      if (options.json) return printJson(access)
      printLines(accessSentence(family, access))
    })
  common(command.command("import <FILE>"))
    .description(
      "add many devices, all or none, from CSV (columns id, family, model, user, password, running; those named like an option of the family, or set.KEY, are options, others labels), JSON, or one JSON object a line",
    )
    .option("--dry-run", "only say what would be added and what is wrong, line by line")
    .action(async (file: string, options: Common & { readonly dryRun?: boolean }) => {
      const body = await readDevices(file)
      if (options.dryRun === true) return printDryRun(body, options)
      const added = await (await connect(options)).call("importDevices", { body })
      if (options.json) return printJson(added)
      const familyOf = new Map(body.map(({ id, family }) => [id, family]))
      printTable(
        added,
        [
          { title: "DEVICE", text: ({ id }) => id },
          { title: "WHAT GOES INTO IT", text: (access) => accessWords(familyOf.get(access.id) ?? "", access) },
        ],
        "The file holds no device.",
      )
    })
  common(command.command("set <ID>"))
    .description("say what is known of a device, or change what was entered of it; what is not named stays")
    .option("--running <VERSION>", "what it runs, or unknown; it ends a doubt about who uses its login")
    .option("--single", "its login is used by one device, whatever it looks like")
    .option("--label <NAME=VALUE...>", "labels to set; NAME= takes one away")
    .option("--model <MODEL>", "its model, when it was entered wrongly or another modem was put in")
    .option("--set <KEY=VALUE...>", `options of its family: ${optionNames(({ entry }) => entry?.options)}`)
    .action(async (id: string, options: SetOptions) => {
      const { running, single, model, label } = options
      const body: DeviceWordBody = {
        ...defined({ running, model }),
        ...(single === true ? { single } : {}),
        ...(label === undefined ? {} : { labels: emptyAsNull(parseLabels(label)) }),
        ...setOptions(options),
      }
      if (Object.keys(body).length === 0) {
        throw new Failure("Nothing to set: give --running, --single, --label, --model or --set.", {
          exitCode: 2,
          title: "usage",
        })
      }
      const device = await (await connect(options)).call("setDevice", { params: { id }, body })
      if (options.json) return printJson(device)
      printLines(deviceLine(device), `running ${runningText(device)}`)
    })
  common(command.command("replace <ID>"))
    .description("another device stands in its place, under the same login or URL: what was known is forgotten")
    .action(async (id: string, options: Common) => {
      const device = await (await connect(options)).call("replaceDevice", { params: { id } })
      if (options.json) return printJson(device)
      printLines(`${id} is another device now; its credentials stay.`)
    })
  common(command.command("ask <ID> <REQUEST>"))
    .description("ask a device that exchanges messages for something, such as query or test")
    .action(async (id: string, request: string, options: Common) => {
      const device = await (await connect(options)).call("askDevice", { params: { id }, body: { request } })
      if (options.json) return printJson(device)
      printLines(`${id} was asked; \`waft events --device ${id} --follow\` shows its answer.`, device.explain)
    })
  common(command.command("accept <ID...>"))
    .description("let devices that enrolled themselves take part")
    .action(async (ids: readonly string[], options: Common) => {
      const api = await connect(options)
      const accepted: DeviceView[] = []
      for (const id of ids) accepted.push(await api.call("acceptDevice", { params: { id } }))
      if (options.json) return printJson(accepted)
      printLines(...accepted.map(({ id }) => `${id} was accepted.`))
    })
  confirmable(common(command.command("remove <ID>")))
    .description("forget a device; its history stays in the event log")
    .action(async (id: string, options: Common & Confirmable) => {
      const api = await connect(options)
      await confirm(options, { says: await lossSentence(api, id), answer: id })
      const removed = await api.call("removeDevice", { params: { id } })
      if (options.json) return printJson(removed)
      printLines(`${id} was removed.`)
    })
}

/** Faults of a list that are told at once; more are counted. */
const shownFaults = 20

function printDryRun(devices: readonly NewDeviceBody[], { json }: Common): void {
  if (json) return printJson(devices)
  printTable(
    devices,
    [
      { title: "DEVICE", text: ({ id }) => id },
      { title: "MODEL", text: ({ family, model }) => `${family}/${model}` },
      {
        title: "LABELS",
        text: ({ labels = {} }) =>
          Object.entries(labels)
            .map(([name, value]) => `${name}=${value}`)
            .join(" "),
      },
    ],
    "The file holds no device.",
  )
  printLines(`${devices.length} devices would be added; nothing was changed.`)
}

/** What is lost with a device: what stands in it goes on knocking. */
async function lossSentence(api: ApiClient, id: string): Promise<string> {
  const { ftp, manifestUrl } = await api.call("deviceAccess", { params: { id } })
  const kept =
    manifestUrl !== undefined
      ? `The URL in the board's flash (${manifestUrl}) is answered with 404 from then on, and a new one means flashing the board.`
      : ftp !== undefined
        ? `The login in its sketch (${ftp.user}) is refused from then on.`
        : "The agent beside it is refused from then on."
  return `${id} is forgotten, with what it runs. ${kept}`
}

function readCommands(command: Command): void {
  addWire(command)
  listing(common(command.command("list")))
    .description("list devices")
    .option("--group <EXPR>", "only those that match, such as 'site=north and model=4g'")
    .option("--csv", "print CSV, as `waft device import` reads it")
    .addOption(new Option("--sort <KEY>", "their order; - before it turns it around").choices(deviceSorts))
    .action(async (options: ListOptions) => {
      const query = defined({ group: options.group, sort: options.sort })
      const devices = await readList(await connect(options), "listDevices", { query }, options)
      if (options.json) return printJson(devices)
      if (options.csv === true) return printLines(...devicesAsCsv(devices))
      printTable(
        devices,
        [
          { title: "DEVICE", text: ({ id }) => id },
          { title: "MODEL", text: ({ family, model }) => `${family}/${model}` },
          { title: "STATE", text: ({ state }) => state },
          { title: "RUNNING", text: runningText },
          { title: "UPDATE", text: ({ update }) => (update === null ? "-" : `${update.state} ${update.version}`) },
          { title: "LAST SEEN", text: ({ lastSeen }) => (lastSeen === null ? "never" : timeText(lastSeen)) },
        ],
        "No device; `waft device add` adds one.",
      )
    })
  common(command.command("show <ID>"))
    .description("show a device")
    .action(async (id: string, options: Common) => {
      const api = await connect(options)
      const device = await api.call("showDevice", { params: { id } })
      if (options.json) return printJson(device)
      const access = await api.call("deviceAccess", { params: { id } })
      printLines(
        device.explain,
        deviceLine(device),
        `running ${runningText(device)}`,
        `update ${device.update === null ? "none" : `${device.update.state}, attempt ${device.update.attempt}, rollout ${device.update.rolloutId}`}`,
        `last seen ${device.lastSeen === null ? "never" : `${timeText(device.lastSeen)} from ${device.peer}`}`,
        accessSentence(device.family, access),
      )
    })
  common(command.command("access <ID>"))
    .description("show what goes into a device, or into the agent beside it")
    .action(async (id: string, options: Common) => {
      const api = await connect(options)
      const access = await api.call("deviceAccess", { params: { id } })
      if (options.json) return printJson(access)
      const { family } = await api.call("showDevice", { params: { id } })
      printLines(accessSentence(family, access))
    })
  common(command.command("explain <ID>"))
    .description("say in one sentence what a device is doing or waiting for, and why")
    .action(async (id: string, options: Common) => {
      const { explain } = await (await connect(options)).call("showDevice", { params: { id } })
      if (options.json) return printJson({ id, explain })
      printLines(explain)
    })
}

/** What was entered of a device, in a line. */
function deviceLine({ family, model, labels, options }: DeviceView): string {
  const pairs = (all: Readonly<Record<string, string>>): string =>
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")
  const parts = [`family ${family}, model ${model}`, pairs(labels), pairs(options)]
  return parts.filter((part) => part !== "").join(", ")
}

/** `12 (concluded)`: a conclusion is never shown as a report. */
export function runningText({ running }: DeviceView): string {
  return running.version === null ? "unknown" : `${running.version} (${running.evidence})`
}

function accessSentence(family: string, access: DeviceAccessView): string {
  return `${access.id}: ${accessWords(family, access)}`
}

/** What goes into the device, in the words of its family. */
function accessWords(family: string, access: DeviceAccessView): string {
  return familyById(family)?.access.sentence(access) ?? JSON.stringify(access)
}

function emptyAsNull(values: Readonly<Record<string, string>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value === "" ? null : value]))
}

function setOptions({ set = [] }: Pick<AddOptions, "set">): Pick<NewDeviceBody, "options"> {
  return set.length === 0 ? {} : { options: parseLabels(set, "--set") }
}

export function parseLabels(texts: readonly string[], flag = "--label"): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=")
      if (at < 1) throw new Failure(`${flag} takes NAME=VALUE, not "${text}".`, { exitCode: 2, title: "usage" })
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

async function readDevices(file: string): Promise<NewDeviceBody[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
  const { devices, faults } = readDeviceList(text)
  if (faults.length > 0) {
    const shown = faults.slice(0, shownFaults).map(faultText).join("; ")
    const more = faults.length > shownFaults ? `; and ${faults.length - shownFaults} more` : ""
    throw new Failure(`No device was added from ${file}: ${shown}${more}.`, { title: "bad-list" })
  }
  return devices.map(({ device }) => device)
}
