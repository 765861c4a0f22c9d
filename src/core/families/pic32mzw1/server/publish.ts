import { hex } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { imageFaults, slotOf } from "../codec/image.ts"
import { looksLikeIntelHex } from "../codec/intel-hex.ts"
import { makeImage } from "../image-tool.ts"
import { address, boardModels } from "../models.ts"
import { versions, versionToErase } from "../versions.ts"

export const publishOptions: readonly FamilyOption[] = [
  { name: "compiled-version", value: "N", help: "version constant compiled into the program (PIC32MZ W1)" },
]

/**
 * Takes a `.bin` of the vendor's hex2bin step or the linker's HEX. The option `compiled-version` states the constant
 * compiled into the program, which no header carries (pic32mzw1.md 2.6).
 */
export function publish(upload: Upload): Publication {
  const faults: Fault[] = []
  const version = versions.parse(upload.version ?? "")
  if (upload.version === undefined) {
    faults.push({
      rule: "version-missing",
      sentence: "A release of this family needs --version: 1 to 99, the same number that is compiled into the program.",
    })
  } else if ("fault" in version) faults.push(version.fault)
  const made = looksLikeIntelHex(upload.bytes)
    ? makeImage(upload, {})
    : ({ ok: true, bytes: upload.bytes, notes: [] } as const)
  if (!made.ok) return { ok: false, faults: [...faults, ...made.faults] }
  faults.push(...imageFaults(made.bytes), ...slotFaults(made.bytes, upload.models))
  const number = "version" in version ? Number(version.version) : 0
  const stated = compiledVersion(upload.options["compiled-version"], number)
  if ("fault" in stated) faults.push(stated.fault)
  if (faults.length > 0 || !("compiled" in stated)) return { ok: false, faults }
  return {
    ok: true,
    image: made.bytes,
    version: String(number),
    details: {
      compiledVersion: stated.compiled,
      compiledVersionStated: upload.options["compiled-version"] !== undefined,
      bootAddress: slotOf(made.bytes)?.bootAddress ?? 0,
    },
    notes: [...made.notes, `"Digest":"${hex(sha256(made.bytes))}"`, ...versionNotes(number, stated.compiled, upload)],
  }
}

function compiledVersion(
  text: string | undefined,
  version: number,
): { readonly compiled: number } | { readonly fault: Fault } {
  if (text === undefined) return { compiled: version }
  const compiled = /^\d{1,3}$/.test(text) ? Number(text) : -1
  if (compiled < 0 || compiled > 255) {
    return {
      fault: {
        rule: "compiled-version",
        sentence: "The version constant compiled into a program is a number from 0 to 255.",
      },
    }
  }
  if (compiled >= version) return { compiled }
  return {
    fault: {
      rule: "compiled-version-low",
      sentence: `The program is compiled as version ${compiled} and would be published as ${version}: a board would fetch it, restart, find ${version} newer than ${compiled} and fetch it again, for ever. Build it with the version constant ${version}, or publish it as ${compiled}.`,
    },
  }
}

function versionNotes(version: number, compiled: number, upload: Upload): readonly string[] {
  const notes: string[] = []
  if (upload.options["compiled-version"] === undefined) {
    notes.push(
      `The program's own version constant is taken to be ${version}; if it is lower, boards fetch the image again after every restart, and after four such installs their update ends.`,
    )
  }
  if (compiled > version) {
    notes.push(`Boards will run as version ${compiled}: the next release must be above ${compiled}.`)
  }
  if (version >= 10) {
    notes.push(
      `Boards write version ${version} in decimal and read it as hexadecimal (${versionToErase(version)}); orders to delete it are corrected for that.`,
    )
  }
  return notes
}

/** An image for another slot than a model's would be programmed where it cannot run. */
function slotFaults(image: Uint8Array, models: readonly string[]): readonly Fault[] {
  const slot = slotOf(image)
  return boardModels
    .filter((model) => models.includes(model.id) && slot !== null && model.slot !== slot)
    .map((model) => ({
      rule: "wrong-slot",
      sentence: `The image is linked for ${address(slot?.startAddress ?? 0)}, but the slot of ${model.id} begins at ${address(model.slot.startAddress)}.`,
    }))
}
