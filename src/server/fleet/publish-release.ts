import { isDeepStrictEqual } from "node:util"
import { actorText } from "../../core/domain/actor.ts"
import { noRules } from "../../core/domain/marks.ts"
import type { Release, ReleaseRules } from "../../core/domain/records.ts"
import type { ReleaseEnvelope } from "../../core/domain/release-manifest.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { Family, Publication, Upload } from "../../core/families/family.ts"
import { commit, eventOf } from "./commit.ts"
import { releaseById } from "./find-release.ts"
import { familyOf, requireModel } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import type { LiveFleet } from "./live-fleet.ts"
import type { UploadExaminer } from "./needs.ts"
import { addSignatures, signaturesFor } from "./release-signatures.ts"
import { checkedRules, type RulesWish } from "./set-rules.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "randomText" | "families"> &
  OnBehalf & {
    /** Looks at files elsewhere, so that nobody waits meanwhile; absent = here. */
    readonly examine?: UploadExaminer
    /** It waits for a second person's approval. */
    readonly mustBeApproved?: boolean
    /** Who vouches for the file; absent = nobody. */
    readonly envelope?: ReleaseEnvelope | null
  }

/** Publications that are under way, by their fleet: the second of two equal ones waits for the first. */
const underWay = new WeakMap<LiveFleet, Promise<unknown>>()

/**
 * Checks an uploaded file as its family's devices would, stores the image, and records the release. What has been published already, with
 * the same bytes, version, models and demands, is the release that it was: whoever repeats a call adds nothing.
 */
export async function publishRelease(
  needs: Needs,
  familyId: string,
  upload: Upload,
  wish: RulesWish | null = null,
): Promise<Release> {
  const family = familyOf(needs.families, familyId)
  for (const model of upload.models) requireModel(family, model)
  const publication = await (needs.examine?.(familyId, upload) ?? family.publish(upload))
  if (!publication.ok) {
    throw new Refusal("bad-image", { detail: publication.faults.map(({ sentence }) => sentence).join(" ") })
  }
  const rules =
    wish === null ? null : checkedRules(family, publication.version, { ...noRules, ...wish } as ReleaseRules)
  const turn = (underWay.get(needs.live) ?? Promise.resolve())
    .catch(() => undefined)
    .then(() => record(needs, { family, publication, upload, rules }))
  underWay.set(needs.live, turn)
  return turn
}

interface Checked {
  readonly family: Family
  readonly publication: Publication & { readonly ok: true }
  readonly upload: Upload
  readonly rules: ReleaseRules | null
}

async function record(needs: Needs, { family, publication, upload, rules }: Checked): Promise<Release> {
  const image = await needs.images.put(publication.image)
  const before = publishedBefore(needs, { family, publication, upload, rules }, image.sha256)
  if (before !== undefined) return again(needs, before)
  const release: Release = {
    id: `r-${needs.randomText(8)}`,
    family: family.id,
    version: publication.version,
    source: publication.source ?? null,
    models: upload.models,
    image,
    fileName: upload.fileName,
    details: publication.details,
    notes: publication.notes,
    state: needs.mustBeApproved === true ? "unapproved" : "active",
    publishedBy: actorText(needs.actor),
    publishedAt: needs.clock.now(),
    ...(rules === null ? {} : { rules }),
  }
  try {
    return await keep(needs, family.title, withSignatures(needs, release))
  } catch (error) {
    const isUsed = [...needs.live.releases.values()].some((other) => other.image.sha256 === image.sha256)
    if (!isUsed) await needs.images.discard(image)
    throw error
  }
}

/** The release with who vouches for it. Refuses `bad-signatures`, and `upload-unsigned` where more have to. */
function withSignatures({ live, envelope = null }: Needs, bare: Release): Release {
  const release = envelope === null ? bare : { ...bare, signatures: signaturesFor(bare, envelope) }
  const detail = live.whyNotOffered(release)
  if (detail !== null) throw new Refusal("upload-unsigned", { detail })
  return release
}

/** What is there already, with the signatures that it had not. */
async function again(needs: Needs, before: Release): Promise<Release> {
  const { envelope = null } = needs
  const known = new Set((before.signatures ?? []).map(({ signature }) => signature))
  const brings = envelope?.signatures.some(({ signature }) => !known.has(signature)) === true
  const release = envelope !== null && brings ? await addSignatures(needs, before.id, envelope) : before
  const why = needs.live.whyNotOffered(release)
  return {
    ...release,
    notes: [
      ...before.notes,
      brings ? "It was published before; its signatures were added." : "It was published before; nothing was added.",
      ...(why === null ? [] : [`Nobody is offered it: ${why}.`]),
    ],
  }
}

async function keep(needs: Needs, title: string, release: Release): Promise<Release> {
  const { image, signatures = [] } = release
  const waits = release.state === "unapproved" ? "; it waits for a second person" : ""
  const signed = signatures.length === 0 ? "" : `, signed by ${signatures.map(({ keyId }) => keyId).join(", ")}`
  const event = eventOf({
    at: release.publishedAt,
    kind: "release.published",
    releaseId: release.id,
    sentence: `${title} version ${release.version} was published as ${release.id} from ${release.fileName}${signed}${waits}.`,
    data: { sha256: image.sha256, sizeBytes: image.sizeBytes },
  })
  await commit(needs, needs.actor, [{ put: "image", image }, { put: "release", release }, event])
  return release
}

function publishedBefore(
  { live }: Pick<Needs, "live">,
  { family, publication, upload, rules }: Checked,
  sha256: string,
): Release | undefined {
  const wanted = JSON.stringify([publication.source ?? null, [...upload.models].sort(), publication.details])
  return [...live.releases.values()].find(
    (release) =>
      release.image.sha256 === sha256 &&
      release.family === family.id &&
      release.version === publication.version &&
      release.state !== "withdrawn" &&
      JSON.stringify([release.source, [...release.models].sort(), release.details]) === wanted &&
      (rules === null || isDeepStrictEqual(release.rules ?? noRules, rules)),
  )
}

/** A second person says that a release may be offered. Refuses `not-unapproved`, and `four-eyes` for who published it. */
export async function approveRelease(
  needs: Pick<FleetNeeds, "clock" | "store" | "live" | "events"> & OnBehalf,
  id: string,
): Promise<Release> {
  const release = releaseById(needs, id)
  if (release.state !== "unapproved") throw new Refusal("not-unapproved", { release: id, state: release.state })
  const { name, kind } = needs.actor
  if (release.publishedBy === actorText(needs.actor))
    throw new Refusal("four-eyes", { who: `the ${kind} ${name ?? ""}` })
  const approved = { ...release, state: "active" as const }
  const sentence = `The release ${id} (version ${release.version}) was approved by a second person.`
  const event = eventOf({ at: needs.clock.now(), kind: "release.approved", releaseId: id, sentence })
  await commit(needs, needs.actor, [{ put: "release", release: approved }, event])
  return approved
}
