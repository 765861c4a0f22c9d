/** A part of a content: bytes `from` (inclusive) to `to` (exclusive). */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * Reads a `Range` header (RFC 9110 14.1.2, 14.2). `whole`: there is none, or one that a server may ignore (another unit,
 * bad form, several ranges). `unsatisfiable`: nothing of it is in the content.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | "whole" | "unsatisfiable" {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.replaceAll(/[ \t]/g, "") ?? "")
  if (match === null) return "whole"
  const [, first = "", last = ""] = match
  if (first === "") {
    if (last === "") return "whole"
    const length = Number(last)
    if (length === 0 || sizeBytes === 0) return "unsatisfiable"
    return { from: Math.max(0, sizeBytes - length), to: sizeBytes }
  }
  const from = Number(first)
  if (last !== "" && Number(last) < from) return "whole"
  if (from >= sizeBytes) return "unsatisfiable"
  return { from, to: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) }
}
