import { fromLatin1 } from "../../../kit/bytes.ts"

/** A file in an archive. */
export interface TarFile {
  /** The folder that it stands in at the top of the archive; `""` = none. */
  readonly folder: string
  readonly name: string
  readonly bytes: Uint8Array
}

const blockBytes = 512

/**
 * The files of a tar archive (POSIX.1-1988 ustar); null = it is none, or has more than `most`. Longer names (pax, GNU) are not
 * read: artifacts have short ones.
 */
export function readTar(bytes: Uint8Array, most = 1000): readonly TarFile[] | null {
  const files: TarFile[] = []
  for (let at = 0; at + blockBytes <= bytes.length; ) {
    const head = bytes.subarray(at, at + blockBytes)
    if (head.every((byte) => byte === 0)) return files
    const sizeBytes = Number.parseInt(text(head, 124, 12).trim(), 8)
    if (fromLatin1(head, 257, 262) !== "ustar" || !Number.isInteger(sizeBytes) || sizeBytes < 0) return null
    const from = at + blockBytes
    if (from + sizeBytes > bytes.length || checksum(head) !== Number.parseInt(text(head, 148, 8).trim(), 8)) return null
    const kind = text(head, 156, 1)
    if (kind === "0" || kind === "") {
      if (files.length === most) return null
      files.push({ ...placeOf(head), bytes: bytes.subarray(from, from + sizeBytes) })
    }
    at = from + Math.ceil(sizeBytes / blockBytes) * blockBytes
  }
  return files
}

/** Its name, and the first folder of its path; a leading `./` is none. */
function placeOf(head: Uint8Array): Pick<TarFile, "folder" | "name"> {
  // GNU's own format has other things where POSIX has the front of a long path.
  const isPosix = head[262] === 0
  const path = [isPosix ? text(head, 345, 155) : "", text(head, 0, 100)].flatMap((half) => half.split("/"))
  const steps = path.filter((step) => step !== "" && step !== ".")
  return { folder: steps.length > 1 ? (steps[0] ?? "") : "", name: steps.at(-1) ?? "" }
}

function text(head: Uint8Array, from: number, length: number): string {
  return fromLatin1(head, from, from + length).replace(/\0.*$/s, "")
}

/** Of all bytes of the header, its own eight as blanks. */
function checksum(head: Uint8Array): number {
  return head.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)
}
