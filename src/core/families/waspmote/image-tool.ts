import { fromLatin1 } from "../../kit/bytes.ts"
import type { ImageReport, ImageTool, ToolFile, ToolResult } from "../family.ts"
import { headerBytes, largestProgramBytes, looksLikeOtaBinary, readOtaBinary } from "./codec/ota-binary.ts"
import { publish } from "./server/publish.ts"

/** What the vendor's IDE does with "Export binary to OTA file", and a reader for what it made. */
export const imageTool: ImageTool = { make: makeImage, inspect: inspectImage }

/** Makes the OTA binary of an Intel HEX file. Option `name` sets the 7-character program name. */
function makeImage(file: ToolFile, options: Readonly<Record<string, string>>): ToolResult {
  // A binary carries no version; any valid one lets the file through the checks of publishing.
  const made = publish({ ...file, options, version: "1", models: [] })
  return made.ok ? { ok: true, bytes: made.image, notes: made.notes } : made
}

/** Every field of an OTA binary; null when the file does not begin as one. */
function inspectImage({ bytes }: ToolFile): ImageReport | null {
  if (!looksLikeOtaBinary(bytes)) return null
  const read = readOtaBinary(bytes)
  const program = bytes.subarray(headerBytes)
  return {
    title: "OTA binary of a Waspmote",
    fields: [
      { name: "mark", value: printable(fromLatin1(bytes, 0, 32)) },
      { name: "program id", value: printable(fromLatin1(bytes, 32, 64)) },
      { name: "program name", value: printable(fromLatin1(bytes, 32, 39)) },
      { name: "SIZE", value: `${bytes.length} bytes` },
      { name: "program", value: `${program.length} bytes of ${largestProgramBytes}` },
    ],
    faults: "faults" in read ? read.faults : [],
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?")
}
