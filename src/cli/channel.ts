import { Command } from "commander"
import type { ChannelBody, ChannelView } from "../core/contract/schemas.ts"
import { connect } from "./api-client.ts"
import { type Confirmable, confirm, confirmable } from "./confirm.ts"
import { exportChannel } from "./export-channel.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"
import { publishFile } from "./release.ts"
import { secretOption } from "./secret-option.ts"

interface SetOptions extends Common {
  readonly family?: string
  readonly user?: string
  readonly password?: string
  readonly release?: string
  readonly file?: string
  readonly none?: boolean
  readonly version?: string
  readonly replace?: boolean
}

/** `waft channel …`: what the gateway's OTA-FTP page does. */
export function channelCommand(): Command {
  const command = new Command("channel").description(
    "a login that offers one release, or nothing, to whoever comes (as the vendor gateway's OTA-FTP page does)",
  )
  secretOption(common(command.command("set <CHANNEL>")), {
    flag: "password",
    value: "PASSWORD",
    help: "FTP password; default made up (the vendor gateway's is libelium)",
    variable: "WAFT_CHANNEL_PASSWORD",
  })
    .description("make a channel or change what it offers: nothing, a new file, or an existing release")
    .option("--none", "offer nothing (NO_FILE)")
    .option("--file <FILE>", "publish this file and offer it (needs --family and --version)")
    .option("--release <ID>", "offer this release")
    .option("--version <VERSION>", "the version to announce (Waspmote: 0 to 255); default the release's")
    .option("--family <FAMILY>", "device family of a new channel")
    .option("--user <USER>", "FTP user; default the channel's name (the vendor gateway's is ota)")
    .option("--replace", "also change the family, user or password of a channel that is there")
    .action(setChannel)
  listing(common(command.command("show [CHANNEL]")))
    .description("show a channel, or all")
    .action(async (name: string | undefined, options: Common & Listing) => {
      if (name === undefined) return list(options)
      print(await (await connect(options)).call("showChannel", { params: { name } }), options)
    })
  listing(common(command.command("list")))
    .description("list channels")
    .action(list)
  confirmable(common(command.command("remove <CHANNEL>")))
    .description("take a channel away: its login is refused from then on")
    .action(async (name: string, options: Common & Confirmable) => {
      const api = await connect(options)
      await confirm(options, {
        says: `Devices that use the channel ${name} are refused from then on.`,
        answer: name,
      })
      const removed = await api.call("removeChannel", { params: { name } })
      if (options.json) return printJson(removed)
      printLines(`${name} was taken away.`)
    })
  secretOption(common(command.command("export <CHANNEL>")), {
    flag: "password",
    value: "PASSWORD",
    help: "password at that server",
    variable: "WAFT_EXPORT_PASSWORD",
  })
    .description(
      "put the channel's files on somebody's own FTP server, in an order in which no device sees half a pair",
    )
    .requiredOption("--to <URL>", "ftp://user@host[:port]/dir (ftps:// for explicit TLS)")
    .action(async (name: string, options: Common & { readonly to: string; readonly password?: string }) => {
      const files = await (await connect(options)).call("channelFiles", { params: { name } })
      const put = await exportChannel(
        files,
        options,
        options.json === true ? () => undefined : (line) => printLines(line),
      )
      if (options.json) return printJson(put)
    })
  return command
}

async function list(options: Common & Listing): Promise<void> {
  const channels = await readList(await connect(options), "listChannels", {}, options)
  // A list goes into tickets and chats; a password is shown for the channel that is asked for.
  if (options.json) return printJson(channels.map((channel) => withoutPassword(channel)))
  printTable(
    channels,
    [
      { title: "CHANNEL", text: ({ name }) => name },
      { title: "FAMILY", text: ({ family }) => family },
      { title: "USER", text: ({ user }) => user },
      {
        title: "OFFERS",
        text: ({ releaseId, version }) => (releaseId === null ? "nothing" : `${releaseId} as version ${version}`),
      },
      { title: "POLLS", text: ({ polls }) => String(polls) },
      { title: "CHANGED", text: ({ changedAt }) => timeText(changedAt) },
    ],
    "No channel; `waft channel set` makes one.",
  )
}

function withoutPassword(channel: ChannelView): Omit<ChannelView, "password"> {
  const rest: Partial<ChannelView> = { ...channel }
  delete rest.password
  return rest as Omit<ChannelView, "password">
}

async function setChannel(name: string, options: SetOptions): Promise<void> {
  const choices = [options.none === true, options.file !== undefined, options.release !== undefined]
  if (choices.filter(Boolean).length > 1) {
    throw new Failure("Choose one of --none, --file and --release.", { exitCode: 2, title: "usage" })
  }
  const api = await connect(options)
  const releaseId = options.none === true ? null : options.file === undefined ? options.release : await publish(options)
  const { family, user, password, version } = options
  const body: ChannelBody = {
    ...(family === undefined ? {} : { family }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(version === undefined ? {} : { version }),
    ...(releaseId === undefined ? {} : { releaseId }),
    ...(options.replace === true ? { replace: true } : {}),
  }
  print(await api.call("setChannel", { params: { name }, body }), options)
}

async function publish(options: SetOptions): Promise<string> {
  const { file, family } = options
  if (file === undefined || family === undefined) {
    throw new Failure("--file needs --family as well.", { exitCode: 2, title: "usage" })
  }
  const { version } = options
  return (await publishFile(await connect(options), file, { family, ...(version === undefined ? {} : { version }) })).id
}

function print(channel: ChannelView, { json }: Common): void {
  if (json) return printJson(channel)
  const { name, family, user, password, releaseId, version, warning, polls, manifestUrl } = channel
  const login =
    manifestUrl === undefined
      ? `FTP user ${user}${password === null ? "" : `, password ${password}`}`
      : `manifest ${manifestUrl}`
  printLines(
    `${name}: ${family}, ${login}`,
    releaseId === null ? "offers nothing" : `offers ${releaseId} as version ${version}`,
    ...(warning === null ? [] : [warning]),
    `${polls} polls`,
  )
}
