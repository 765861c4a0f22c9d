import type { TransferContent, TransferEnd } from "../content.ts"
import type { FtpDirectory, FtpFile, FtpHost, FtpNode, FtpView } from "./ftp-host.ts"

/** What one transfer told its content. */
export interface ToldEnd extends TransferEnd {
  readonly account: string
  readonly name: string
}

/** A small working host: accounts with their files in memory, a `.gprs` alias of the login directory, and what it was told. */
export class MemoryHost implements FtpHost {
  readonly ends: ToldEnd[] = []
  readonly progress: number[] = []
  readonly opened: string[] = []
  openViews = 0
  contested = 0
  /** Passwords that were looked at. */
  guesses = 0
  /** Logins that usually come from an address, as `USER ADDRESS`. */
  readonly usual = new Set<string>()
  /** Makes the next contents fail there. */
  fault: "find" | "open" | "read" | "finished" | null = null
  readonly #accounts: ReadonlyMap<string, Readonly<Record<string, Uint8Array>>>
  readonly modifiedAt = new Date("2026-11-20T10:20:30Z")

  /** `accounts`: user name -> file name -> content. Every password is the user name backwards. */
  constructor(accounts: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>) {
    this.#accounts = new Map(Object.entries(accounts))
  }

  isUsual = (user: string, peer: string): boolean => this.usual.has(`${user} ${peer}`)

  login(user: string, password: string): FtpView | null {
    this.guesses++
    const files = this.#accounts.get(user)
    if (files === undefined || password !== passwordOf(user)) return null
    this.openViews++
    return {
      account: user,
      find: (path) => {
        if (this.fault === "find") throw new Error("a planned fault")
        return this.#find(user, files, path)
      },
      contested: () => {
        this.contested++
      },
      close: () => {
        this.openViews--
      },
    }
  }

  #find(account: string, files: Readonly<Record<string, Uint8Array>>, path: string): FtpNode | null {
    const [first, second, ...rest] = path === "/" ? [] : path.slice(1).split("/")
    if (first === undefined) return this.#directory(account, files, "/")
    if (first === ".gprs") {
      if (second === undefined) return this.#directory(account, files, ".gprs")
      return rest.length > 0 ? null : this.#file(account, files, second)
    }
    return second === undefined ? this.#file(account, files, first) : null
  }

  #directory(account: string, files: Readonly<Record<string, Uint8Array>>, name: string): FtpDirectory {
    const children = (): readonly FtpNode[] =>
      Object.keys(files).flatMap((name) => this.#file(account, files, name) ?? [])
    return { kind: "directory", name, modifiedAt: this.modifiedAt, children }
  }

  #file(account: string, files: Readonly<Record<string, Uint8Array>>, name: string): FtpFile | null {
    const bytes = Object.hasOwn(files, name) ? files[name] : undefined
    if (bytes === undefined) return null
    return {
      kind: "file",
      name,
      sizeBytes: bytes.length,
      modifiedAt: this.modifiedAt,
      open: (): TransferContent => {
        this.opened.push(name)
        const { fault } = this
        if (fault === "open") throw new Error("a planned fault")
        return {
          sizeBytes: bytes.length,
          read: (offset, maxBytes) =>
            fault === "read" ? new Uint8Array(0) : bytes.subarray(offset, offset + maxBytes),
          progress: (offset) => void this.progress.push(offset),
          finished: (end) => {
            this.ends.push({ ...end, account, name })
            if (fault === "finished") throw new Error("a planned fault")
          },
        }
      },
    }
  }
}

export function passwordOf(user: string): string {
  return user.split("").reverse().join("")
}
