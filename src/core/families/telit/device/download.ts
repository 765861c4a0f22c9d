import { FtpRefusal, FtpSession } from "../../clients/ftp-session.ts"
import { LinkError } from "../../body.ts"
import type { FtpAccess } from "../codec/pfm-table.ts"
import type { ResultName } from "../result-codes.ts"
import type { TelitModule } from "./module.ts"

export const packageName = "package"
/** Room for a delta in the module, bytes. */
const mostPackageBytes = 4 * 1024 * 1024
const silenceMs = 60_000
const chunkBytes = 8192

type Step = "connect" | "login" | "file" | "broken"
const results: Readonly<Record<Step, ResultName>> = {
  connect: "ftp-connect",
  login: "ftp-login",
  file: "ftp-file",
  broken: "ftp-broken",
}

/** Fetches the delta into the module's files; gives what went wrong, or null. Always starts over. */
export async function download(module: TelitModule, ftp: FtpAccess): Promise<ResultName | null> {
  let step: Step = "connect"
  const reach = (next: Step): void => {
    step = next
    if (module.fault.ftp === next) throw new LinkError("refused", "as the fault says")
  }
  try {
    reach("connect")
    const server = { host: ftp.ftpHost, port: ftp.ftpPort, user: ftp.ftpUser, password: ftp.ftpPassword }
    const session = await FtpSession.open(module.body, server, silenceMs)
    module.hangUp = () => session.destroy()
    reach("login")
    await session.must("TYPE", "I", silenceMs)
    reach("file")
    await session.begin("RETR", ftp.ftpPath, { mode: "passive", timeoutMs: silenceMs })
    step = "broken"
    const taken = await take(module, session, () => reach("broken"))
    await session.quit(silenceMs)
    if (taken === null) return "delta-too-large"
    return taken < ftp.sizeBytes ? "delta-partial" : null
  } catch (error) {
    if (!(error instanceof LinkError) || module.signal.aborted) throw error
    if (step === "connect" && error instanceof FtpRefusal) return "ftp-login"
    return results[step]
  } finally {
    module.hangUp?.()
    module.hangUp = null
  }
}

/** Brings the file in and gives its octets; null = it is too large. */
async function take(module: TelitModule, session: FtpSession, halfWay: () => void): Promise<number | null> {
  await module.files.create(packageName)
  let taken = 0
  for (;;) {
    const bytes = await session.read(chunkBytes, silenceMs)
    if (bytes.length === 0) break
    taken += bytes.length
    if (taken > mostPackageBytes) return null
    await module.files.append(packageName, bytes)
    halfWay()
    module.mayLosePower("download")
  }
  if (!(await session.finish(silenceMs))) throw new LinkError("reset", "the server says that the file is not whole")
  return taken
}

/** The delta as it stands in the module. */
export async function readPackage(module: TelitModule): Promise<Uint8Array> {
  const size = (await module.files.size(packageName)) ?? 0
  const bytes = await module.files.read(packageName, 0, size)
  if (module.fault.package === "partial") return bytes.subarray(0, size >> 1)
  if (module.fault.package === "corrupt") return bytes.map((byte, index) => (index >= size >> 1 ? byte ^ 0xff : byte))
  return bytes
}
