import { type AddressInfo, type Server, type Socket, createConnection, createServer } from "node:net"
import { connect as connectTls } from "node:tls"
import { type BodyNet, type ByteStream, type ConnectTarget, LinkError, type Listening } from "../core/families/body.ts"
import { longestTimerMs } from "../core/kit/long-wait.ts"

/** A peer that was told goodbye and keeps its side open is hung up on after this. */
const lingerMs = 10_000

/** Real sockets. `signal` hangs up on everything that is open. */
export function nodeNet(signal: AbortSignal): BodyNet {
  return {
    connect: (target) => connect(target, signal),
    listenOnce: (beside) => listenOnce(beside, signal),
  }
}

async function connect(target: ConnectTarget, signal: AbortSignal): Promise<ByteStream> {
  const { host, port, timeoutMs, tls } = target
  signal.throwIfAborted()
  // The devices do not check certificates; their software twins must meet the same servers.
  const socket = tls === true ? connectTls({ host, port, rejectUnauthorized: false }) : createConnection({ host, port })
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        socket.destroy()
        reject(new LinkError("timeout", `no connection to ${host}:${port} within ${timeoutMs} ms`))
      },
      Math.min(timeoutMs, longestTimerMs),
    )
    socket.once(tls === true ? "secureConnect" : "connect", () => {
      clearTimeout(timer)
      socket.removeAllListeners("error")
      resolve()
    })
    socket.once("error", (error) => {
      clearTimeout(timer)
      reject(linkError(error, `${host}:${port}`))
    })
  })
  return new SocketStream(socket, signal)
}

async function listenOnce(beside: ByteStream, signal: AbortSignal): Promise<Listening> {
  const server = createServer({ pauseOnConnect: true })
  const accepted = new Promise<ByteStream>((resolve) => {
    server.once("connection", (socket) => resolve(new SocketStream(socket, signal)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(linkError(error, beside.localHost)))
    server.listen(0, beside.localHost, resolve)
  })
  return {
    host: beside.localHost,
    port: portOf(server),
    accept: (timeoutMs) => within(accepted, timeoutMs, "nobody connected"),
    close: () => server.close(),
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const late = (): void => reject(new LinkError("timeout", `${what} within ${timeoutMs} ms`))
    timer = setTimeout(late, Math.min(timeoutMs, longestTimerMs))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A socket read on demand: what is not asked for stays in the kernel, so a slow device slows its server down. */
class SocketStream implements ByteStream {
  readonly localHost: string
  readonly #socket: Socket
  #pending: Uint8Array = new Uint8Array(0)
  #failure: LinkError | null = null
  #hasEnded = false
  #wake: () => void = () => undefined

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.localHost = (socket.localAddress ?? "127.0.0.1").replace(/^::ffff:/, "")
    const stop = (): void => {
      this.#fail(new LinkError("reset", "the device was switched off"))
      socket.destroy()
    }
    signal.addEventListener("abort", stop, { once: true })
    socket.on("readable", () => this.#wake())
    socket.on("end", () => {
      this.#hasEnded = true
      this.#wake()
    })
    socket.on("error", (error) => this.#fail(linkError(error, "the connection")))
    socket.on("close", () => {
      signal.removeEventListener("abort", stop)
      if (!this.#hasEnded) this.#fail(new LinkError("reset", "the connection broke"))
    })
  }

  #fail(failure: LinkError): void {
    this.#failure ??= failure
    this.#wake()
  }

  async read(maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
    if (!this.#fill()) {
      await within(this.#untilReadable(), timeoutMs, "nothing came")
    }
    const bytes = this.#pending.subarray(0, maxBytes)
    this.#pending = this.#pending.subarray(bytes.length)
    return bytes
  }

  /** True when there is something to give: bytes, or the end. */
  #fill(): boolean {
    if (this.#pending.length > 0) return true
    const chunk: unknown = this.#socket.read()
    if (chunk instanceof Uint8Array) this.#pending = chunk
    if (this.#pending.length > 0) return true
    if (this.#failure !== null) throw this.#failure
    return this.#hasEnded
  }

  #untilReadable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = (): void => {
        try {
          if (this.#fill()) resolve()
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
    })
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) resolve()
        else reject(linkError(error, "the connection"))
      })
    })
  }

  end(): void {
    this.#socket.end()
    const lingering = setTimeout(() => this.#socket.destroy(), lingerMs).unref()
    this.#socket.once("close", () => clearTimeout(lingering))
    // Nobody reads any more, and only who reads sees the peer's end: what still comes is dropped.
    this.#socket.removeAllListeners("readable")
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.resetAndDestroy()
  }
}

const kinds: Readonly<Record<string, LinkError["kind"]>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "timeout",
  ENETUNREACH: "timeout",
}

function linkError(error: Error & { readonly code?: string }, where: string): LinkError {
  return new LinkError(kinds[error.code ?? ""] ?? "reset", `${where}: ${error.message}`)
}
