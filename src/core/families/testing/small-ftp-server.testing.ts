import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import { type ByteStream, LinkError } from "../body.ts"
import type { MemoryNet } from "./memory-net.testing.ts"

/** A small FTP server on a `MemoryNet`: enough for what modems ask, for tests that need no sockets. */
export interface SmallFtpServer {
  readonly port: number
  /** The files by name; may be changed at any time. */
  readonly files: Map<string, Uint8Array>
  /** Who may log in: passwords by user; at first only `ota` with `libelium`. May be changed at any time. */
  readonly logins: Map<string, string>
  /** The commands it got, passwords left out. */
  readonly commands: string[]
  readonly close: () => void
}

/** What a login sees, in place of the server's own files. */
export interface SmallFtpView {
  /** A file by its path; null = there is none. */
  readonly find: (path: string) => SmallFtpFile | null
  /** Told of each verb that comes after the login. */
  readonly hear?: (verb: string) => void
  readonly close: () => void
}

export interface SmallFtpFile {
  readonly sizeBytes: number
  readonly open: (from: number) => SmallFtpTransfer | Promise<SmallFtpTransfer>
}

/** One transfer of a file. `finished` is called once, whole when the client took everything and ended politely. */
export interface SmallFtpTransfer {
  readonly read: (offset: number, maxBytes: number) => Uint8Array | Promise<Uint8Array>
  readonly finished: (end: { readonly from: number; readonly to: number; readonly whole: boolean }) => unknown
}

export interface SmallFtpOptions {
  /** Who may log in and what they see; null = refused. Absent = those of `logins`, and the server's own files. */
  readonly login?: (user: string, password: string) => SmallFtpView | null
  /** Absent = a port of its own. */
  readonly port?: number
  /** Names of directories that mean the login directory. */
  readonly aliases?: readonly string[]
  /** Commands that are answered with 502. */
  readonly unknown?: readonly string[]
  /** Bytes after which a transfer is cut. */
  readonly cutAfter?: number
}

/** Bytes written at a time. */
const pieceBytes = 4096

/** Starts it on a port of its own unless told. */
export function startSmallFtpServer(net: MemoryNet, options: SmallFtpOptions = {}): SmallFtpServer {
  const files = new Map<string, Uint8Array>()
  const logins = new Map([["ota", "libelium"]])
  const commands: string[] = []
  const port = net.listen((stream) => {
    void new Session(net, stream, { files, logins, commands, options }).serve()
  }, options.port)
  return { port, files, logins, commands, close: () => net.close(port) }
}

interface Shared {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly logins: ReadonlyMap<string, string>
  readonly commands: string[]
  readonly options: SmallFtpOptions
}

class Session {
  readonly #net: MemoryNet
  readonly #stream: ByteStream
  readonly #shared: Shared
  #user = ""
  #view: SmallFtpView | null = null
  #openData: (() => Promise<ByteStream>) | null = null

  constructor(net: MemoryNet, stream: ByteStream, shared: Shared) {
    this.#net = net
    this.#stream = stream
    this.#shared = shared
  }

  async serve(): Promise<void> {
    try {
      await this.#say("220 small FTP server")
      let pending = ""
      for (;;) {
        const bytes = await this.#stream.read(4096, 60_000)
        if (bytes.length === 0) return
        pending += fromLatin1(bytes)
        for (let end = pending.indexOf("\r\n"); end >= 0; end = pending.indexOf("\r\n")) {
          const line = pending.slice(0, end)
          pending = pending.slice(end + 2)
          await this.#obey(line)
        }
      }
    } catch (error) {
      // The device hung up: a session of this small server is over then.
      this.#stream.destroy()
      if (!(error instanceof LinkError)) throw error
    } finally {
      this.#view?.close()
    }
  }

  async #obey(line: string): Promise<void> {
    const [verb = "", ...rest] = line.split(" ")
    const argument = rest.join(" ")
    this.#shared.commands.push(verb === "PASS" ? verb : line)
    this.#view?.hear?.(verb)
    if (this.#shared.options.unknown?.includes(verb) === true) return this.#say("502 not here")
    const deed = this.#deeds[verb]
    return deed === undefined ? this.#say("502 not here") : deed(argument)
  }

  readonly #deeds: Readonly<Record<string, (argument: string) => Promise<void>>> = {
    USER: (user) => {
      this.#user = user
      return this.#say("331 password")
    },
    PASS: (password) => {
      const { options, logins } = this.#shared
      const own = logins.get(this.#user) === password ? this.#ownFiles() : null
      this.#view = options.login === undefined ? own : options.login(this.#user, password)
      return this.#say(this.#view === null ? "530 no" : "230 welcome")
    },
    TYPE: () => this.#say("200 type"),
    CWD: (path) => this.#say(this.#nameOf(`${path}/X`) === "X" ? "250 there" : "550 no such directory"),
    SIZE: (path) => {
      const file = this.#find(path)
      return this.#say(file === null ? "550 no such file" : `213 ${file.sizeBytes}`)
    },
    PASV: () => {
      let take: (stream: ByteStream) => void = () => undefined
      const accepted = new Promise<ByteStream>((resolve) => {
        take = resolve
      })
      const port = this.#net.listen((stream) => take(stream))
      this.#openData = async () => {
        const stream = await accepted
        this.#net.close(port)
        return stream
      }
      return this.#say(`227 Entering Passive Mode (127,0,0,1,${port >> 8},${port & 0xff})`)
    },
    PORT: (argument) => {
      const [, , , , high = "0", low = "0"] = argument.split(",")
      const port = Number(high) * 256 + Number(low)
      this.#openData = () => this.#net.connect({ host: "127.0.0.1", port })
      return this.#say("200 port")
    },
    LIST: (path) => {
      const file = this.#find(path)
      const line = `-r--r--r-- 1 ota ota ${file?.sizeBytes ?? 0} Nov 20 10:00 ${this.#nameOf(path)}\r\n`
      return file === null ? this.#say("550 no such file") : this.#send(fileOf(latin1(line)))
    },
    RETR: (path) => {
      const file = this.#find(path)
      return file === null ? this.#say("550 no such file") : this.#send(file)
    },
    QUIT: () => this.#say("221 bye"),
  }

  async #send(file: SmallFtpFile): Promise<void> {
    if (this.#openData === null) return this.#say("425 no data connection")
    const { sizeBytes } = file
    const to = Math.min(sizeBytes, this.#shared.options.cutAfter ?? sizeBytes)
    const transfer = await file.open(0)
    let whole = false
    try {
      const opening = this.#openData()
      await this.#say("150 here it comes")
      const data = await opening
      this.#openData = null
      for (let at = 0; at < to; at += pieceBytes) {
        await data.write(await transfer.read(at, Math.min(pieceBytes, to - at)))
      }
      data.end()
      whole = to === sizeBytes && (await data.read(1, 60_000)).length === 0
    } finally {
      await transfer.finished({ from: 0, to: whole ? sizeBytes : 0, whole })
    }
    return this.#say(whole ? "226 done" : "426 cut")
  }

  #nameOf(path: string): string | undefined {
    const parts = path.split("/").filter((part) => part !== "" && !(this.#shared.options.aliases ?? []).includes(part))
    return parts.length === 1 ? parts[0] : undefined
  }

  #find(path: string): SmallFtpFile | null {
    return this.#view?.find(path) ?? null
  }

  #ownFiles(): SmallFtpView {
    return {
      find: (path) => {
        const bytes = this.#shared.files.get(this.#nameOf(path) ?? "")
        return bytes === undefined ? null : fileOf(bytes)
      },
      close: () => undefined,
    }
  }

  async #say(line: string): Promise<void> {
    await this.#stream.write(latin1(`${line}\r\n`))
  }
}

function fileOf(bytes: Uint8Array): SmallFtpFile {
  const read = (offset: number, maxBytes: number): Uint8Array => bytes.subarray(offset, offset + maxBytes)
  return { sizeBytes: bytes.length, open: () => ({ read, finished: () => undefined }) }
}
