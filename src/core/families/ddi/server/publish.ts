import { md5, sha1 } from "@noble/hashes/legacy.js"
import { concat, hex } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { readTar, type TarFile } from "../codec/tar.ts"
import { versions } from "../versions.ts"
import type { Artifact, Chunk } from "./offer.ts"

export const publishOptions: readonly FamilyOption[] = [
  {
    name: "bundle",
    help: "the file is a tar archive whose files are the release's artifacts; a folder PART or PART,NAME,VERSION in it is a chunk of its own (DDI)",
  },
  { name: "part", value: "TYPE", help: "type of the chunk, such as os or bApp; os unless told (DDI)" },
  { name: "chunk-name", value: "NAME", help: "name of the chunk; the file's name unless told (DDI)" },
  { name: "handling", value: "WORD", help: "forced, or attempt: the device's own application may put it off (DDI)" },
]

const mostArtifacts = 64
const fileName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,119}$/
const partPattern = /^[A-Za-z0-9._-]{1,64}$/
const namePattern = /^[\x20-\x7e]{1,64}$/

/** Takes a file as it is, or the files of a tar archive: DDI carries any bytes, and the client on the device checks them. */
export function publish(upload: Upload): Publication {
  const { options, version } = upload
  const faults: Fault[] = []
  const parsed = versions.parse(version ?? "")
  if (version === undefined) {
    faults.push({
      rule: "version-missing",
      sentence: "A release of this family needs --version: the file carries none that is read.",
    })
  } else if ("fault" in parsed) faults.push(parsed.fault)
  const files = filesOf(upload)
  if ("faults" in files) faults.push(...files.faults)
  const part = options["part"] ?? "os"
  if (!partPattern.test(part)) faults.push(partFault("--part", part))
  const handling = options["handling"] ?? "forced"
  if (handling !== "forced" && handling !== "attempt") {
    faults.push({ rule: "handling", sentence: `--handling takes forced or attempt, not "${handling.slice(0, 40)}".` })
  }
  const name = options["chunk-name"] ?? upload.fileName
  if (!namePattern.test(name)) {
    faults.push({
      rule: "chunk-name",
      sentence: "The chunk's name takes 1 to 64 printable characters; give one with --chunk-name.",
    })
  }
  if (faults.length > 0 || "faults" in files || version === undefined) return { ok: false, faults }
  const chunks = chunksOf(files, { part, name, version })
  if ("faults" in chunks) return { ok: false, faults: chunks.faults }
  return {
    ok: true,
    image: files.length === 1 && files[0] !== undefined ? files[0].bytes : concat(files.map(({ bytes }) => bytes)),
    version,
    details: { name, handling, chunks: chunks.map(asData) },
    notes: chunks.flatMap(notesOf),
  }
}

function asData({ artifacts, ...chunk }: Chunk) {
  return { ...chunk, artifacts: artifacts.map((artifact) => ({ ...artifact })) }
}

function notesOf({ part, name, version, artifacts }: Chunk, _: number, all: readonly Chunk[]): readonly string[] {
  const lines = artifacts.map((one) => `${one.filename}: ${one.sizeBytes} bytes, sha256 ${one.sha256}`)
  return all.length === 1 ? lines : [`chunk ${part}: ${name} ${version}`, ...lines]
}

function partFault(where: string, part: string): Fault {
  const sentence = `${where} takes 1 to 64 letters, digits, '.', '_' or '-' as a chunk's type, not "${part.slice(0, 40)}".`
  return { rule: "part", sentence }
}

function filesOf({
  fileName: name,
  bytes,
  options,
}: Upload): readonly TarFile[] | { readonly faults: readonly Fault[] } {
  const files = options["bundle"] === undefined ? [{ folder: "", name, bytes }] : readTar(bytes, mostArtifacts)
  if (files === null || files.length === 0 || files.length > mostArtifacts) {
    const sentence = `With --bundle the file is a tar archive of 1 to ${mostArtifacts} files; this one is not.`
    return { faults: [{ rule: "bundle", sentence }] }
  }
  const faults: Fault[] = []
  for (const [i, file] of files.entries()) {
    if (!fileName.test(file.name)) {
      const sentence = `"${file.name.slice(0, 60)}" cannot be an artifact's name: it takes 1 to 120 letters, digits, '.', '_', '+' or '-', and begins with a letter or digit.`
      faults.push({ rule: "artifact-name", sentence })
    }
    if (file.name.toUpperCase().endsWith(".MD5SUM")) {
      faults.push({
        rule: "artifact-name",
        sentence: `"${file.name}" ends in .MD5SUM, under which its own sum is served.`,
      })
    }
    if (files.findIndex(({ folder, name: other }) => folder === file.folder && other === file.name) < i) {
      faults.push({ rule: "artifact-twice", sentence: `The bundle holds ${file.name} twice in one chunk.` })
    }
    if (file.bytes.length === 0) faults.push({ rule: "artifact-empty", sentence: `${file.name} is empty.` })
  }
  return faults.length > 0 ? { faults } : files
}

type ChunkHead = Pick<Chunk, "part" | "name" | "version">

/** Files of one folder are one chunk, those outside of any the one that the options describe; in the archive's order. */
function chunksOf(
  files: readonly TarFile[],
  outside: ChunkHead,
): readonly Chunk[] | { readonly faults: readonly Fault[] } {
  const chunks = new Map<string, ChunkHead & { readonly artifacts: Artifact[] }>()
  const faults: Fault[] = []
  let offset = 0
  for (const file of files) {
    if (!chunks.has(file.folder)) {
      const head = file.folder === "" ? outside : headOf(file.folder, outside.version)
      if ("rule" in head) faults.push(head)
      else chunks.set(file.folder, { ...head, artifacts: [] })
    }
    chunks.get(file.folder)?.artifacts.push(artifactOf(file, offset))
    offset += file.bytes.length
  }
  return faults.length > 0 ? { faults } : [...chunks.values()]
}

/** A folder's name: `PART`, `PART,NAME` or `PART,NAME,VERSION`; its version is the release's unless told. */
function headOf(folder: string, releaseVersion: string): ChunkHead | Fault {
  const [, part = "", name = part, version = releaseVersion] = /^([^,]*)(?:,(.*?))?(?:,([^,]*))?$/.exec(folder) ?? []
  if (!partPattern.test(part)) return partFault(`The folder "${folder.slice(0, 60)}"`, part)
  if (!namePattern.test(name)) {
    return {
      rule: "chunk-name",
      sentence: `The folder "${folder.slice(0, 60)}" gives its chunk no name of 1 to 64 printable characters.`,
    }
  }
  const parsed = versions.parse(version)
  return "fault" in parsed ? parsed.fault : { part, name, version: parsed.version }
}

function artifactOf({ name, bytes }: TarFile, offset: number): Artifact {
  return {
    filename: name,
    offset,
    sizeBytes: bytes.length,
    sha1: hex(sha1(bytes)),
    md5: hex(md5(bytes)),
    sha256: hex(sha256(bytes)),
  }
}
