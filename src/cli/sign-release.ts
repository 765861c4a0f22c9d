import { createHash } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { Command } from "commander"
import {
  envelopeText,
  manifestDifference,
  manifestText,
  mostSignatures,
  readEnvelope,
  type ReleaseEnvelope,
  type ReleaseManifest,
  signedBytes,
} from "../core/domain/release-manifest.ts"
import { familyById } from "../core/families/index.ts"
import { writeWholeFile } from "../disk/whole-file.ts"
import { KeyFault, makeKeyPair, signManifest } from "../signing/release-keys.ts"
import { Failure } from "./failure.ts"
import { printJson, printLines } from "./output.ts"
import { readSecretFile } from "./password.ts"
import { type ReleaseOptions, readReleaseFile, releaseOptions } from "./release-file.ts"

interface KeyOptions {
  readonly passphraseFile?: string
  readonly json?: boolean
}

interface SignOptions extends KeyOptions, ReleaseOptions {
  readonly key?: string
  readonly output?: string
  readonly print?: boolean
}

/** `waft release keygen`: a pair of keys, on the machine where the private one stays. */
export function keygenCommand(): Command {
  return new Command("keygen")
    .description("make a key that signs releases; needs no server")
    .argument("<KEYFILE>", "file of the private key, which is not there yet; KEYFILE.pub gets the public one")
    .option("--passphrase-file <FILE>", "lock the private key with the first line of a file; - = of standard input")
    .option("--json", "print JSON")
    .action(async (file: string, options: KeyOptions) => {
      const { id, privatePem, publicPem } = makeKeyPair(await passphraseOf(options))
      await writeNew(file, privatePem, 0o600)
      await writeNew(`${file}.pub`, publicPem, 0o644)
      if (options.json) return printJson({ keyId: id, privateKey: file, publicKey: `${file}.pub` })
      printLines(
        `key ${id}`,
        `${file} signs: keep it off the server, and a copy of it elsewhere.`,
        `${file}.pub verifies: waft serve --release-keys ${file}.pub`,
      )
    })
}

/** `waft release sign`: one key's word on a file, on the machine where the key is. */
export function signCommand(): Command {
  return releaseOptions(new Command("sign").argument("<FILE>", "what will be published"))
    .description("sign firmware as it will be published, with a key of this machine; needs no server")
    .option("--key <FILE>", "private key: of `waft release keygen`, or any of Ed25519 in PKCS #8 (PEM)")
    .option("--passphrase-file <FILE>", "what the key is locked with: the first line of a file; - = of standard input")
    .option(
      "-o, --output <FILE>",
      "file of the signatures, to which a second key adds its own (default FILE.signatures)",
    )
    .option("--print", "sign nothing: write the bytes that are to be signed to standard output, for a key in a device")
    .option("--json", "print JSON")
    .action(async (file: string, options: SignOptions) => {
      const manifest = await manifestOfFile(file, options)
      if (options.print === true) {
        process.stdout.write(signedBytes(manifestText(manifest)))
        return
      }
      if (options.key === undefined) throw wrongUse("Say which key: --key FILE; `waft release keygen` makes one.")
      const output = options.output ?? `${file}.signatures`
      const before = await envelopeBefore(output, manifest)
      const signature = await signWith(options.key, manifest, options)
      const others = before.signatures.filter(({ keyId }) => keyId !== signature.keyId)
      if (others.length >= mostSignatures) throw new Failure(`${output} holds ${mostSignatures} signatures already.`)
      const signatures = [...others, signature]
      await writeWholeFile(output, envelopeText({ payload: before.payload, signatures })).catch((error: unknown) => {
        throw new Failure(`${output} cannot be written: ${(error as Error).message}.`)
      })
      const keyIds = signatures.map(({ keyId }) => keyId).sort()
      if (options.json) return printJson({ ...manifest, signatures: output, keyIds })
      const { family, version, source, models, sha256, sizeBytes } = manifest
      printLines(
        `signed: ${family} version ${source === null ? version : `${source} → ${version}`}, models ${models.length === 0 ? "all" : models.join(", ")}`,
        `image ${sha256}, ${sizeBytes} bytes`,
        `${output}: signed by ${keyIds.join(", ")}`,
      )
    })
}

/** The envelopes of several files as one: they have to be of the same release. Throws `Failure`. */
export async function readSignatures(files: readonly string[]): Promise<ReleaseEnvelope> {
  const envelopes = await Promise.all(files.map(readSignatureFile))
  const [first] = envelopes
  if (first === undefined) throw wrongUse("Name a file of signatures.")
  const other = envelopes.findIndex(({ payload }) => payload !== first.payload)
  if (other >= 0) throw new Failure(`${files[0]} and ${files[other]} hold signatures of different releases.`)
  const byKey = new Map(envelopes.flatMap(({ signatures }) => signatures.map((one) => [one.keyId, one] as const)))
  return { payload: first.payload, signatures: [...byKey.values()] }
}

async function readSignatureFile(file: string): Promise<ReleaseEnvelope> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
  const read = readEnvelope(text)
  if ("fault" in read) throw new Failure(`The file ${file} holds no signatures: ${read.fault}.`)
  return read
}

/** What the server will make of the file, for devices get that and it is that which is signed. */
async function manifestOfFile(file: string, options: SignOptions): Promise<ReleaseManifest> {
  const family = familyById(options.family)
  if (family === undefined) throw wrongUse(`There is no family ${options.family}.`)
  const upload = await readReleaseFile(file, options)
  const stranger = upload.models.find((model) => !family.models.some(({ id }) => id === model))
  if (stranger !== undefined) throw wrongUse(`The family ${family.id} has no model ${stranger}.`)
  const made = family.publish(upload)
  if (!made.ok) throw new Failure(made.faults.map(({ sentence }) => sentence).join(" "), { title: "bad-image" })
  return {
    family: family.id,
    version: made.version,
    source: made.source ?? null,
    models: [...upload.models].sort(),
    sha256: createHash("sha256").update(made.image).digest("hex"),
    sizeBytes: made.image.length,
  }
}

/** The file as it is, so that a second key adds its signature to the first one's. Throws `Failure` where it is of another release. */
async function envelopeBefore(file: string, manifest: ReleaseManifest): Promise<ReleaseEnvelope> {
  const payload = manifestText(manifest)
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
    throw new Failure(`The file ${file} cannot be read: ${(error as Error).message}.`)
  })
  if (text === null) return { payload, signatures: [] }
  const before = readEnvelope(text)
  if ("fault" in before) throw new Failure(`${file} is there already and holds no signatures: ${before.fault}.`)
  if (before.payload === payload) return before
  const difference = manifestDifference(before.payload, manifest) ?? "it holds no manifest"
  throw new Failure(`${file} holds signatures of another release (${difference}); name another file with --output.`)
}

async function signWith(keyFile: string, manifest: ReleaseManifest, options: KeyOptions) {
  const pem = await readFile(keyFile, "utf8").catch((error: unknown) => {
    throw new Failure(`The key cannot be read: ${(error as Error).message}.`)
  })
  const passphrase = await passphraseOf(options)
  try {
    return signManifest(manifestText(manifest), pem, passphrase)
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error
    const hint = error.message.startsWith("is locked") ? " (--passphrase-file FILE)" : ""
    throw new Failure(`The file ${keyFile} ${error.message}${hint}.`)
  }
}

async function passphraseOf({ passphraseFile }: KeyOptions): Promise<string | null> {
  if (passphraseFile === undefined) return null
  const passphrase = await readSecretFile("--passphrase-file", passphraseFile)
  if (passphrase === "") throw new Failure("The passphrase is empty.")
  return passphrase
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  await writeFile(file, text, { flag: "wx", mode, flush: true }).catch((error: unknown) => {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST"
    throw new Failure(
      isThere
        ? `${file} is there already; choose another name.`
        : `${file} cannot be written: ${(error as Error).message}.`,
    )
  })
}

const wrongUse = (message: string): Failure => new Failure(message, { exitCode: 2, title: "usage" })
