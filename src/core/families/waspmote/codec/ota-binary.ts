import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Fault } from "../../family.ts"
import { programNameFault, programNameLength } from "./program-name.ts"

/**
 * The OTA binary: what the IDE writes beside the HEX file, what lies on the FTP server and on the mote's SD card, and what
 * the bootloader checks. 512 bytes of header, then the raw flash image from address 0. Nothing in it is a checksum.
 *
 * | Offset | Length | Content |
 * |---|---|---|
 * | 0 | 32 | `FIRMWARE_FILE_FOR_WASPMOTE` filled with `#` |
 * | 32 | 32 | program id, 7 characters filled with `*` |
 * | 64 | 448 | `*` |
 * | 512 | n | program |
 */
export const headerBytes = 512
/** The bootloader of the ATmega1281 begins at 0x1E000: what lies below is the program's. */
export const largestProgramBytes = 0x1e000
/** Offset and length of the program id, for whoever stamps another one. */
export const programIdField = { offset: 32, length: 32 } as const

const mark = "FIRMWARE_FILE_FOR_WASPMOTE######"

/** The 32 bytes of the id field for a name. */
export function programIdBytes(name: string): Uint8Array {
  return latin1(name.padEnd(programIdField.length, "*"))
}

/** Puts the header before a raw program. `name` must be a valid program name. */
export function makeOtaBinary(name: string, program: Uint8Array): Uint8Array {
  const filler = new Uint8Array(headerBytes - programIdField.offset - programIdField.length).fill(0x2a)
  return concat([latin1(mark), programIdBytes(name), filler, program])
}

/** A binary taken apart. */
export interface OtaBinary {
  readonly name: string
  readonly program: Uint8Array
}

/** Whether the bytes begin as an OTA binary begins, however wrong the rest is. */
export function looksLikeOtaBinary(bytes: Uint8Array): boolean {
  return fromLatin1(bytes, 0, 8) === "FIRMWARE"
}

/** Reads an OTA binary back, or names every fault of its header and size. */
export function readOtaBinary(
  bytes: Uint8Array,
): { readonly binary: OtaBinary } | { readonly faults: readonly Fault[] } {
  if (bytes.length < headerBytes) {
    return {
      faults: [
        {
          rule: "ota-header-missing",
          sentence: `The file has ${bytes.length} bytes, but an OTA binary begins with a header of ${headerBytes}; export it with the IDE's "Export binary to OTA file".`,
        },
      ],
    }
  }
  const faults = headerFaults(bytes)
  const program = bytes.subarray(headerBytes)
  const size = programSizeFault(program.length)
  if (size !== null) faults.push(size)
  if (faults.length > 0) return { faults }
  return {
    binary: {
      name: fromLatin1(bytes, programIdField.offset, programIdField.offset + programNameLength),
      program: program.slice(),
    },
  }
}

function headerFaults(bytes: Uint8Array): Fault[] {
  const faults: Fault[] = []
  if (fromLatin1(bytes, 0, mark.length) !== mark) {
    faults.push({
      rule: "ota-header-mark",
      sentence:
        "The first 32 bytes are not FIRMWARE_FILE_FOR_WASPMOTE and six #, so the mote's bootloader would not take the file for a program; export it again with the IDE.",
    })
  }
  const id = fromLatin1(bytes, programIdField.offset, programIdField.offset + programIdField.length)
  const stars = id.search(/\*+$/)
  const name = stars < 0 ? id : id.slice(0, stars)
  const nameFault = programNameFault(name)
  if (nameFault !== null) {
    faults.push({
      rule: "ota-header-name",
      sentence: `The program id in the header, ${JSON.stringify(name)}, ${nameFault}; export the program again under a good name.`,
    })
  }
  const filler = bytes.subarray(programIdField.offset + programIdField.length, headerBytes)
  const odd = filler.findIndex((byte) => byte !== 0x2a)
  if (odd >= 0) {
    faults.push({
      rule: "ota-header-filler",
      sentence: `Byte ${odd + 64} of the header is not *, as every byte from 64 to 511 must be; the file is damaged or was not made by the IDE.`,
    })
  }
  return faults
}

/** What is wrong with a program of that length, or null. */
export function programSizeFault(sizeBytes: number): Fault | null {
  if (sizeBytes === 0) {
    return { rule: "program-empty", sentence: "The file holds no program: a mote that installed it would run nothing." }
  }
  if (sizeBytes > largestProgramBytes) {
    return {
      rule: "program-too-large",
      sentence: `The program has ${sizeBytes} bytes, but a Waspmote has room for ${largestProgramBytes} below its bootloader.`,
    }
  }
  return null
}
