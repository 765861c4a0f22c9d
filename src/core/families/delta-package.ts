import { findChain } from "../domain/chain.ts"
import type { JsonObject } from "../kit/json.ts"
import type { Fault, OfferPlan, OfferSituation, Publication, Upload, VersionScheme } from "./family.ts"

/**
 * Packages from a vendor: opaque bytes for one kind of module, from exactly one firmware to exactly one other. What the
 * families whose modules install them have in common.
 */

/** One hop on a module's way to a release. */
export interface Hop {
  readonly from: string
  readonly to: string
  /** Hops from here to the release, this one included. */
  readonly hops: number
}

export interface PackageRules {
  readonly versions: VersionScheme
  /** The command by which a module says its version. */
  readonly versionCommand: string
  /** A model as an example. */
  readonly model: string
  /** Most bytes of a package; absent = no limit of the module's own is known. */
  readonly mostBytes?: number
}

/** Takes a package as it is, or says what is wrong with it; `more` are faults that the family found itself. */
export function publishPackage(
  upload: Upload,
  rules: PackageRules,
  more: { readonly faults: readonly Fault[]; readonly details: JsonObject },
): Publication {
  const { options, version, models } = upload
  const from = options["from"]
  const faults: Fault[] = [
    ...versionFaults("to", version, rules),
    ...versionFaults("from", from, rules),
    ...(models.length === 0 ? [modelMissing(rules)] : []),
    ...contentFaults(upload, rules),
    ...more.faults,
  ]
  if (version !== undefined && version === from) {
    const sentence = `The package would lead from ${from} to itself; give the firmware that runs before with --from and the one after with --to.`
    faults.push({ rule: "same-version", sentence })
  }
  if (faults.length > 0 || version === undefined || from === undefined) return { ok: false, faults }
  return {
    ok: true,
    image: upload.bytes,
    version,
    source: from,
    details: { from, to: version, ...more.details },
    notes: [
      `It is handed out byte for byte to modules that say that they run ${from}, and to no others.`,
      "There is a way back only when you publish the reverse package too.",
    ],
  }
}

function versionFaults(
  option: "from" | "to",
  text: string | undefined,
  { versions, versionCommand }: PackageRules,
): readonly Fault[] {
  if (text === undefined) {
    const sentence = `A package leads from one firmware to another; name both as ${versionCommand} gives them, with --from and --to.`
    return [{ rule: `${option}-missing`, sentence }]
  }
  const parsed = versions.parse(text)
  return "fault" in parsed ? [parsed.fault] : []
}

function modelMissing({ model }: PackageRules): Fault {
  const sentence = `A package is for one kind of module; name it with --model, such as --model ${model}.`
  return { rule: "model-missing", sentence }
}

function contentFaults({ bytes, fileName }: Upload, { mostBytes }: PackageRules): readonly Fault[] {
  if (bytes.length === 0) return [{ rule: "empty", sentence: "The file is empty." }]
  if (mostBytes !== undefined && bytes.length > mostBytes) {
    const sentence = `${fileName} has ${bytes.length} bytes; a module takes at most ${mostBytes}.`
    return [{ rule: "too-large", sentence }]
  }
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04
  const looksLikePage = new TextDecoder("latin1").decode(bytes.subarray(0, 512)).trimStart().startsWith("<")
  if (!isZip && looksLikePage) {
    const sentence = `${fileName} is a web page and no package: the download from the vendor most likely asked for a login.`
    return [{ rule: "web-page", sentence }]
  }
  return []
}

/** The first hop of the cheapest way from a version to a release; `details` are laid into the offer beside it. */
export function planHop(
  from: string,
  { release, packages = [] }: Pick<OfferSituation, "release" | "packages">,
  details: JsonObject,
): OfferPlan {
  const way = findChain(packages, from, release.version)
  if (way === null) return { ok: false, sentence: noWay(packages, from, release.version) }
  const [first] = way
  if (first === undefined) return { ok: false, sentence: `It runs ${from} already.` }
  const hop: Hop = { from, to: first.to, hops: way.length }
  const sizes = way.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const stations = [from, ...way.map(({ to }) => to)].join(" → ")
  const reason = way.length > 1 ? `Its way has ${way.length} hops (${stations}), ${sizes} bytes in all.` : undefined
  return { ok: true, offer: { ...hop, ...details }, packageId: first.id, ...(reason === undefined ? {} : { reason }) }
}

function noWay(packages: OfferSituation["packages"] & object, from: string, to: string): string {
  const starts = new Set(packages.map((hop) => hop.from))
  const hint = starts.has(from)
    ? `the packages from ${from} lead to ${listed(packages.filter((hop) => hop.from === from).map((hop) => hop.to))}`
    : "no package starts from there"
  return `No package leads from ${from}, which it runs, to ${to} (${hint}), so nothing is sent; get the package for this pair from the vendor, publish it, and start the rollout again.`
}

function listed(versions: readonly string[]): string {
  const unique = [...new Set(versions)].sort()
  return unique.length > 4 ? `${unique.slice(0, 4).join(", ")} and others` : unique.join(", ")
}

/** The hop of an offer as `planHop` wrote it. Throws `TypeError` for any other offer. */
export function readHop(offer: JsonObject): Hop {
  const { from, to, hops } = offer
  if (typeof from !== "string" || typeof to !== "string" || typeof hops !== "number") {
    throw new TypeError("this is no offer of a package")
  }
  return { from, to, hops }
}

/** What a version that a module says of itself means for the hop that it was offered; null = nothing has moved. */
export function judgeVersion(version: string, { from, to }: Hop, target: string): VersionMeaning | null {
  if (version === target) {
    return { kind: "installed", sentence: `The module itself says that it runs ${version}.` }
  }
  if (version === to) {
    return { kind: "hop-installed", sentence: `The module itself says that it runs ${version}; the next hop follows.` }
  }
  if (version === from) return null
  return {
    kind: "install-failed",
    sentence: `The module itself says that it runs ${version}, which is neither ${from} nor ${to}.`,
  }
}

export interface VersionMeaning {
  readonly kind: "installed" | "hop-installed" | "install-failed"
  readonly sentence: string
}
