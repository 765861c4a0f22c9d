import type { FtpSide } from "../../core/families/family.ts"
import type { FtpDirectory, FtpFile, FtpHost, FtpNode, FtpView } from "../transports/ftp/ftp-host.ts"
import { isSameText } from "./is-same-text.ts"
import { type GatewayNeeds, LoginSession, type SessionFile, ticketFiles } from "./login-session.ts"

/** Joins the FTP server to the fleet: login -> device or channel -> family -> files; transfers -> facts. */
export function ftpGateway(needs: GatewayNeeds): FtpHost {
  let sessions = 0
  return {
    isUsual: (user, peer) => {
      const login = needs.live.logins.get(user)
      return login?.kind === "device" && login.peer === peer
    },
    login: (user, password, peer) => {
      const login = needs.live.logins.get(user)
      if (login === undefined) return ticketView(needs, { user, password, peer, id: `ftp-${++sessions}` })
      const { secret } = login.kind === "device" ? login.device.access : login.channel.access
      if (!isSameText(password, secret)) return null
      const session = new LoginSession(needs, login, { id: `ftp-${++sessions}`, peer })
      const { ftp } = session.family
      if (ftp === undefined) return null
      return new OfferView(session, ftp, { account: user, maxSessions: login.kind === "device" ? 8 : 5000 })
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
  return new OfferView(session, { directoryAliases: [], files }, { account: user, maxSessions: 8 })
}

class OfferView implements FtpView {
  readonly account: string
  readonly maxSessions: number
  readonly #session: LoginSession
  readonly #side: FtpSide

  constructor(
    session: LoginSession,
    side: FtpSide,
    { account, maxSessions }: { readonly account: string; readonly maxSessions: number },
  ) {
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

  hear(verb: string): void {
    this.#session.hear(verb)
  }

  contested(): void {
    this.#session.contested()
  }

  close(): void {
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

  #node(found: SessionFile): FtpFile {
    const { file } = found
    return {
      kind: "file",
      name: file.name,
      sizeBytes: file.role === "notice" ? file.content.length : file.image.sizeBytes,
      modifiedAt: new Date(this.#session.changedAt),
      open: (from) => this.#session.open(found, from),
    }
  }
}
