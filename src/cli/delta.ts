import { readdir, readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { SingleBar } from "cli-progress"
import { Command, Option } from "commander"
import {
  type ArchitectureName,
  type Effort,
  type FormatVersion,
  efforts,
  formatVersions,
  newestVersion,
  applyToFile,
  architectures,
  bytesByPart,
  contentFor,
  DeltaError,
  makeBsdiff4,
  makeFilePatch,
  makeJojodiff,
  makePatch,
  makeVcdiff,
  type ProfileName,
  profiles,
  readPatch,
  verifySignature,
  wrongBlocks,
  sectorSizeFor,
} from "../core/delta/index.ts"
import { Failure } from "./failure.ts"
import { printJson, printLines } from "./output.ts"
import { wrappings } from "./wrappings.ts"

/** `waft delta …`: makes, applies and explains patches; needs no server. */
export function deltaCommand(): Command {
  return new Command("delta")
    .description("make, apply and check patches between firmware images")
    .addCommand(makeCommand())
    .addCommand(applyCommand())
    .addCommand(infoCommand())
    .addCommand(inspectCommand())
    .addCommand(verifyCommand())
    .addCommand(benchCommand())
}

async function read(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Failure(`The file ${path} cannot be read: ${(error as Error).message}.`)
  })
  return new Uint8Array(bytes)
}

/** Turns a patch that cannot be used into a sentence and an exit code. */
function orFailure<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof DeltaError) throw new Failure(`${error.message}.`, { title: error.code })
    throw error
  }
}

/** Patches in other systems' formats; ours is not among them. */
const otherFormats = { bsdiff4: makeBsdiff4, vcdiff: makeVcdiff, jojodiff: makeJojodiff } as const
type OtherFormat = keyof typeof otherFormats

interface MakeFlags {
  readonly out: string
  readonly arch: ArchitectureName | "auto"
  readonly profile: ProfileName
  readonly inPlace?: boolean
  readonly effort: Effort
  readonly sector?: string
  readonly preserve: string
  readonly format: OtherFormat | "waft"
  readonly formatVersion: `${FormatVersion}`
  readonly raw?: boolean
  readonly index?: boolean
  readonly reverse?: string
  readonly json?: boolean
}

function makeCommand(): Command {
  const names = architectures.map(({ name }) => name)
  return new Command("make")
    .description("make a patch that turns OLD into NEW; it has been applied and compared before it is written")
    .argument("<OLD>", "the image that devices have")
    .argument("<NEW>", "the image that they shall have")
    .requiredOption("-o, --out <FILE>", "where the patch goes")
    .addOption(new Option("--arch <NAME>", "the instruction set").choices(["auto", ...names]).default("auto"))
    .addOption(
      new Option("--profile <NAME>", "what the decoder may spend").choices(Object.keys(profiles)).default("std"),
    )
    .option("--in-place", "for a device that overwrites its old image")
    .addOption(
      new Option("--effort <NAME>", "how many ways are tried: one, several for images up to 2 MB, or several for any")
        .choices(efforts)
        .default("normal"),
    )
    .option(
      "--sector <BYTES>",
      "in place: the flash's sector size (default: 4096, or as much more as the profile needs to number the sectors)",
    )
    .option(
      "--preserve <SECTORS>",
      "in place: spare sectors beside one for staging, 0 to 8; they keep old bytes, or stage more at a time",
      "8",
    )
    .addOption(
      new Option("--format <NAME>", "the patch format").choices(["waft", ...Object.keys(otherFormats)]).default("waft"),
    )
    .addOption(
      new Option("--format-version <N>", "the version of our own format; an older one for decoders that know no other")
        .choices(formatVersions.map(String))
        .default(String(newestVersion)),
    )
    .option("--raw", "do not look into Intel HEX, UF2 and gzip files")
    .option("--index", "put the checksum of every block of the new image into the patch")
    .option("--reverse <FILE>", "also make the patch back from NEW to OLD")
    .option("--json", "print JSON")
    .action(async (oldPath: string, newPath: string, flags: MakeFlags) => {
      const [oldBytes, newBytes] = await Promise.all([read(oldPath), read(newPath)])
      const startedAt = performance.now()
      const make = (from: Uint8Array, to: Uint8Array): Made =>
        flags.format === "waft" ? makeOurs(from, to, flags) : makeOther(from, to, flags.format)
      const made = make(oldBytes, newBytes)
      await writeFile(flags.out, made.patch)
      const { reverse } = flags
      const back = reverse === undefined ? null : make(newBytes, oldBytes).patch
      if (reverse !== undefined && back !== null) await writeFile(reverse, back)
      const seconds = (performance.now() - startedAt) / 1000
      if (flags.json)
        return printJson({
          ...made.facts,
          patchBytes: made.patch.length,
          ...(back === null ? {} : { reverseBytes: back.length }),
          oldBytes: oldBytes.length,
          newBytes: newBytes.length,
          seconds,
        })
      const share = newBytes.length === 0 ? 0 : (100 * made.patch.length) / newBytes.length
      printLines(
        `${flags.out}: ${made.patch.length} bytes, ${share.toFixed(2)} % of the new image's ${newBytes.length}, in ${seconds.toFixed(1)} s`,
        ...Object.entries(made.facts).map(([name, value]) => `  ${name}: ${value}`),
        ...(back === null ? [] : [`${reverse}: ${back.length} bytes, back to the old image`]),
      )
    })
}

interface Made {
  readonly patch: Uint8Array
  readonly facts: Readonly<Record<string, string | number>>
}

function makeOurs(oldBytes: Uint8Array, newBytes: Uint8Array, flags: MakeFlags): Made {
  const sectorSize =
    flags.sector === undefined ? sectorSizeFor(newBytes.length, profiles[flags.profile]) : Number(flags.sector)
  const preserveSlots = Number(flags.preserve)
  if (flags.inPlace && !(sectorSize >= 256 && Number.isInteger(Math.log2(sectorSize)))) {
    throw new Failure(`--sector ${flags.sector} is no power of two from 256 on.`, { exitCode: 2, title: "usage" })
  }
  if (!Number.isInteger(preserveSlots) || preserveSlots < 0 || preserveSlots > 8) {
    throw new Failure(`--preserve ${flags.preserve} is not 0 to 8.`, { exitCode: 2, title: "usage" })
  }
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "making {bar} {percentage}%", stream: process.stderr, clearOnComplete: true })
    : null
  bar?.start(100, 0)
  try {
    const { patch, header, wrapping } = orFailure(() =>
      makeFilePatch(oldBytes, newBytes, {
        wrappings: flags.raw ? [] : wrappings,
        blockIndex: flags.index === true,
        profile: flags.profile,
        architecture: flags.arch,
        effort: flags.effort,
        version: formatVersions.find((version) => String(version) === flags.formatVersion) ?? newestVersion,
        ...(flags.inPlace ? { sectorSize, preserveSlots } : {}),
        onProgress: (share) => bar?.update(Math.round(share * 100)),
      }),
    )
    const { algorithm, architecture, payloadSize, ramNeeded } = header
    return {
      patch,
      facts: {
        algorithm,
        architecture,
        profile: header.profile.name,
        payloadSize,
        decoderRam: ramNeeded,
        ...(header.sectorSize > 0 ? { sectorSize: header.sectorSize } : {}),
        ...(wrapping === null ? {} : { unwrapped: wrapping }),
      },
    }
  } finally {
    bar?.stop()
  }
}

function makeOther(oldBytes: Uint8Array, newBytes: Uint8Array, format: OtherFormat): Made {
  return { patch: otherFormats[format](oldBytes, newBytes), facts: { format } }
}

function applyCommand(): Command {
  return new Command("apply")
    .description("turn OLD into the new image by a patch; both digests are checked")
    .argument("<OLD>", "the image that the patch was made from")
    .argument("<PATCH>", "the patch")
    .requiredOption("-o, --out <FILE>", "where the new image goes")
    .action(async (oldPath: string, patchPath: string, flags: { readonly out: string }) => {
      const [oldBytes, patch] = await Promise.all([read(oldPath), read(patchPath)])
      const target = orFailure(() => applyToFile(patch, oldBytes, wrappings))
      await writeFile(flags.out, target)
      printLines(`${flags.out}: ${target.length} bytes`)
    })
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

function infoCommand(): Command {
  return new Command("info")
    .description("say what a patch is, from and to what, and what its decoder needs")
    .argument("<PATCH>", "the patch")
    .option("--json", "print JSON")
    .action(async (path: string, flags: { readonly json?: boolean }) => {
      const bytes = await read(path)
      const { header, headerSize } = orFailure(() => readPatch(bytes))
      const facts = {
        algorithm: header.algorithm,
        formatVersion: header.version,
        profile: header.profile.name,
        architecture: header.architecture,
        startingTables: header.prior,
        sourceBytes: header.sourceSize,
        sourceSha256: hexOf(header.sourceDigest),
        targetBytes: header.targetSize,
        targetSha256: hexOf(header.targetSha256),
        headerBytes: headerSize,
        payloadBytes: header.payloadSize,
        inPlace: header.sectorSize > 0,
        sectorBytes: header.sectorSize,
        preservedSectors: header.preserveSlots,
        stagingSectors: header.stagingSectors,
        decoderRam: header.ramNeeded,
        fields: header.fields.map(({ type, value }) => `${type} (${value.length} bytes)`),
      }
      if (flags.json) printJson(facts)
      else
        printLines(
          ...Object.entries(facts).map(
            ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") || "none" : value}`,
          ),
        )
    })
}

function inspectCommand(): Command {
  return new Command("inspect")
    .description("say where a patch's bytes go: its header, and what its payload is spent on")
    .argument("<OLD>", "the image that the patch was made from")
    .argument("<PATCH>", "the patch")
    .option("--json", "print JSON")
    .action(async (oldPath: string, patchPath: string, flags: { readonly json?: boolean }) => {
      const [oldFile, bytes] = await Promise.all([read(oldPath), read(patchPath)])
      const { header, headerSize } = orFailure(() => readPatch(bytes))
      const oldBytes = orFailure(() => contentFor(bytes, oldFile, wrappings))
      const spent = orFailure(() => bytesByPart(bytes, oldBytes))
      const facts = {
        formatVersion: header.version,
        patchBytes: bytes.length,
        header: headerSize,
        payload: header.payloadSize,
        ...(header.algorithm === "stored" ? { "the image as it is": header.payloadSize } : spent),
      }
      if (flags.json) return printJson(facts)
      printLines(...Object.entries(facts).map(([name, value]) => `${name}: ${value}`))
    })
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("check a patch: its checksums, its signature if a key is given, and its result if OLD is given")
    .argument("<PATCH>", "the patch")
    .option("--old <FILE>", "apply it to this image and check the digest")
    .option("--image <FILE>", "what stands in a device's flash: name the blocks in which it is not the new image")
    .option("--key <HEX>", "the Ed25519 public key that must have signed it")
    .action(async (path: string, flags: { readonly old?: string; readonly image?: string; readonly key?: string }) => {
      const patch = await read(path)
      orFailure(() => readPatch(patch))
      const { key } = flags
      if (key !== undefined) {
        if (!/^[0-9a-fA-F]{64}$/.test(key))
          throw new Failure("--key has 64 hexadecimal digits.", { exitCode: 2, title: "usage" })
        orFailure(() => verifySignature(patch, new Uint8Array(Buffer.from(key, "hex"))))
      }
      if (flags.old !== undefined) {
        const oldBytes = await read(flags.old)
        orFailure(() => applyToFile(patch, oldBytes, wrappings))
      }
      if (flags.image !== undefined) await checkBlocks(patch, flags.image)
      printLines(`${path}: good`)
    })
}

/** Compares an image with the patch's block index. */
async function checkBlocks(patch: Uint8Array, path: string): Promise<void> {
  const image = await read(path)
  const wrong = orFailure(() => wrongBlocks(readPatch(patch).header, image))
  if (wrong === null) throw new Failure("The patch has no block index; make it with --index.")
  if (wrong.length === 0) return
  const places = wrong.map((offset) => `0x${offset.toString(16)}`).join(", ")
  throw new Failure(`${path} is not the new image in the blocks at ${places}.`, { title: "wrong-target" })
}

/** Pairs in a folder of families: `FAMILY/NAME/old.bin` and `new.bin`. */
async function pairsOf(corpus: string): Promise<string[]> {
  const pairs: string[] = []
  for (const family of await readdir(corpus)) {
    if (!(await stat(join(corpus, family))).isDirectory()) continue
    for (const name of await readdir(join(corpus, family))) pairs.push(join(family, name))
  }
  return pairs.sort()
}

function benchCommand(): Command {
  return new Command("bench")
    .description("make patches for every pair of a corpus and print their sizes")
    .argument("<CORPUS>", "a folder with FAMILY/NAME/old.bin and new.bin")
    .addOption(
      new Option("--profile <NAME>", "what the decoder may spend").choices(Object.keys(profiles)).default("std"),
    )
    .action(async (corpus: string, flags: { readonly profile: ProfileName }) => {
      for (const pair of await pairsOf(corpus)) {
        const [oldBytes, newBytes] = await Promise.all([
          read(join(corpus, pair, "old.bin")),
          read(join(corpus, pair, "new.bin")),
        ])
        const startedAt = performance.now()
        const { patch, header } = makePatch(oldBytes, newBytes, { profile: flags.profile })
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        const share = ((100 * patch.length) / newBytes.length).toFixed(2)
        printLines(
          `${pair}: ${patch.length} bytes, ${share} %, ${header.architecture}, ${header.ramNeeded} bytes of RAM, ${seconds} s`,
        )
      }
    })
}
