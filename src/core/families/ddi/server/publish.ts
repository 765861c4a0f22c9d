import { md5, sha1 } from "@noble/hashes/legacy.js"
import { concat, hex } from "../../../kit/bytes.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type { FamilyOption, Fault, Publication, Upload } from "../../family.ts"
import { readTar, type TarFile } from "../codec/tar.ts"
import { versions } from "../versions.ts"
import type { Artifact } from "./offer.ts"

export const publishOptions: readonly FamilyOption[] = [
  { name: "bundle", help: "the file is a tar archive whose files are the release's artifacts (DDI)" },
  { name: "part", value: "TYPE", help: "type of the chunk, such as os or bApp; os unless told (DDI)" },
  { name: "chunk-name", value: "NAME", help: "name of the chunk; the file's name unless told (DDI)" },
  { name: "handling", value: "WORD", help: "forced, or attempt: the device's own application may put it off (DDI)" },
]

const mostArtifacts = 64
const fileName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,119}$/

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
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(part)) {
    faults.push({
      rule: "part",
      sentence: `--part takes 1 to 64 letters, digits, '.', '_' or '-', not "${part.slice(0, 40)}".`,
    })
  }
  const handling = options["handling"] ?? "forced"
  if (handling !== "forced" && handling !== "attempt") {
    faults.push({ rule: "handling", sentence: `--handling takes forced or attempt, not "${handling.slice(0, 40)}".` })
  }
  const name = options["chunk-name"] ?? upload.fileName
  if (!/^[\x20-\x7e]{1,64}$/.test(name)) {
    faults.push({
      rule: "chunk-name",
      sentence: "The chunk's name takes 1 to 64 printable characters; give one with --chunk-name.",
    })
  }
  if (faults.length > 0 || "faults" in files || version === undefined) return { ok: false, faults }
  const artifacts = describe(files)
  return {
    ok: true,
    image: files.length === 1 && files[0] !== undefined ? files[0].bytes : concat(files.map(({ bytes }) => bytes)),
    version,
    details: { part, name, handling, artifacts: artifacts.map((artifact) => ({ ...artifact })) },
    notes: artifacts.map(({ filename, sizeBytes, sha256: sum }) => `${filename}: ${sizeBytes} bytes, sha256 ${sum}`),
  }
}

function filesOf({
  fileName: name,
  bytes,
  options,
}: Upload): readonly TarFile[] | { readonly faults: readonly Fault[] } {
  const files = options["bundle"] === undefined ? [{ name, bytes }] : readTar(bytes, mostArtifacts)
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
    if (files.findIndex((other) => other.name === file.name) < i) {
      faults.push({ rule: "artifact-twice", sentence: `The bundle holds ${file.name} twice.` })
    }
    if (file.bytes.length === 0) faults.push({ rule: "artifact-empty", sentence: `${file.name} is empty.` })
  }
  return faults.length > 0 ? { faults } : files
}

function describe(files: readonly TarFile[]): readonly Artifact[] {
  let offset = 0
  return files.map(({ name, bytes }) => {
    const artifact = {
      filename: name,
      offset,
      sizeBytes: bytes.length,
      sha1: hex(sha1(bytes)),
      md5: hex(md5(bytes)),
      sha256: hex(sha256(bytes)),
    }
    offset += bytes.length
    return artifact
  })
}
