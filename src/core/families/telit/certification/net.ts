import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { type BodyClock, type BodyNet, type ByteStream, LinkError } from "../../body.ts"

/** Where the package is, for the module alone: an address for documentation (RFC 5737), so no host means it. */
export const ftpAddress = { host: "192.0.2.21", port: 21 } as const
const dataPort = 2020
/** The download takes so long, ms: a host has time for what it must not do. */
const downloadMs = 10_000
const pieces = 20

export interface CertificationServers {
  readonly clock: BodyClock
  readonly signal: AbortSignal
  /** The download's time is divided by this. */
  readonly speed: number
  /** What the FTP server sends, whatever the name. */
  readonly file: () => Uint8Array
  /** Takes a connection to any other address. */
  readonly serve: (stream: ByteStream) => Promise<void>
}

/** The whole internet of a module under certification: an FTP server, and one server behind every other address. */
export function certificationNet(servers: CertificationServers): BodyNet {
  let takeData: (stream: ByteStream) => void = () => undefined
  const data = (): Promise<ByteStream> =>
    new Promise((resolve) => {
      takeData = resolve
    })
  return {
    connect: async ({ host, port }) => {
      const [near, far] = pairOfStreams(servers)
      if (host !== ftpAddress.host) unawaited(servers.serve(far))
      else if (port === dataPort) takeData(far)
      else unawaited(serveFtp(servers, far, data))
      return Promise.resolve(near)
    },
    listenOnce: () => Promise.reject(new LinkError("refused", "this server is asked in passive mode")),
  }
}

/** A connection that breaks is over, and nothing else. */
function unawaited(serving: Promise<void>): void {
  serving.catch(() => undefined)
}

/** The few commands that the module's download needs (RFC 959); it takes every login, for nobody else can reach it. */
async function serveFtp(
  { clock, signal, speed, file }: CertificationServers,
  control: ByteStream,
  listen: () => Promise<ByteStream>,
): Promise<void> {
  const address = `${ftpAddress.host.replaceAll(".", ",")},${dataPort >> 8},${dataPort & 0xff}`
  const replies: Readonly<Record<string, string>> = {
    USER: "331 password",
    PASS: "230 welcome",
    TYPE: "200 binary",
    PASV: `227 Entering Passive Mode (${address})`,
    RETR: "150 here it comes",
    QUIT: "221 bye",
  }
  const say = (line: string): Promise<void> => control.write(latin1(`${line}\r\n`))
  let transfer: Promise<ByteStream> | null = null
  let text = ""
  await say("220 certification")
  for (;;) {
    const bytes = await control.read(512, 600_000)
    if (bytes.length === 0) return
    text += fromLatin1(bytes)
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const verb = text.slice(0, end).split(" ")[0] ?? ""
      text = text.slice(end + 2)
      if (verb === "PASV") transfer = listen()
      await say(replies[verb] ?? "502 not here")
      if (verb !== "RETR" || transfer === null) continue
      const stream = await transfer
      const whole = file()
      const size = Math.ceil(whole.length / pieces)
      for (let at = 0; at < whole.length; at += size) {
        await clock.sleep(downloadMs / pieces / speed, signal)
        await stream.write(whole.slice(at, at + size))
      }
      stream.end()
      await say("226 done")
    }
  }
}

function pairOfStreams(parts: Pick<CertificationServers, "clock" | "signal">): [ByteStream, ByteStream] {
  const there = new Queue(parts)
  const back = new Queue(parts)
  return [streamOver(back, there), streamOver(there, back)]
}

function streamOver(incoming: Queue, outgoing: Queue): ByteStream {
  return {
    localHost: "192.0.2.1",
    read: (maxBytes, timeoutMs) => incoming.take(maxBytes, timeoutMs),
    write: async (bytes) => outgoing.put(bytes),
    end: () => outgoing.close("ended"),
    destroy: () => {
      outgoing.close("broken")
      incoming.close("broken")
    },
  }
}

/** One direction of a connection. */
class Queue {
  readonly #parts: Pick<CertificationServers, "clock" | "signal">
  #bytes: Uint8Array = new Uint8Array(0)
  #state: "open" | "ended" | "broken" = "open"
  #wake: () => void = () => undefined

  constructor(parts: Pick<CertificationServers, "clock" | "signal">) {
    this.#parts = parts
  }

  put(bytes: Uint8Array): void {
    if (this.#state !== "open") throw new LinkError("reset", "the connection is closed")
    this.#bytes = concat([this.#bytes, bytes])
    this.#wake()
  }

  close(state: "ended" | "broken"): void {
    if (this.#state !== "broken") this.#state = state
    this.#wake()
  }

  async take(maxBytes: number, timeoutMs: number): Promise<Uint8Array> {
    const { clock, signal } = this.#parts
    const deadline = clock.now() + timeoutMs
    while (this.#bytes.length === 0) {
      if (this.#state === "ended") return new Uint8Array(0)
      if (this.#state === "broken") throw new LinkError("reset", "the connection broke")
      if (clock.now() >= deadline) throw new LinkError("timeout", `nothing within ${timeoutMs} ms`)
      const waiting = new AbortController()
      const change = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const late = clock.sleep(deadline - clock.now(), AbortSignal.any([signal, waiting.signal]))
      try {
        await Promise.race([change, late])
      } catch (error) {
        throw new LinkError("reset", error instanceof Error ? error.message : String(error))
      } finally {
        late.catch(() => undefined)
        waiting.abort(new Error("something came"))
      }
    }
    const taken = this.#bytes.slice(0, maxBytes)
    this.#bytes = this.#bytes.slice(maxBytes)
    return taken
  }
}
