import { createWriteStream } from "node:fs"
import { access, rename, rm } from "node:fs/promises"
import { resolve } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Command } from "commander"
import { type BackupContents, restoreBackup, verifyBackup } from "../server/backup.ts"
import { connect } from "./api-client.ts"
import { Failure } from "./failure.ts"
import { printJson, printLines, sizeText } from "./output.ts"

interface Options {
  readonly data?: string
  readonly json?: true
}

/** `waft backup`: a copy of all a running server knows, read through before it is called one. */
export function backupCommand(): Command {
  return new Command("backup")
    .description("write all that a running server knows into one file, and verify it")
    .argument("<FILE>", "a tar archive that is not there yet; it holds passwords: keep it as safe as the data folder")
    .option("--data <DIR>", "data folder of the server")
    .option("--json", "print JSON")
    .action(async (name: string, options: Options) => {
      const file = resolve(name)
      if (await isThere(file)) throw new Failure(`${file} is there already; choose another name.`)
      const part = `${file}.part`
      try {
        const response = await (await connect(options)).backup()
        if (response.body === null) throw new Failure("The server sent nothing.")
        await pipeline(Readable.fromWeb(response.body as never), createWriteStream(part, { mode: 0o600, flush: true }))
        const contents = await verifyBackup(part)
        await rename(part, file)
        tell(file, contents, options)
      } finally {
        await rm(part, { force: true })
      }
    })
}

/** `waft restore`: a data folder from a backup. */
export function restoreCommand(): Command {
  return new Command("restore")
    .description("make a data folder from a backup, whole or not at all")
    .argument("<FILE>", "what `waft backup` wrote")
    .requiredOption("--data <DIR>", "a folder that is empty or not there yet")
    .option("--json", "print JSON")
    .action(async (name: string, options: Options & { readonly data: string }) => {
      const data = resolve(options.data)
      tell(data, await restoreBackup(resolve(name), data), options)
    })
}

function tell(where: string, contents: BackupContents, { json }: Options): void {
  if (json === true) {
    printJson({ path: where, ...contents })
    return
  }
  const { devices, releases, images, imageBytes } = contents
  printLines(
    `${where}: ${devices} devices, ${releases} releases, ${images} images (${sizeText(imageBytes)}), verified.`,
  )
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
