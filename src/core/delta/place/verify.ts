import { sha256 } from "@noble/hashes/sha2.js"
import { equalBytes } from "../../kit/bytes.ts"
import { readPatch, spareSectors } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import type { FlashLayout } from "./flash.ts"
import { SimulatedFlash } from "./simulated-flash.ts"
import { updateInPlace } from "./update-in-place.ts"

/** A flash of the patch's geometry that holds the old image, with the working sectors behind it. */
export function flashFor(
  patchBytes: Uint8Array,
  oldBytes: Uint8Array,
  granularity: 1 | 4 | 8 = 4,
): { readonly flash: SimulatedFlash; readonly layout: FlashLayout } {
  const { header } = readPatch(patchBytes)
  const { sectorSize } = header
  const imageSectors = Math.ceil(Math.max(header.sourceSize, header.targetSize, 1) / sectorSize)
  const after = (n: number): number => (imageSectors + n) * sectorSize
  const flash = new SimulatedFlash({ size: after(3 + spareSectors(header)), sectorSize, granularity })
  flash.bytes.set(oldBytes)
  const preserve = Array.from({ length: spareSectors(header) }, (_, slot) => after(3 + slot))
  return { flash, layout: { image: 0, staging: after(0), journal: [after(1), after(2)], preserve } }
}

/** Applies an in-place patch in a simulated flash and compares the digest. Throws `DeltaError`. */
export function verifyInPlace(patchBytes: Uint8Array, oldBytes: Uint8Array): void {
  const { flash, layout } = flashFor(patchBytes, oldBytes)
  updateInPlace(patchBytes, flash, layout)
  const { header } = readPatch(patchBytes)
  if (!equalBytes(sha256(flash.bytes.subarray(0, header.targetSize)), header.targetSha256)) {
    throw new DeltaError("wrong-target", "the simulated flash holds other bytes")
  }
}
