import { connect, type Socket } from "node:net"
import type { TransferEnd } from "../content.ts"
import { wallClock } from "../ftp/started-server.testing.ts"
import type { DeviceHttpHost, HttpNode } from "./device-http-host.ts"
import type { RequestHead } from "./request-head.ts"
import { type DeviceHttpOptions, type DeviceHttpServer, startDeviceHttp } from "./device-http-server.ts"

export const manifest = '{"ota":[{"Version":2,"URL":"http://10.0.0.2/d/k/v2.bin","Digest":"00","EraseVer":false}]}'
export const image = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) >> 3)

/** A host with one manifest and one image, that notes what it is asked and told. */
export class NotingHost implements DeviceHttpHost {
  readonly paths: string[] = []
  readonly opened: number[] = []
  readonly ends: TransferEnd[] = []
  reads = 0
  refuses = false
  readonly #waiting: (() => void)[] = []
  readonly #image: Uint8Array

  readonly #stallsAt: number

  /** From `stallsAt` on, the content never comes. */
  constructor(bytes: Uint8Array = image, stallsAt = Number.POSITIVE_INFINITY) {
    this.#image = bytes
    this.#stallsAt = stallsAt
  }

  find({ path }: RequestHead): HttpNode | null {
    this.paths.push(path)
    if (path === "/d/k/ota.json") {
      return { kind: "notice", contentType: "application/json", content: manifest, read: () => this.reads++ }
    }
    if (path === "/d/k/quiet.json") return { kind: "notice", contentType: "application/json", content: manifest }
    if (path === "/d/k/empty.bin") return this.#file(new Uint8Array(0))
    return path === "/d/k/v2.bin" ? this.#file(this.#image) : null
  }

  #file(bytes: Uint8Array): HttpNode {
    return {
      kind: "file",
      contentType: "application/octet-stream",
      sizeBytes: bytes.length,
      entityTag: "e1",
      open: async (offset) => {
        if (this.refuses) throw new Error("no such image")
        this.opened.push(offset)
        return {
          sizeBytes: bytes.length,
          read: (from, most) => {
            if (from >= this.#stallsAt) return new Promise<never>(() => undefined)
            return bytes.subarray(from, Math.min(from + most, this.#stallsAt))
          },
          finished: (end) => {
            this.ends.push(end)
            for (const tell of this.#waiting.splice(0)) tell()
          },
        }
      },
    }
  }

  /** Resolves once that many transfers have ended. */
  async ended(count: number): Promise<TransferEnd> {
    while (this.ends.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.ends[count - 1] as TransferEnd
  }
}

/** Runs a test against a server of its own. */
export async function withHttp(
  deed: (started: { server: DeviceHttpServer; port: number; host: NotingHost }) => Promise<void>,
  options: Partial<DeviceHttpOptions> = {},
): Promise<void> {
  const host = new NotingHost()
  const listen = { host: "127.0.0.1", port: 0 }
  const server = await startDeviceHttp({ listen, tls: null, host, clock: wallClock, ...options })
  try {
    await deed({ server, port: server.address.port, host })
  } finally {
    await server.close()
  }
}

/** A client that knows only bytes. */
export class RawHttp {
  readonly socket: Socket
  /** What each `data` event brought. */
  readonly pieces: Buffer[] = []
  error: NodeJS.ErrnoException | null = null
  isEnded = false
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (piece: Buffer) => this.pieces.push(piece))
    socket.on("end", () => {
      this.isEnded = true
    })
    socket.on("error", (error) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()))
  }

  static open(port: number): Promise<RawHttp> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true })
      socket.once("error", reject)
      socket.once("connect", () => {
        socket.removeListener("error", reject)
        resolve(new RawHttp(socket))
      })
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }

  get text(): string {
    return this.bytes.toString("latin1")
  }

  send(text: string): void {
    this.socket.write(text, "latin1")
  }

  /** Resolves once the received text contains this. */
  async until(found: (text: string) => boolean): Promise<string> {
    while (!found(this.text)) {
      await Promise.race([new Promise((resolve) => this.socket.once("data", resolve)), this.closed])
      if (this.socket.destroyed && !found(this.text)) throw new Error(`closed after: ${this.text.slice(0, 200)}`)
    }
    return this.text
  }
}

/** Sends one request and returns everything until the connection closes. */
export async function exchange(port: number, request: string): Promise<RawHttp> {
  const client = await RawHttp.open(port)
  client.send(request)
  await client.closed
  return client
}
