import { Command } from "commander"
import type { DeltaView, ReleaseView, RulesBody } from "../core/contract/schemas.ts"
import { envelopeText } from "../core/domain/release-manifest.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { type Confirmable, confirm, confirmable } from "./confirm.ts"
import { Failure } from "./failure.ts"
import { type Listing, listing, readList } from "./listing.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, printTable, sizeText, timeText } from "./output.ts"
import { type ReleaseOptions, readReleaseFile, releaseOptions } from "./release-file.ts"
import { keygenCommand, readSignatures, signCommand } from "./sign-release.ts"

interface RulesOptions {
  readonly floor?: string
  readonly forbid?: readonly string[]
  readonly security?: string
  readonly mustBeRehearsed?: boolean
}

interface PublishOptions extends Common, RulesOptions, ReleaseOptions {
  readonly signatures?: readonly string[]
}

/** `waft release …` */
export function releaseCommand(): Command {
  const command = new Command("release").description("publish firmware and look after releases")
  releaseOptions(rules(common(command.command("publish <FILE>"))))
    .description("publish firmware: the file is checked as its devices would, then stored")
    .option("--signatures <FILE...>", "who vouches for it: files that `waft release sign` wrote")
    .action(async (file: string, options: PublishOptions) => {
      const release = await publishFile(await connect(options), file, options)
      if (options.json) return printJson(release)
      const { id, family, sizeBytes, notes } = release
      printLines(`${id}: ${family} version ${versionText(release)}, ${sizeText(sizeBytes)}`, ...notes)
    })
  listing(common(command.command("list")))
    .description("list releases")
    .option("--family <FAMILY>", "only this family's")
    .action(async (options: Common & Listing & { readonly family?: string }) => {
      const query = options.family === undefined ? {} : { family: options.family }
      const releases = await readList(await connect(options), "listReleases", { query }, options)
      if (options.json) return printJson(releases)
      printTable(
        releases,
        [
          { title: "RELEASE", text: ({ id }) => id },
          { title: "FAMILY", text: ({ family }) => family },
          { title: "VERSION", text: versionText },
          { title: "SIZE", text: ({ sizeBytes }) => sizeText(sizeBytes) },
          { title: "STATE", text: ({ state, rules }) => (rules.security === null ? state : `${state}, security`) },
          { title: "PUBLISHED", text: ({ publishedAt }) => timeText(publishedAt) },
          { title: "FILE", text: ({ fileName }) => fileName },
        ],
        "No release yet; `waft release publish` makes one.",
      )
    })
  common(command.command("show <RELEASE>"))
    .description("show a release")
    .action(async (id: string, options: Common) => {
      show(await (await connect(options)).call("showRelease", { params: { id } }), options)
    })
  rules(common(command.command("set <RELEASE>")))
    .description("change what a release demands before it is installed; what is not said stays")
    .option("--not-rehearsed", "it need not succeed on virtual devices first")
    .action(async (id: string, options: Common & RulesOptions & { readonly notRehearsed?: boolean }) => {
      const wish = { ...rulesOf(options), ...(options.notRehearsed === true ? { mustBeRehearsed: false } : {}) }
      if (Object.keys(wish).length === 0) {
        throw new Failure("Say what: --floor, --forbid, --security, --must-be-rehearsed or --not-rehearsed.", {
          exitCode: 2,
          title: "usage",
        })
      }
      show(await (await connect(options)).call("setRules", { params: { id }, body: wish }), options)
    })
  common(command.command("deltas <RELEASE>"))
    .description("patches to a release: made, in the making, given up")
    .option("--cancel <RELEASE>", "do not make the patch from that release, or stop making it")
    .option("--make <RELEASE>", "make the patch from that release after all")
    .action(async (id: string, options: Common & { readonly cancel?: string; readonly make?: string }) => {
      const api = await connect(options)
      const { cancel, make } = options
      if (cancel !== undefined) await api.call("cancelDelta", { params: { id, from: cancel } })
      if (make !== undefined) await api.call("makeDelta", { params: { id, from: make } })
      const deltas = await api.list("releaseDeltas", { params: { id } })
      if (options.json) return printJson(deltas)
      printTable(
        deltas,
        [
          { title: "FROM", text: ({ fromReleaseId }) => fromReleaseId },
          { title: "VERSION", text: ({ fromVersion }) => fromVersion },
          { title: "DEVICES", text: ({ devices }) => String(devices) },
          { title: "STATE", text: stateText },
          { title: "PATCH", text: ({ patchBytes }) => (patchBytes === null ? "-" : sizeText(patchBytes)) },
          { title: "IMAGE", text: ({ imageBytes }) => sizeText(imageBytes) },
        ],
        "No patch is to be made: no other release runs on its devices, or the family's devices take none.",
      )
    })
  command.addCommand(keygenCommand())
  command.addCommand(signCommand())
  common(command.command("add-signatures <RELEASE> <FILE...>"))
    .description("add the word of further keys to a release: files that `waft release sign` wrote")
    .action(async (id: string, files: readonly string[], options: Common) => {
      const body = { envelope: envelopeText(await readSignatures(files)) }
      show(await (await connect(options)).call("addSignatures", { params: { id }, body }), options)
    })
  common(command.command("approve <RELEASE>"))
    .description("as a second person, let a release that waits for that be offered")
    .action(async (id: string, options: Common) => {
      show(await (await connect(options)).call("approveRelease", { params: { id } }), options)
    })
  confirmable(common(command.command("withdraw <RELEASE>")))
    .description("take a release back: nobody is offered it any more")
    .option("--erase", "also order devices that keep images in a store to delete this one")
    .action(async (id: string, options: Common & Confirmable & { readonly erase?: boolean }) => {
      const query = options.erase === true ? { erase: true } : {}
      const api = await connect(options)
      const { family, version } = await api.call("showRelease", { params: { id } })
      const erased = options.erase === true ? " Boards that hold it are ordered to delete it." : ""
      const says = `${id} is ${family} version ${version}. Nobody is offered it any more; devices that run it keep it.${erased}`
      await confirm(options, { says, answer: id })
      show(await api.call("withdrawRelease", { params: { id }, query }), options)
    })
  return command
}

const rules = (command: Command): Command =>
  command
    .option("--floor <VERSION>", "the oldest version that it may be installed over; none = any")
    .option("--forbid <VERSION...>", "versions that it must not be installed over; none = forget them")
    .option("--security <TEXT>", "it mends a security hole: its advisory; none = it does not")
    .option("--must-be-rehearsed", "it has to succeed on a virtual device of each model first")

function rulesOf({ floor, forbid, security, mustBeRehearsed }: RulesOptions): RulesBody {
  const orNone = (text: string): string | null => (text === "none" ? null : text)
  return {
    ...(floor === undefined ? {} : { floor: orNone(floor) }),
    ...(forbid === undefined ? {} : { forbidden: forbid.filter((version) => version !== "none") }),
    ...(security === undefined ? {} : { security: orNone(security) }),
    ...(mustBeRehearsed === true ? { mustBeRehearsed } : {}),
  }
}

function stateText({ state, progress, error }: DeltaView): string {
  if (state === "running") return `running ${Math.floor(progress * 100)} %`
  return error === null ? state : `${state}: ${error}`
}

/** Publishes a file of this machine. */
export async function publishFile(api: ApiClient, file: string, options: PublishOptions): Promise<ReleaseView> {
  const { fileName, bytes, version, models, options: settings } = await readReleaseFile(file, options)
  const demands = rulesOf(options)
  const signatures = options.signatures === undefined ? undefined : await signaturesQuery(options.signatures)
  return api.call("publishRelease", {
    query: {
      family: options.family,
      fileName,
      ...(version === undefined ? {} : { version }),
      ...(models.length === 0 ? {} : { models: models.join(",") }),
      ...(Object.keys(settings).length === 0 ? {} : { options: JSON.stringify(settings) }),
      ...(Object.keys(demands).length === 0 ? {} : { rules: JSON.stringify(demands) }),
      ...(signatures === undefined ? {} : { signatures }),
    },
    body: bytes,
  })
}

async function signaturesQuery(files: readonly string[]): Promise<string> {
  return JSON.stringify(JSON.parse(envelopeText(await readSignatures(files))))
}

/** `B`, or `A → B` for a package. */
function versionText({ version, source }: ReleaseView): string {
  return source === null ? version : `${source} → ${version}`
}

function demandLines({ rules: { floor, forbidden, security, mustBeRehearsed } }: ReleaseView): readonly string[] {
  return [
    ...(floor === null ? [] : [`only from version ${floor} up`]),
    ...(forbidden.length === 0 ? [] : [`never over version ${forbidden.join(", ")}`]),
    ...(mustBeRehearsed ? ["has to succeed on a virtual device of each model first"] : []),
    ...(security === null ? [] : [`security: ${security}`]),
  ]
}

function show(release: ReleaseView, { json }: Common): void {
  if (json) return printJson(release)
  printLines(
    `${release.id}: ${release.family} version ${versionText(release)} (${release.state})`,
    `published ${timeText(release.publishedAt)} from ${release.fileName}`,
    `image ${release.sha256}, ${sizeText(release.sizeBytes)}`,
    ...(release.signedBy.length === 0 ? [] : [`signed by ${release.signedBy.join(", ")}`]),
    `models ${release.models.length === 0 ? "all" : release.models.join(", ")}`,
    ...Object.entries(release.details).map(([key, value]) => `${key} ${String(value)}`),
    ...demandLines(release),
    ...release.notes,
  )
}
