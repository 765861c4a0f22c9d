/** `waft/delta`: patches between firmware images, made and applied. Pure: runs in Node and in browsers. */
export { applyPatch, bytesByPart, decodeStream } from "./apply-patch.ts"
export { wrongBlocks } from "./block-index.ts"
export {
  type Algorithm,
  type Field,
  fieldType,
  type FormatVersion,
  formatVersions,
  isSourceDigest,
  newestVersion,
  type Patch,
  type PatchHeader,
  readHeader,
  readPatch,
  spareSectors,
} from "./container.ts"
export { crc32 } from "./checksum.ts"
export { DeltaError, type DeltaErrorCode, deltaErrors } from "./delta-error.ts"
export { type Effort, efforts, type MadePatch, type MakeOptions, makePatch, sectorSizeFor } from "./make-patch.ts"
export { Study } from "./match/study.ts"
export type { Flash, FlashLayout } from "./place/flash.ts"
export { PowerCut, SimulatedFlash } from "./place/simulated-flash.ts"
export { updateInPlace, updateInPlaceSteps } from "./place/update-in-place.ts"
export { flashFor } from "./place/verify.ts"
export { type ArchitectureName, architectures } from "./predict/architectures.ts"
export { type Profile, type ProfileName, profiles } from "./profiles.ts"
export { makeBsdiff4 } from "./formats/bsdiff4.ts"
export { applyJojodiff, makeJojodiff, padJojodiff } from "./formats/jojodiff.ts"
export { JojodiffReader, type JojodiffStep } from "./formats/jojodiff-reader.ts"
export { makeVcdiff } from "./formats/vcdiff.ts"
export { type Deflate, gzipWith } from "./wrap/gzip.ts"
export { applyToFile, contentFor, makeFilePatch, type MadeFilePatch, plainWrappings } from "./wrap/wrapped-patch.ts"
export type { Wrapping, WrappingName } from "./wrap/wrapping.ts"
export { signPatch, verifySignature } from "./sign-patch.ts"
