import { readFile, stat } from "node:fs/promises"
import { createSecureContext } from "node:tls"
import type { TlsFiles, TlsPair } from "./tls-settings.ts"

/** A listener with TLS. */
export interface CertifiedListener {
  /** Its flags begin so: `http`, `device`, `ftp`. */
  readonly prefix: string
  readonly files: TlsFiles
  readonly renew: (texts: { readonly cert: string; readonly key: string; readonly clientCa?: string }) => void
}

interface Needs {
  readonly say: (sentence: string) => void
  readonly warn: (sentence: string) => void
  readonly every: (intervalMs: number, deed: () => Promise<void>) => () => Promise<void>
}

/** Files are looked at so often, ms: whoever renews certificates may replace a link, a folder or the file itself. */
const lookMs = 2000

export interface Certificates {
  /** Reads all of them anew, changed or not. */
  readonly reload: () => Promise<void>
  readonly end: () => Promise<void>
}

/**
 * Gives listeners their certificates anew when the files have changed, or when told to. What cannot be used (half of a pair, a file
 * that is gone) is said once, and the listener keeps what it has.
 */
export function watchCertificates(listeners: readonly CertifiedListener[], needs: Needs): Certificates {
  const seen = new Map<CertifiedListener, string>()
  const look = async (listener: CertifiedListener, isTold: boolean): Promise<void> => {
    const { prefix, files } = listener
    const mark = await markOf(files)
    const before = seen.get(listener)
    seen.set(listener, mark)
    if (!isTold && (before === undefined || before === mark)) return
    try {
      const { clientCa, ...texts } = await readAll(files)
      createSecureContext(texts)
      listener.renew({ ...texts, ...(clientCa === undefined ? {} : { clientCa }) })
      needs.say(`the certificate of --${prefix}-tls-cert was read anew`)
    } catch (error) {
      needs.warn(
        `the certificate of --${prefix}-tls-cert stays as it was, its files cannot be used: ${(error as Error).message}`,
      )
    }
  }
  const lookAtAll = async (isTold: boolean): Promise<void> => {
    for (const listener of listeners) await look(listener, isTold)
  }
  // One after another: what is told while files are looked at comes next.
  let queue = Promise.resolve()
  const inTurn = (isTold: boolean): Promise<void> => (queue = queue.then(() => lookAtAll(isTold)))
  // What is replaced from now on shows.
  void inTurn(false)
  const stop = listeners.length === 0 ? null : needs.every(lookMs, () => inTurn(false))
  return {
    reload: () => inTurn(true),
    end: async () => {
      await stop?.()
      await queue
    },
  }
}

async function readAll({
  cert,
  key,
  clientCa,
}: TlsFiles): Promise<Omit<TlsPair, "files"> & { readonly clientCa?: string }> {
  const read = (file: string): Promise<string> => readFile(file, "utf8")
  const texts = { cert: await read(cert), key: await read(key) }
  return clientCa === undefined ? texts : { ...texts, clientCa: await read(clientCa) }
}

/** Another text as soon as one of the files is another. */
async function markOf(files: TlsFiles): Promise<string> {
  const marks = await Promise.all(
    Object.values(files).map((file: string) =>
      stat(file, { bigint: true }).then(
        ({ ino, mtimeNs, size }) => `${ino} ${mtimeNs} ${size}`,
        () => "none",
      ),
    ),
  )
  return marks.join(", ")
}
