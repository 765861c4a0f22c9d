import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { looksLikeIntelHex, readProgramHex } from "../codec/intel-hex.ts"
import {
  headerBytes,
  largestProgramBytes,
  looksLikeOtaBinary,
  makeOtaBinary,
  programSizeFault,
  readOtaBinary,
} from "../codec/ota-binary.ts"
import { programNameFault, programNameOf } from "../codec/program-name.ts"
import { vectorTableFault } from "../codec/vector-table.ts"
import { versions } from "../versions.ts"

export const publishOptions: readonly FamilyOption[] = [
  { name: "name", value: "NAME", help: "program name (Waspmote: seven characters)" },
]

/** Larger than any HEX file of a Waspmote program; anything above is not even looked at. */
const largestUploadBytes = 2_000_000

interface Program {
  readonly name: string
  readonly program: Uint8Array
  readonly notes: readonly string[]
}

type Reading = Program | { readonly faults: readonly Fault[] }

/**
 * Turns the IDE's OTA binary or an Intel HEX file into the OTA binary that motes fetch. Option `name` sets the
 * 7-character program name; without it an OTA binary keeps the one in its header, and a HEX file gets the one that the IDE
 * would give it.
 */
export function publish(upload: Upload): Publication {
  const faults: Fault[] = []
  const version = publishedVersion(upload.version, faults)
  const reading = readUpload(upload)
  if ("faults" in reading) return { ok: false, faults: [...reading.faults, ...faults] }
  const nameFault = programNameFault(reading.name)
  if (nameFault !== null) {
    faults.push({
      rule: "program-name",
      sentence: `The program name ${JSON.stringify(reading.name)} ${nameFault}; give another as --name of waft release publish or waft image make.`,
    })
  }
  const size = programSizeFault(reading.program.length)
  const vectors = size === null ? vectorTableFault(reading.program) : null
  if (size !== null) faults.push(size)
  if (vectors !== null) faults.push(vectors)
  if (faults.length > 0 || version === null) return { ok: false, faults }
  const image = makeOtaBinary(reading.name, reading.program)
  return {
    ok: true,
    image,
    version,
    details: { name: reading.name, programBytes: reading.program.length },
    notes: [
      ...reading.notes,
      `Motes will fetch it as ${reading.name}: ${image.length} bytes, of which ${reading.program.length} are program (${Math.ceil((100 * reading.program.length) / largestProgramBytes)} % of the room).`,
    ],
  }
}

function publishedVersion(text: string | undefined, faults: Fault[]): string | null {
  if (text === undefined) {
    faults.push({
      rule: "version-missing",
      sentence: "A Waspmote program carries no version of its own; give one from 0 to 255 with --version.",
    })
    return null
  }
  const parsed = versions.parse(text)
  if ("version" in parsed) return parsed.version
  faults.push(parsed.fault)
  return null
}

function readUpload(upload: Upload): Reading {
  const { bytes, fileName, options } = upload
  if (bytes.length === 0) {
    return { faults: [{ rule: "file-empty", sentence: "The file is empty." }] }
  }
  if (bytes.length > largestUploadBytes) {
    return {
      faults: [
        {
          rule: "program-too-large",
          sentence: `The file has ${bytes.length} bytes; the largest OTA binary of a Waspmote has ${headerBytes + largestProgramBytes}.`,
        },
      ],
    }
  }
  if (looksLikeIntelHex(bytes)) return readHexUpload(fileName, bytes, options["name"])
  if (looksLikeOtaBinary(bytes)) return readBinaryUpload(fileName, bytes, options["name"])
  return {
    faults: [
      {
        rule: "unknown-file",
        sentence:
          "The file is neither an OTA binary (it does not begin with FIRMWARE_FILE_FOR_WASPMOTE) nor Intel HEX (it does not begin with a colon).",
      },
    ],
  }
}

function readHexUpload(fileName: string, bytes: Uint8Array, given: string | undefined): Reading {
  const read = readProgramHex(bytes)
  if ("faults" in read) return read
  const made = programNameOf(fileName)
  const name = given ?? made
  const filled = given === undefined && stemLength(fileName) < made.length
  return {
    name,
    program: read.program,
    notes: [
      `The Intel HEX file was given an OTA header with the program name ${name}.`,
      ...(filled ? [`The name was filled with _ to seven characters, which every modem counts on.`] : []),
    ],
  }
}

function stemLength(fileName: string): number {
  const base = fileName.slice(Math.max(fileName.lastIndexOf("/"), fileName.lastIndexOf("\\")) + 1)
  const dot = base.indexOf(".")
  return dot > 0 ? dot : base.length
}

function readBinaryUpload(fileName: string, bytes: Uint8Array, given: string | undefined): Reading {
  const read = readOtaBinary(bytes)
  if ("faults" in read) return read
  const { name, program } = read.binary
  if (given !== undefined && given !== name) {
    return { name: given, program, notes: [`The header said ${name}; it was stamped with ${given} as asked.`] }
  }
  const fileStem = programNameOf(fileName)
  if (given === undefined && fileStem !== name) {
    return {
      faults: [
        {
          rule: "name-mismatch",
          sentence: `The file is called ${fileStem} but its header says ${name}, and a mote installs a program only under the name in its header; rename the file back or choose with --name of waft release publish.`,
        },
      ],
    }
  }
  return { name, program, notes: [] }
}
