import { cleanText, cleanTexts } from "../../../core/kit/clean-text.ts"
import { type Change, isBulk } from "../needs.ts"

/**
 * Changes as they may be kept. Every text that a device or a stranger can have a part in is shown (no control, bidi or
 * invisible characters) and bounded here, whichever way it came: what is read from the store later steers no
 * terminal, log or page. Credentials, and what operators wrote, are left alone. What is clean comes back as the same object.
 */
export function cleanChanges(changes: readonly Change[]): readonly Change[] {
  return sameOr(changes, changes.map(cleanChange))
}

function cleanChange(change: Change): Change {
  if ("append" in change) {
    const { sentence, data } = change.append
    const append = { sentence: cleanText(sentence, "sentence"), data: cleanTexts(data, "memory") }
    return append.sentence === sentence && append.data === data
      ? change
      : ({ append: { ...change.append, ...append } } as Change)
  }
  // What concerns many devices carries only what stands in the store, and words of our own.
  if ("remove" in change || "count" in change || isBulk(change)) return change
  if ("add" in change || change.put === "device") {
    const { device } = change
    const running = cleanTexts(device.running, "version")
    const labels = cleanTexts(device.labels, "label")
    const familyState = cleanTexts(device.familyState, "memory")
    if (running === device.running && labels === device.labels && familyState === device.familyState) return change
    return { ...change, device: { ...device, running, labels, familyState } }
  }
  if (change.put !== "update") return change
  const { update } = change
  const progress = cleanTexts(update.progress, "words")
  const pull = cleanTexts(update.pull, "memory")
  const offerReason = update.offerReason === null ? null : cleanText(update.offerReason, "sentence")
  if (progress === update.progress && pull === update.pull && offerReason === update.offerReason) return change
  return { ...change, update: { ...update, progress, pull, offerReason } }
}

function sameOr<One>(before: readonly One[], after: readonly One[]): readonly One[] {
  return after.every((one, at) => one === before[at]) ? before : after
}
