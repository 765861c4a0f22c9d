import { readFileSync } from "node:fs"
import { publish } from "../../src/core/families/waspmote/server/publish.ts"
import { ftp } from "../../src/core/families/waspmote/server/ftp.ts"
import type { FtpNode, FtpView } from "../../src/server/transports/ftp/ftp-host.ts"
import { type FtpServer, startFtpServer } from "../../src/server/transports/ftp/ftp-server.ts"

/** What a mote is to be offered. */
export interface Offer {
  readonly image: Uint8Array
  readonly name: string
  readonly version: number
}

/** The OTA binary of one version of the demo's program. */
export function greenhouse(version: 1 | 2 | 3, name = "GREENH_"): Uint8Array {
  const bytes = readFileSync(new URL(`../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url))
  const published = publish({ fileName: "a.hex", bytes, version: "1", models: [], options: { name } })
  if (!published.ok) throw new Error(published.faults.map((fault) => fault.sentence).join(" "))
  return published.image
}

/** The real FTP server, which offers every login the same; password `libelium`. */
export class MoteServer {
  offer: Offer | null = null
  /** `account name from-to` of each transfer that is over. */
  readonly transfers: string[] = []
  #server: FtpServer | null = null

  async start(): Promise<void> {
    this.#server = await startFtpServer({
      listen: { host: "127.0.0.1", port: 0 },
      passive: { minPort: 0, maxPort: 0 },
      tls: null,
      host: {
        login: (user, password) => (password === "libelium" ? this.#view(user) : null),
      },
      clock: {
        now: Date.now,
        every: (ms, tick) => {
          const timer = setInterval(tick, ms)
          return () => clearInterval(timer)
        },
      },
    })
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.address.port ?? 0}`
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }

  #view(account: string): FtpView {
    const nodes = this.#nodes(account)
    const root: FtpNode = {
      kind: "directory",
      name: "/",
      modifiedAt: new Date(0),
      children: () => [...nodes.values()],
    }
    return {
      account,
      find: (path) => {
        const parts = path.split("/").filter((part) => part !== "" && !ftp.directoryAliases.includes(part))
        return parts.length === 0 ? root : parts.length === 1 ? (nodes.get(parts[0] ?? "") ?? null) : null
      },
      close: () => undefined,
    }
  }

  #nodes(account: string): Map<string, FtpNode> {
    const { offer } = this
    const offered =
      offer === null
        ? null
        : {
            offer: { programId: offer.name, versionByte: offer.version, release: String(offer.version) },
            image: { sha256: "0".repeat(64), sizeBytes: offer.image.length },
          }
    const nodes = new Map<string, FtpNode>()
    for (const file of ftp.files(offered)) {
      const bytes = file.role === "notice" ? file.content : (offer?.image ?? new Uint8Array(0))
      nodes.set(file.name, {
        kind: "file",
        name: file.name,
        sizeBytes: bytes.length,
        modifiedAt: new Date(0),
        open: () => ({
          sizeBytes: bytes.length,
          read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
          finished: (end) => {
            this.transfers.push(`${account} ${file.name} ${end.from}-${end.to}${end.whole ? "" : " cut"}`)
          },
        }),
      })
    }
    return nodes
  }
}
