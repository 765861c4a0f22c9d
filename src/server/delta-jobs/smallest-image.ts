/** A file that brings a device to its new version. */
export interface Candidate {
  readonly kind: "full" | "delta"
  readonly sizeBytes: number
}

/** The smallest of full image and patches; of equals the full image, which needs no old one. Null of none. */
export function smallestImage<Image extends Candidate>(candidates: readonly Image[]): Image | null {
  let best: Image | null = null
  for (const next of candidates) {
    const isBetter =
      best === null || next.sizeBytes < best.sizeBytes || (next.sizeBytes === best.sizeBytes && next.kind === "full")
    if (isBetter) best = next
  }
  return best
}
