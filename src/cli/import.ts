import { createHash } from "node:crypto"
import { Command } from "commander"
import type { ReleaseView } from "../core/contract/schemas.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { Failure } from "./failure.ts"
import { bundle } from "./hawkbit/bundle.ts"
import { HawkbitApi } from "./hawkbit/management-api.ts"
import { type ImportPlan, type Known, planImport, type PlannedRelease } from "./hawkbit/plan-import.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, sizeText } from "./output.ts"
import { secretOption } from "./secret-option.ts"

interface HawkbitOptions extends Common {
  readonly url: string
  readonly token?: string
  readonly model: string
  readonly tenant: string
  readonly apply?: boolean
}

/** `waft import …`: fleets from other servers. */
export function importCommand(): Command {
  const command = new Command("import").description("take over devices and firmware from another server")
  secretOption(common(command.command("hawkbit")), {
    flag: "token",
    value: "TOKEN",
    help: "a bearer token, or USER:PASSWORD",
    variable: "WAFT_HAWKBIT_TOKEN",
  })
    .description("targets, tags and distribution sets of a hawkBit; without --apply it only shows what would be added")
    .requiredOption("--url <URL>", "hawkBit's management API, such as https://hawkbit.example.com")
    .option("--model <MODEL>", "what the devices' clients are: swupdate, rauc or other", "other")
    .option("--tenant <NAME>", "the tenant in the devices' URLs", "DEFAULT")
    .option("--apply", "add it")
    .action(importHawkbit)
  return command
}

async function importHawkbit(options: HawkbitOptions): Promise<void> {
  const { url, token } = options
  if (token === undefined) {
    throw new Failure("Give hawkBit's --token, a --token-file with it, or WAFT_HAWKBIT_TOKEN.", {
      exitCode: 2,
      title: "usage",
    })
  }
  const api = await connect(options)
  const hawkbit = new HawkbitApi({ url, token })
  const plan = await planImport(hawkbit, await knownTo(api), options)
  if (options.apply !== true) {
    if (options.json) return printJson(withoutSecrets(plan))
    showPlan(plan)
    return printLines("", "Nothing was added; --apply adds it.")
  }
  const added = await addAll(api, hawkbit, plan, options)
  if (options.json) return printJson({ ...withoutSecrets(plan), added })
  printLines(`${added.devices} devices and ${added.releases.length} releases were added, ${plan.left.length} left out.`)
}

/** A plan is shown to people and kept in logs; the devices' tokens are in neither. */
function withoutSecrets({ devices, ...plan }: ImportPlan) {
  return { ...plan, devices: devices.map(({ password: _password, ...device }) => device) }
}

async function knownTo(api: ApiClient): Promise<Known> {
  const devices = new Set((await api.list("listDevices", {})).map(({ id }) => id))
  const releases = await api.list("listReleases", { query: { family: "ddi" } })
  return {
    devices,
    releases: new Set(releases.map(({ details, version }) => `${details["name"] as string} ${version}`)),
  }
}

function showPlan({ devices, releases, left }: ImportPlan): void {
  printTable(
    devices,
    [
      { title: "DEVICE", text: ({ id }) => id },
      { title: "RUNNING", text: ({ running }) => running ?? "unknown" },
      {
        title: "LABELS",
        text: ({ labels = {} }) =>
          Object.entries(labels)
            .map((pair) => pair.join("="))
            .join(" "),
      },
    ],
    "No device would be added.",
  )
  printLines("")
  printTable(
    releases,
    [
      { title: "RELEASE", text: ({ name }) => name },
      { title: "VERSION", text: ({ version }) => version },
      {
        title: "FILES",
        text: ({ files }) => files.map(({ name, sizeBytes }) => `${name} (${sizeText(sizeBytes)})`).join(", "),
      },
    ],
    "No release would be added.",
  )
  if (left.length > 0) printLines("", ...left.map(({ what, why }) => `Left out: ${what}: ${why}.`))
}

async function addAll(api: ApiClient, hawkbit: HawkbitApi, plan: ImportPlan, { json }: HawkbitOptions) {
  const releases: string[] = []
  for (const release of plan.releases) {
    const { id } = await addRelease(api, hawkbit, release)
    releases.push(id)
    if (json !== true) printLines(`${id}: ${release.name} ${release.version}`)
  }
  const chunk = 1000
  for (let from = 0; from < plan.devices.length; from += chunk) {
    const body = plan.devices.slice(from, from + chunk)
    await api.call("importDevices", { body: [...body] })
    if (json !== true) printLines(`${from + body.length} of ${plan.devices.length} devices`)
  }
  return { devices: plan.devices.length, releases }
}

async function addRelease(api: ApiClient, hawkbit: HawkbitApi, planned: PlannedRelease): Promise<ReleaseView> {
  const files: { name: string; bytes: Uint8Array }[] = []
  for (const { folder, name, module, artifact, sha256 } of planned.files) {
    const bytes = await hawkbit.download(module, artifact)
    const sum = createHash("sha256").update(bytes).digest("hex")
    if (sha256 !== null && sum !== sha256.toLowerCase()) {
      throw new Failure(
        `${name} of ${planned.name} ${planned.version} came with SHA-256 ${sum}, not ${sha256}; run it again.`,
      )
    }
    files.push({ name: folder === "" ? name : `${folder}/${name}`, bytes })
  }
  const [only] = files
  const isOne = files.length === 1 && only !== undefined
  const options = { part: planned.part, "chunk-name": planned.name, ...(isOne ? {} : { bundle: "true" }) }
  const fileName = isOne ? only.name : "bundle.tar"
  const query = { family: "ddi", fileName, version: planned.version, options: JSON.stringify(options) }
  return api.call("publishRelease", { query, body: isOne ? only.bytes : bundle(files) })
}
