import type { NewDeviceBody } from "../../core/contract/schemas.ts"
import type { HawkbitApi, HawkbitArtifact, HawkbitModule, HawkbitSet, HawkbitTarget } from "./management-api.ts"

/** What an import would add, and what it leaves out and why. */
export interface ImportPlan {
  readonly devices: readonly NewDeviceBody[]
  readonly releases: readonly PlannedRelease[]
  readonly left: readonly { readonly what: string; readonly why: string }[]
}

export interface PlannedRelease {
  readonly version: string
  /** The set's name, as a chunk may have it. */
  readonly name: string
  readonly part: string
  readonly files: readonly PlannedFile[]
}

export interface PlannedFile {
  /** The folder of its chunk in the bundle, `PART,NAME,VERSION`; `""` = the release is one chunk. */
  readonly folder: string
  readonly name: string
  readonly sizeBytes: number
  readonly sha256: string | null
  readonly module: number
  readonly artifact: number
}

/** What the server has already. */
export interface Known {
  readonly devices: ReadonlySet<string>
  /** `name version` of the family's releases. */
  readonly releases: ReadonlySet<string>
}

export interface ImportWish {
  readonly model: string
  /** The tenant in the devices' URLs. */
  readonly tenant: string
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/
const tokenPattern = /^[A-Za-z0-9._~+/=-]{8,128}$/
const versionPattern = /^[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?$/
const mostLabels = 32

/** Reads hawkBit and says what of it becomes a device, a label or a release. Changes nothing anywhere. */
export async function planImport(hawkbit: HawkbitApi, known: Known, wish: ImportWish): Promise<ImportPlan> {
  const left: { what: string; why: string }[] = []
  const leave = (what: string, why: string): void => void left.push({ what, why })
  const [targets, sets] = await Promise.all([hawkbit.targets(), hawkbit.sets()])
  const tags = await tagsByTarget(hawkbit)
  const running = await runningByTarget(hawkbit, sets)
  const devices = targets.flatMap((target): NewDeviceBody[] => {
    const { controllerId: id, securityToken } = target
    if (known.devices.has(id)) leave(`target ${id}`, "there is a device of that name")
    else if (!idPattern.test(id))
      leave(`target ${id}`, "a device's name takes 1 to 64 letters, digits, '.', '_', ':' or '-'")
    else if (securityToken !== undefined && !tokenPattern.test(securityToken))
      leave(`target ${id}`, "its security token has characters that no token of ours has")
    else return [deviceOf(target, { tags: tags.get(id) ?? [], running: running.get(id), wish })]
    return []
  })
  const releases: PlannedRelease[] = []
  const names = new Set<string>()
  for (const set of sets) {
    const what = `distribution set ${set.name} ${set.version}`
    const files = await filesOf(hawkbit, set)
    const name = plain(set.name)
    const own = `${name} ${set.version}`
    const isTwin = names.has(own)
    const fault = whyNot(set, files)
    if (fault === null) names.add(own)
    const why = isTwin
      ? `another set is called ${own} too, once its name has 64 printable characters (ASCII); rename one of them`
      : known.releases.has(own)
        ? "it is published already"
        : fault
    if (why !== null) leave(what, why)
    else releases.push({ version: set.version, name, part: partOf(set.modules), files })
  }
  return { devices, releases, left }
}

function whyNot(set: HawkbitSet, files: readonly PlannedFile[]): string | null {
  if (set.deleted === true) return "it is deleted"
  if (set.valid === false) return "it is invalidated"
  if (set.complete === false) return "it is not complete"
  if (plain(set.name) === "") return "it has no name"
  if (!versionPattern.test(set.version)) return "a version takes 1 to 64 printable characters (ASCII)"
  if (set.modules.some(({ encrypted }) => encrypted === true)) return "a module of it is encrypted by hawkBit"
  return files.length === 0 ? "it has no artifact" : null
}

async function tagsByTarget(hawkbit: HawkbitApi): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  for (const { id, name } of await hawkbit.tags()) {
    for (const { controllerId } of await hawkbit.targetsWith(id)) {
      found.set(controllerId, [...(found.get(controllerId) ?? []), name])
    }
  }
  return found
}

async function runningByTarget(hawkbit: HawkbitApi, sets: readonly HawkbitSet[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const { id, version } of sets) {
    for (const { controllerId } of await hawkbit.targetsRunning(id)) found.set(controllerId, version)
  }
  return found
}

interface Found {
  readonly tags: readonly string[]
  readonly running: string | undefined
  readonly wish: ImportWish
}

function deviceOf(
  { controllerId: id, securityToken, group, targetTypeName }: HawkbitTarget,
  found: Found,
): NewDeviceBody {
  const { tags, running, wish } = found
  const labels: Record<string, string> = {}
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "" && Object.keys(labels).length < mostLabels) {
      labels[labelName(name)] = value.replaceAll(/\p{C}/gu, " ").slice(0, 200)
    }
  }
  put("group", group)
  put("type", targetTypeName)
  for (const tag of tags) put(`tag_${tag}`, "yes")
  return {
    id,
    family: "ddi",
    model: wish.model,
    labels,
    options: { tenant: wish.tenant },
    ...(securityToken === undefined ? {} : { password: securityToken }),
    ...(running === undefined ? {} : { running }),
  }
}

function labelName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 63)
}

async function filesOf(hawkbit: HawkbitApi, { modules }: HawkbitSet): Promise<readonly PlannedFile[]> {
  const found: { readonly module: HawkbitModule; readonly artifact: HawkbitArtifact }[] = []
  for (const module of modules) {
    for (const artifact of await hawkbit.artifacts(module.id)) found.push({ module, artifact })
  }
  const isOne = new Set(found.map(({ module }) => module.id)).size === 1
  return found.map(({ module, artifact }) => ({
    folder: isOne ? "" : folderOf(module),
    name: fileName(artifact.providedFilename),
    sizeBytes: artifact.size,
    sha256: artifact.hashes.sha256 ?? null,
    module: module.id,
    artifact: artifact.id,
  }))
}

/** A module is a chunk: its type, name and version. */
function folderOf({ type, name, version }: HawkbitModule): string {
  return [chunkType(type), plain(name), plain(version)].join(",")
}

/** A text as a chunk may be called. */
function plain(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]|[/,]/gu, "_")
    .trim()
    .slice(0, 64)
    .trim()
}

/** hawkBit shows its two oldest types to devices by other names. */
function chunkType(type: string): string {
  const known: Readonly<Record<string, string>> = { application: "bApp", runtime: "jvm" }
  return known[type] ?? labelName(type)
}

function fileName(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9._+-]/g, "_").slice(-99)
  return /^[A-Za-z0-9]/.test(name) ? name : `f${name.slice(1)}`
}

/** The type of the chunk that a release of one module is. */
function partOf(modules: readonly HawkbitModule[]): string {
  return chunkType(modules[0]?.type ?? "os")
}
