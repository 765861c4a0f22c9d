import type { FtpSide } from "../../core/families/family.ts"
import type { FtpDirectory, FtpFile, FtpHost, FtpNode, FtpView } from "../transports/ftp/ftp-host.ts"
import { isSameText } from "./is-same-text.ts"
import type { WireLog } from "../fleet/wire/wire-log.ts"
import { WireSession } from "../fleet/wire/wire-session.ts"
import type { TransferContent } from "../transports/content.ts"
import type { Tap } from "../transports/tap.ts"
import { endWords, type GatewayNeeds, LoginSession, type SessionFile, ticketFiles, watched } from "./login-session.ts"

/** Joins the FTP server to the fleet: login -> device or channel -> family -> files; transfers -> facts. */
export function ftpGateway(needs: GatewayNeeds): FtpHost {
  // Numbers begin anew with every start: no session of an earlier run has the name of a later one.
  const run = needs.randomText(8)
  let sessions = 0
  return {
    tap: (peer) => needs.wire?.begin("ftp", peer) ?? null,
    refused: (user, tap) => {
      const login = needs.live.logins.get(user)
      if (login?.kind !== "device" || !(tap instanceof WireSession)) return
      needs.wire?.attachRefused(tap, login.device.id)
      tap.said("note", "the login is a device's, and its password was refused")
    },
    isUsual: (user, peer) => {
      const login = needs.live.logins.get(user)
      return login?.kind === "device" && login.peer === peer
    },
    login: (user, password, peer) => {
      const login = needs.live.logins.get(user)
      if (login === undefined) return ticketView(needs, { user, password, peer, id: `ftp-${run}-${++sessions}` })
      const { secret } = login.kind === "device" ? login.device.access : login.channel.access
      if (!isSameText(password, secret)) return null
      const session = new LoginSession(needs, login, { id: `ftp-${run}-${++sessions}`, peer })
      const { ftp } = session.family
      if (ftp === undefined) return null
      const maxSessions = login.kind === "device" ? 8 : 5000
      return new OfferView(session, ftp, { account: user, maxSessions, wire: needs.wire })
    },
  }
}

interface TicketLogin {
  readonly user: string
  readonly password: string
  readonly peer: string
  readonly id: string
}

/** One-time credentials: one file, as long as the update stands. */
function ticketView(needs: GatewayNeeds, { user, password, peer, id }: TicketLogin): FtpView | null {
  const live = needs.live.tickets.get(user)
  if (!isSameText(password, live?.update?.ticket?.secret ?? "") || live === undefined) return null
  const session = new LoginSession(needs, live, { id, peer })
  const files = ticketFiles(session.family)
  return new OfferView(session, { directoryAliases: [], files }, { account: user, maxSessions: 8, wire: needs.wire })
}

interface OfOffer {
  readonly account: string
  readonly maxSessions: number
  readonly wire: WireLog | undefined
}

class OfferView implements FtpView {
  readonly account: string
  readonly maxSessions: number
  readonly #session: LoginSession
  readonly #side: FtpSide
  readonly #wire: WireLog | undefined
  #tap: Tap | null = null

  constructor(session: LoginSession, side: FtpSide, { account, maxSessions, wire }: OfOffer) {
    this.#wire = wire
    this.account = account
    this.maxSessions = maxSessions
    this.#session = session
    this.#side = side
  }

  find(path: string): FtpNode | null {
    const parts = path.split("/").filter((part) => part !== "")
    if (parts[0] !== undefined && this.#side.directoryAliases.includes(parts[0])) parts.shift()
    if (parts.length === 0) return this.#directory()
    if (parts.length > 1) return null
    const found = this.#files().find(({ file }) => file.name === parts[0])
    if (found === undefined) return null
    this.#session.askedAbout(found.file.role)
    return this.#node(found)
  }

  adopt(tap: Tap): void {
    const { deviceId } = this.#session
    if (deviceId === null || !(tap instanceof WireSession)) return
    this.#wire?.attach(tap, deviceId)
    this.#tap = tap
  }

  hear(verb: string): void {
    this.#session.hear(verb)
  }

  contested(): void {
    this.#session.contested()
  }

  close(): void {
    if (this.#tap !== null && this.#session.isVisitor)
      this.#tap.said("note", "whoever this was is no device of its family")
    this.#session.close()
  }

  #files(): readonly SessionFile[] {
    return this.#session.files(this.#side.files)
  }

  #directory(): FtpDirectory {
    return {
      kind: "directory",
      name: "/",
      modifiedAt: new Date(this.#session.changedAt),
      children: () => this.#files().map((found) => this.#node(found)),
    }
  }

  #opened(found: SessionFile, from: number): TransferContent | Promise<TransferContent> {
    const tap = this.#tap
    const content = this.#session.open(found, from)
    if (tap === null) return content
    const { name } = found.file
    const told = (one: TransferContent): TransferContent =>
      watched(one, (end) => tap.said("note", endWords(name, one.sizeBytes, end)))
    return content instanceof Promise ? content.then(told) : told(content)
  }

  #node(found: SessionFile): FtpFile {
    const { file } = found
    return {
      kind: "file",
      name: file.name,
      sizeBytes: file.role === "notice" ? file.content.length : file.image.sizeBytes,
      modifiedAt: new Date(this.#session.changedAt),
      open: (from) => this.#opened(found, from),
    }
  }
}
