import { engine } from "../../core/domain/actor.ts"
import type { ImageRef, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import {
  manifestDifference,
  manifestOf,
  manifestText,
  mostSignatures,
  readEnvelope,
  type ReleaseEnvelope,
  type ReleaseSignature,
  type SignedRelease,
} from "../../core/domain/release-manifest.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import { releaseById } from "./find-release.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import type { LiveFleet } from "./live-fleet.ts"
import { pauseRollout } from "./steer-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** An envelope as a caller sends it. Refuses `bad-signatures`. */
export function envelopeOf(text: string): ReleaseEnvelope {
  const read = readEnvelope(text)
  if ("fault" in read)
    throw new Refusal("bad-signatures", { detail: `The signatures are not understood: ${read.fault}.` })
  return read
}

/** The signatures of an envelope that is about this release. Refuses `bad-signatures`. */
export function signaturesFor(
  release: SignedRelease,
  { payload, signatures }: ReleaseEnvelope,
): readonly ReleaseSignature[] {
  const actual = manifestOf(release)
  if (payload === manifestText(actual)) return signatures
  const difference = manifestDifference(payload, actual) ?? "what was signed is no manifest"
  const detail = `The signatures are of another release: ${difference}. Sign the file with the options with which it is published.`
  throw new Refusal("bad-signatures", { detail })
}

/** Adds the word of further keys to a release. Refuses `no-such-release` and `bad-signatures`. */
export async function addSignatures(needs: Needs & OnBehalf, id: string, envelope: ReleaseEnvelope): Promise<Release> {
  const release = releaseById(needs, id)
  const added = new Map(signaturesFor(release, envelope).map((one) => [one.keyId, one]))
  const kept = (release.signatures ?? []).filter(({ keyId }) => !added.has(keyId))
  const signatures = [...kept, ...added.values()]
  if (signatures.length > mostSignatures) {
    throw new Refusal("bad-signatures", { detail: `A release carries at most ${mostSignatures} signatures.` })
  }
  const signed = { ...release, signatures }
  const why = needs.live.whyNotOffered(signed)
  const sentence = `The release ${id} (version ${release.version}) got signatures by ${[...added.keys()].join(", ")}${why === null ? "" : `; ${why}`}.`
  const event = eventOf({ at: needs.clock.now(), kind: "release.signed", releaseId: id, sentence })
  await commit(needs, needs.actor, [{ put: "release", release: signed }, event])
  return signed
}

/** Pauses what would offer releases that are not signed as this server demands, and names them: its keys may be new. */
export async function pauseUnsigned(needs: Needs): Promise<void> {
  for (const { rollout } of needs.live.rollouts.values()) {
    if (rollout.state !== "running") continue
    for (const releaseId of rollout.releaseIds) {
      const release = needs.live.releases.get(releaseId)
      const why = release === undefined ? null : needs.live.whyNotOffered(release)
      if (why === null) continue
      const reason = `The release ${releaseId} is not signed as this server demands: ${why}`
      await pauseRollout({ ...needs, actor: engine }, rollout.id, reason)
      await tellUnsigned(needs, {
        releaseId,
        rolloutId: rollout.id,
        sentence: `${reason}. The rollout ${rollout.id} is paused.`,
      })
      break
    }
  }
  for (const { channel } of needs.live.channels.values()) {
    const release = needs.live.releases.get(channel.releaseId ?? "")
    const why = release === undefined ? null : needs.live.whyNotOffered(release)
    if (release === undefined || why === null) continue
    const sentence = `The release ${release.id} is not signed as this server demands: ${why}. The channel ${channel.name} offers nothing meanwhile.`
    await tellUnsigned(needs, { releaseId: release.id, sentence })
  }
}

async function tellUnsigned(
  needs: Needs,
  told: { readonly releaseId: string; readonly rolloutId?: string; readonly sentence: string },
): Promise<void> {
  await commit(needs, engine, [eventOf({ at: needs.clock.now(), kind: "release.unsigned", ...told })])
}

/**
 * Whether an image may leave for what was offered: it is the release's own, that of a package that is signed itself, a patch that
 * this server made to the release, or the release's with nothing but its stamp changed. Throws `Refusal` `image-unsigned`.
 */
export async function demandSigned(
  needs: Pick<FleetNeeds, "live" | "images" | "families">,
  releaseId: string | null,
  image: ImageRef,
): Promise<void> {
  const { live } = needs
  if (!live.demandsSignatures) return
  const release = releaseId === null ? undefined : live.releases.get(releaseId)
  const why = release === undefined ? "no release is offered" : live.whyNotOffered(release)
  if (release === undefined || why !== null)
    throw new Refusal("image-unsigned", { image: image.sha256, detail: why ?? "" })
  if (isCovered(live, release, image) || (await isStamped(needs, release, image))) return
  throw new Refusal("image-unsigned", { image: image.sha256, detail: `it is not what was signed of ${release.id}` })
}

function isCovered(live: LiveFleet, release: Release, { sha256 }: ImageRef): boolean {
  if (sha256 === release.image.sha256) return true
  for (const other of live.releases.values()) {
    const isPackage = other.source !== null && other.family === release.family
    if (isPackage && other.image.sha256 === sha256 && live.whyNotOffered(other) === null) return true
  }
  for (const { patch, toSha256 } of live.deltas.values()) {
    if (patch?.sha256 === sha256 && toSha256 === release.image.sha256) return true
  }
  return false
}

/** Copies of which it is known that they differ from a release in its stamp alone, by both digests. */
const stampedCopies = new WeakMap<LiveFleet, Set<string>>()

async function isStamped(
  { live, images, families }: Pick<FleetNeeds, "live" | "images" | "families">,
  release: Release,
  image: ImageRef,
): Promise<boolean> {
  const { stamp } = familyOf(families, release.family)
  if (stamp === undefined || image.sizeBytes !== release.image.sizeBytes) return false
  const known = stampedCopies.get(live) ?? new Set()
  stampedCopies.set(live, known)
  const key = `${release.image.sha256}-${image.sha256}`
  if (known.has(key)) return true
  const [signed, copy] = await Promise.all([images.open(release.image), images.open(image)])
  try {
    const restored = Buffer.from(await copy.read(0, copy.sizeBytes))
    const original = Buffer.from(await signed.read(0, signed.sizeBytes))
    original.copy(restored, stamp.offset, stamp.offset, stamp.offset + stamp.length)
    if (!restored.equals(original)) return false
  } finally {
    signed.release()
    copy.release()
  }
  known.add(key)
  return true
}
