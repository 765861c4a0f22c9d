import { type ChildProcess, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runWell } from "./run-program.ts"

/** A `.swu` with one file in it. */
export interface Image {
  readonly bytes: Uint8Array
  /** What is installed, and where. */
  readonly payload: Uint8Array
  readonly path: string
}

/** A client that runs, and what it has written so far. */
export interface RunningClient {
  readonly child: ChildProcess
  readonly log: () => string
}

/** Debian's SWUpdate with its hawkBit client, and images that openssl signs and cpio packs, in a folder of their own. */
export class SwupdateBench {
  readonly folder = mkdtempSync(join(tmpdir(), "waft-swupdate-"))
  readonly #clients: ChildProcess[] = []

  /** Makes the keys: `ours` is the one that clients trust, `other` is not. */
  async makeKeys(): Promise<void> {
    for (const name of ["ours", "other"]) {
      const extensions = ["-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature"]
      const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`]
      const files = ["-keyout", join(this.folder, `${name}.key`), "-out", join(this.folder, `${name}.pem`)]
      await runWell("openssl", [...self, ...extensions, ...files])
    }
  }

  /** An image that is signed with the key of that name; `size` is of the file that it installs, bytes. */
  async image(name: string, version: string, { signer = "ours", sizeBytes = 300_000 } = {}): Promise<Image> {
    const dir = join(this.folder, name)
    mkdirSync(dir)
    const [payload, path] = [randomBytes(sizeBytes), join(dir, "installed.bin")]
    writeFileSync(join(dir, "payload.bin"), payload)
    const sum = createHash("sha256").update(payload).digest("hex")
    const file = `{ filename = "payload.bin"; path = "${path}"; sha256 = "${sum}"; }`
    const description = `software = { version = "${version}"; hardware-compatibility = [ "1.0" ]; files: ( ${file} ); }\n`
    writeFileSync(join(dir, "sw-description"), description)
    const pair = ["-signer", join(this.folder, `${signer}.pem`), "-inkey", join(this.folder, `${signer}.key`)]
    const form = ["-outform", "DER", "-nosmimecap", "-binary"]
    const from = ["cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig"]
    await runWell("openssl", [...from, ...pair, ...form], { cwd: dir })
    const input = "sw-description\nsw-description.sig\npayload.bin\n"
    const { stdout } = await runWell("cpio", ["-o", "-H", "crc"], { cwd: dir, input })
    return { bytes: stdout, payload, path }
  }

  /** A client beside nobody else: its sockets stand in a folder of its own. */
  start(
    id: string,
    { url, token }: { readonly url: string; readonly token: string },
    more: readonly string[] = [],
  ): RunningClient {
    const dir = join(this.folder, `client-${this.#clients.length}`)
    mkdirSync(dir)
    const config = join(dir, "swupdate.cfg")
    writeFileSync(
      config,
      `globals: { loglevel = 5; };
     suricatta: { identify : ( { name = "place"; value = "attic"; } ); };
     identify: ( { name = "place"; value = "attic"; } );\n`,
    )
    const suricatta = ["-t", "default", "-u", new URL(url).origin, "-i", id, "-k", token, "-r", "5", "-w", "1", ...more]
    const args = ["-f", config, "-H", "board:1.0", "-k", join(this.folder, "ours.pem"), "-u", suricatta.join(" ")]
    const child = spawn("swupdate", args, { env: { ...process.env, TMPDIR: dir }, stdio: ["ignore", "pipe", "pipe"] })
    this.#clients.push(child)
    let text = ""
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()))
    return { child, log: () => text }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(end))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Ends a client, as a restart does. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  setTimeout(() => child.kill("SIGKILL"), 3000).unref()
  await over
}

/** Waits for something that comes within a minute. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  log: () => string = () => "",
): Promise<void> {
  const last = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > last) throw new Error(`${what} never came; the client said:\n${log().slice(-4000)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
