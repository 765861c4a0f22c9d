import { readFile } from "node:fs/promises"
import { createInterface } from "node:readline/promises"
import { Writable } from "node:stream"
import { Failure } from "./failure.ts"

/** The first line of a file; `-` = of standard input. Throws `Failure`. */
export async function readSecretFile(flag: string, file: string): Promise<string> {
  try {
    const text = file === "-" ? await wholeInput() : await readFile(file, "utf8")
    return text.split(/\r?\n/, 1)[0] ?? ""
  } catch (error) {
    throw new Failure(`The file of ${flag} cannot be read: ${(error as Error).message}.`)
  }
}

/** Asks a person at a terminal, who sees nothing of what they type. Throws `Failure` where nobody sits there. */
export async function askPassword(question: string): Promise<string> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Failure("Nobody sits at a terminal to be asked for the password; give it with --password-file FILE.", {
      exitCode: 2,
      title: "usage",
    })
  }
  process.stderr.write(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const asking = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await asking.question("")
  } finally {
    asking.close()
    process.stderr.write("\n")
  }
}

/** A new password: from the file, or typed twice. Throws `Failure`. */
export async function newPassword(name: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return readSecretFile("--password-file", file)
  const password = await askPassword(`New password of ${name}: `)
  if ((await askPassword("Once more: ")) !== password) throw new Failure("These are two different passwords.")
  return password
}

async function wholeInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
  return Buffer.concat(chunks).toString("utf8")
}
