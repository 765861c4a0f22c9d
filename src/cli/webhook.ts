import { Command } from "commander"
import type { WebhookView } from "../core/contract/schemas.ts"
import { connect } from "./api-client.ts"
import { confirm, confirmable, type Confirmable } from "./confirm.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, timeText } from "./output.ts"
import { readSecretFile } from "./password.ts"

interface AddOptions extends Common {
  readonly url: string
  readonly kinds?: string
  readonly secretFile?: string
}

/** `waft webhook …`: other servers that are told of events. */
export function webhookCommand(): Command {
  const command = new Command("webhook").description(
    "other servers that are told of events; docs/webhooks.md has the kinds",
  )
  common(command.command("add <NAME>"))
    .description("tell another server of what happens from now on; the secret that signs it is printed once")
    .requiredOption("--url <URL>", "where it is told, http or https")
    .option(
      "--kinds <KINDS>",
      "kinds of events, comma-separated, such as rollout.*,update.install-failed (default all)",
    )
    .option("--secret-file <FILE>", "file with a secret of your own, whsec_ and base64; - = standard input")
    .action(add)
  listing(common(command.command("list")))
    .description("list the webhooks, and how each fares")
    .action(list)
  common(command.command("test <NAME>"))
    .description("send a signed message without events, now; exit code 1 when it is not taken")
    .action(async (name: string, options: Common) => {
      const tested = await (await connect(options)).call("testWebhook", { params: { name } })
      if (!tested.ok)
        throw new Failure(`${name} was not told: ${tested.trouble ?? "?"}.`, { title: "webhook-not-told" })
      if (options.json) return printJson(tested)
      printLines(`${name} took it in ${tested.tookMs} ms (${tested.status ?? "?"}).`)
    })
  common(command.command("resume <NAME>"))
    .description("try again at once, from where it stopped")
    .option("--skip", "leave out what it missed, and go on with what happens from now on")
    .action(async (name: string, { skip, ...options }: Common & { skip?: boolean }) => {
      const api = await connect(options)
      const webhook = await api.call("resumeWebhook", { params: { name }, query: { skip: skip === true } })
      if (options.json) return printJson(webhook)
      printLines(`${name} goes on after event ${webhook.seq}.`)
    })
  confirmable(common(command.command("remove <NAME>")))
    .description("tell it no longer")
    .action(async (name: string, options: Common & Confirmable) => {
      await confirm(options, { says: `${name} is told of nothing any more.`, answer: name })
      const removed = await (await connect(options)).call("removeWebhook", { params: { name } })
      if (options.json) return printJson(removed)
      printLines(`The webhook ${name} was removed.`)
    })
  return command
}

async function add(name: string, { url, kinds, secretFile, ...options }: AddOptions): Promise<void> {
  const body = {
    name,
    url,
    ...(kinds === undefined ? {} : { kinds: kinds.split(",") }),
    ...(secretFile === undefined ? {} : { secret: await readSecretFile("--secret-file", secretFile) }),
  }
  const made = await (await connect(options)).call("createWebhook", { body })
  if (options.json) return printJson(made)
  printLines(made.secret)
  process.stderr.write(
    `${name} is told from now on. Its secret is shown this once; \`waft webhook test ${name}\` tries it.\n`,
  )
}

async function list(options: Common & Listing): Promise<void> {
  const webhooks = await readList(await connect(options), "listWebhooks", {}, options)
  if (options.json) return printJson(webhooks)
  printTable(
    webhooks,
    [
      { title: "WEBHOOK", text: ({ name }) => name },
      { title: "URL", text: ({ url }) => url },
      { title: "KINDS", text: ({ kinds }) => kinds.join(",") },
      { title: "STATE", text: stateText },
      { title: "BEHIND", text: ({ behind }) => String(behind) },
      { title: "TOLD", text: ({ deliveredAt }) => (deliveredAt === null ? "never" : timeText(deliveredAt)) },
    ],
    "No webhook; `waft webhook add` makes one.",
  )
}

function stateText({ state, failures, failingSince, trouble }: WebhookView): string {
  if (failingSince === null) return state
  return `${state} since ${timeText(failingSince)}, ${failures} tries: ${trouble ?? "?"}`
}
