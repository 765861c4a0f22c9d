import { posix } from "node:path"
import { Readable } from "node:stream"
import { Client } from "basic-ftp"
import type { ChannelFileView } from "../core/contract/schemas.ts"
import { Failure } from "./failure.ts"

export interface Put {
  readonly name: string
  readonly sizeBytes: number
}

/**
 * Puts a channel's files on a foreign FTP server. They come in the order in which no device sees half a pair
 * (a notice that offers nothing, the image, the notice); each is uploaded under a temporary name and renamed, so that at every moment a device finds a notice that is whole and
 * true: the old one, nothing, or the new one beside its whole image.
 */
export async function exportChannel(
  files: readonly ChannelFileView[],
  { to, password }: { readonly to: string; readonly password?: string },
  tell: (line: string) => void,
): Promise<readonly Put[]> {
  const target = parseTarget(to, password)
  const ftp = new Client(30_000)
  try {
    await ftp.access({ ...target, secure: target.secure })
    if (target.dir !== "/") await ftp.ensureDir(target.dir)
    const put: Put[] = []
    for (const { name, base64 } of files) {
      const bytes = Buffer.from(base64, "base64")
      await replace(ftp, name, bytes)
      put.push({ name, sizeBytes: bytes.length })
      tell(`put ${posix.join(target.dir, name)}, ${bytes.length} bytes`)
    }
    return put
  } catch (error) {
    throw new Failure(`The export to ${target.host} failed: ${(error as Error).message}.`)
  } finally {
    ftp.close()
  }
}

async function replace(ftp: Client, name: string, bytes: Buffer): Promise<void> {
  const part = `${name}.part`
  await ftp.uploadFrom(Readable.from([bytes]), part)
  const size = await ftp.size(part)
  if (size !== bytes.length) throw new Error(`the server kept ${size} of ${bytes.length} bytes of ${name}`)
  try {
    await ftp.rename(part, name)
  } catch {
    // Some servers do not rename over a file that exists.
    await ftp.remove(name, true)
    await ftp.rename(part, name)
  }
}

function parseTarget(text: string, password: string | undefined) {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw wrongTarget(text)
  }
  if (!["ftp:", "ftps:"].includes(url.protocol) || url.hostname === "") throw wrongTarget(text)
  return {
    host: url.hostname,
    port: url.port === "" ? 21 : Number(url.port),
    user: decodeURIComponent(url.username || "anonymous"),
    password: password ?? decodeURIComponent(url.password || "guest"),
    secure: url.protocol === "ftps:",
    dir: decodeURIComponent(url.pathname || "/"),
  }
}

function wrongTarget(text: string): Failure {
  return new Failure(`--to takes ftp://user@host/dir, not "${text}".`, { exitCode: 2, title: "usage" })
}
