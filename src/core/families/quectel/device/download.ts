import { FtpRefusal, FtpSession } from "../../clients/ftp-session.ts"
import { LinkError } from "../../body.ts"
import { type DownloadFailure, ftpCode, httpCode } from "./download-codes.ts"
import type { FotaUrl } from "../codec/fota-url.ts"
import { DownloadFailed, type DownloadSink, httpGet } from "./http-get.ts"
import type { QuectelModule } from "./module.ts"
import { packageName } from "./update-log.ts"

/** Longest silence of a server, ms at the speed of the hardware; the network keeps its own time. */
const silenceMs = 60_000
/** Room for a package in the module's file area, bytes. */
export const mostPackageBytes = 32 * 1024 * 1024
const chunkBytes = 16_384

/** A fault ends the download in this code. */
class ToldToFail extends Error {
  override readonly name = "ToldToFail"
}

type NetUrl = Exclude<FotaUrl, { readonly scheme: "file" }>

/** Fetches a package into the module's files; gives the code of FTPEND or HTTPEND, 0 for a whole one. Always starts over. */
export async function downloadPackage(module: QuectelModule, url: NetUrl, lines: number): Promise<number> {
  const { codes } = module.profile
  const codeOf = (failure: DownloadFailure, reply: number | null = null): number =>
    url.scheme === "ftp" ? ftpCode(codes, failure, reply) : httpCode(codes, failure)
  if (!module.isOnline) return codeOf("offline")
  const sink = await packageSink(module, lines)
  try {
    if (url.scheme === "ftp") await fetchFtp(module, url, sink)
    else await httpGet(module.body, url, sink, silenceMs)
    // A whole download of nothing is a broken one.
    return (await module.files.size(packageName)) === 0 ? codeOf("closed") : 0
  } catch (error) {
    if (error instanceof ToldToFail) return module.fault.download ?? codeOf("read")
    if (!module.isOnline) return codeOf("offline")
    if (error instanceof DownloadFailed) return codeOf(error.failure)
    if (error instanceof FtpRefusal) return codeOf("status", error.replyCode)
    if (error instanceof LinkError) return codeOf(linkFailures[error.kind])
    throw error
  } finally {
    module.hangUp = null
  }
}

const linkFailures: Readonly<Record<LinkError["kind"], DownloadFailure>> = {
  dns: "dns",
  refused: "connect",
  timeout: "timeout",
  reset: "read",
}

async function packageSink(module: QuectelModule, lines: number): Promise<DownloadSink> {
  await module.files.create(packageName)
  let size: number | null = null
  let taken = 0
  let told = 0
  return {
    hold: (stream) => {
      module.hangUp = () => stream.destroy()
    },
    begin: async (sizeBytes) => {
      size = sizeBytes
      if ((sizeBytes ?? 0) > mostPackageBytes) throw new DownloadFailed("too-large", `${sizeBytes} bytes`)
    },
    take: async (bytes) => {
      taken += bytes.length
      if (taken > mostPackageBytes) throw new DownloadFailed("too-large", `${taken} bytes`)
      // Half of the first piece is stored: what is left over must do no harm.
      const broken = module.fault.download !== undefined
      await module.files.append(packageName, broken ? bytes.subarray(0, bytes.length >> 1) : bytes)
      if (broken) throw new ToldToFail("as the fault says")
      module.mayLosePower("download")
      for (const share = size === null ? 0 : taken / size; told < Math.floor(share * lines); ) {
        told += 1
        module.tell("DOWNLOADING", Math.floor((told * 100) / lines))
      }
    },
  }
}

async function fetchFtp(
  module: QuectelModule,
  url: Extract<FotaUrl, { readonly scheme: "ftp" }>,
  sink: DownloadSink,
): Promise<void> {
  const session = await FtpSession.open(module.body, url, silenceMs)
  sink.hold(session)
  try {
    await session.must("TYPE", "I", silenceMs)
    const size = await session.size(url.path, silenceMs)
    await session.begin("RETR", url.path, { mode: "passive", timeoutMs: silenceMs })
    await sink.begin(size)
    let taken = 0
    for (;;) {
      const bytes = await session.read(chunkBytes, silenceMs)
      if (bytes.length === 0) break
      taken += bytes.length
      await sink.take(bytes)
    }
    if (!(await session.finish(silenceMs))) throw new DownloadFailed("closed", "the server ended the transfer badly")
    if (size !== null && taken !== size) throw new DownloadFailed("closed", `${taken} bytes of ${size}`)
    await session.quit(silenceMs).catch((error: unknown) => {
      // The file is whole; how the server takes the goodbye changes nothing.
      if (!(error instanceof LinkError)) throw error
    })
  } finally {
    session.destroy()
  }
}
