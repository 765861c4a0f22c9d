import type { FormatVersion, PatchHeader } from "../container.ts"
import { AddressMap } from "../match/address-map.ts"
import { codeOrder, type Run } from "../place/order.ts"
import { architectures } from "../predict/architectures.ts"
import { Translation } from "../predict/translate.ts"
import type { ReadOld } from "../predict/window.ts"
import type { Profile } from "../profiles.ts"
import { type BinaryCoder, partAt } from "./binary-coder.ts"
import { prior } from "./prior.ts"
import { codeRelation, type Relation } from "./relation.ts"
import { secondWeights } from "./slot-layout.ts"
import { TargetCoder } from "./target-coder.ts"

/** The fields of a header that the coder depends on. */
export type CodedHeader = Pick<
  PatchHeader,
  | "version"
  | "profile"
  | "architecture"
  | "prior"
  | "phase"
  | "sectorSize"
  | "preserveSlots"
  | "stagingSectors"
  | "sourceSize"
  | "targetSize"
>

/** A streamed target is coded in blocks of so many bytes; a window never reaches over the end of one. */
export const blockSize = 4096

/** What stands before the first byte of a delta payload. */
export interface Preamble {
  readonly relation: Relation
  /** Empty for a patch that is applied as a stream. */
  readonly runs: readonly Run[]
}

export function sectorCount(header: Pick<PatchHeader, "sectorSize" | "targetSize">): number {
  return header.sectorSize === 0 ? 0 : Math.ceil(header.targetSize / header.sectorSize)
}

/** Codes relation and order. Throws DeltaError when the decoder finds them beyond the profile's limits. */
export function codePreamble(coder: BinaryCoder, header: CodedHeader, given: Preamble | null): Preamble {
  const relation = codeRelation(coder, given?.relation ?? null, header.profile)
  if (header.sectorSize === 0) return { relation, runs: [] }
  coder.part = partAt("order")
  const limits = { sectors: sectorCount(header), runCap: header.profile.runCap, slots: header.preserveSlots }
  return { relation, runs: codeOrder(coder, given?.runs ?? [], limits) }
}

/**
 * How many hashed slots a format's version has in the memory of a profile. Second weights lie where version 1 has slots; in the smallest
 * profile, version 3 gives the memory of the directly addressed slots it does without to hashed ones.
 */
export function hashedSlots(profile: Profile, version: FormatVersion): number {
  if (profile.isSmall) return version > 2 ? (profile.sparingSlots ?? profile.hashedSlots) : profile.hashedSlots
  return profile.hashedSlots - (version > 1 ? secondWeights : 0)
}

/** The coder of the target bytes that follow. */
export function targetCoder(
  coder: BinaryCoder,
  header: CodedHeader,
  relation: Relation | null,
  readOld: ReadOld,
): TargetCoder {
  const { profile, sectorSize, phase } = header
  const hasSecond = header.version > 1 && !profile.isSmall
  const isSparing = header.version > 2
  return new TargetCoder({
    coder,
    readOld,
    translation: new Translation(
      new AddressMap(relation?.entries ?? []),
      relation?.regions ?? [],
      relation?.values ?? [],
    ),
    predictors: architectures.find((row) => row.name === header.architecture)?.predictors ?? [],
    clip: sectorSize === 0 ? null : { sectorSize, phase: phase.old },
    isSmall: profile.isSmall,
    hasSecond,
    isSparing,
    hashedSlots: hashedSlots(profile, header.version),
    prior: header.prior === 0 ? null : prior(profile.isSmall, isSparing),
  })
}
