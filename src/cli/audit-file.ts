import { createWriteStream } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { once } from "node:events"
import { Failure } from "./failure.ts"

export interface ExportFile {
  /** Writes a value as one line of JSON. */
  readonly line: (value: unknown) => Promise<void>
  readonly finish: () => Promise<void>
}

/** Begins a file that is there when it is whole, or not at all; null = to standard output. */
export async function startExport(file: string | null): Promise<ExportFile> {
  if (file === null) {
    const line = async (value: unknown): Promise<void> => {
      if (!process.stdout.write(`${JSON.stringify(value)}\n`)) await once(process.stdout, "drain")
    }
    return { line, finish: () => Promise.resolve() }
  }
  const part = `${file}.part`
  const stream = createWriteStream(part, { mode: 0o600 })
  let failure: Error | null = null
  stream.on("error", (error) => (failure = error))
  const fail = async (error: Error): Promise<never> => {
    await rm(part, { force: true })
    throw new Failure(`${file} cannot be written: ${error.message}.`)
  }
  return {
    line: async (value) => {
      if (failure !== null) await fail(failure)
      if (!stream.write(`${JSON.stringify(value)}\n`))
        await Promise.race([once(stream, "drain"), once(stream, "close")])
    },
    finish: async () => {
      stream.end()
      if (!stream.closed) await once(stream, "close")
      if (failure !== null) await fail(failure)
      await rename(part, file)
    },
  }
}
