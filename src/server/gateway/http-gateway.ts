import type { HttpSide } from "../../core/families/family.ts"
import type { DeviceAccess } from "../../core/domain/records.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { isSameText } from "./is-same-text.ts"
import { familyOf } from "../fleet/families.ts"
import { type AnsweredNotice, type LiveChannel, type LiveDevice, offeredBy, offeredTo } from "../fleet/live-fleet.ts"
import { ticketChars } from "../fleet/make-offers.ts"
import { noteRead } from "../fleet/order-erase.ts"
import type { DeviceHttpHost, HttpFile, HttpNode, HttpNotice } from "../transports/http/device-http-host.ts"
import type { Origin } from "../transports/http/origin.ts"
import { type FileSide, type GatewayNeeds, LoginSession, type SessionFile, ticketFiles } from "./login-session.ts"

export type HttpGatewayNeeds = GatewayNeeds & {
  /** Scheme, host and port as devices reach the listener; null = the address at which each request came. */
  readonly deviceUrl: string | null
}

/** Where the directories of devices stand: `/d/<key>/<name>`. The key is the device's alone and cannot be guessed. */
export const devicePrefix = "/d/"

const path = /^\/d\/([A-Za-z0-9_-]{8,64})\/([A-Za-z0-9._-]{1,100})$/

/** The URL that stands in a device's configuration; null = that login has none. */
export function noticeUrl(
  needs: Pick<GatewayNeeds, "live" | "families">,
  key: string,
  deviceUrl: string,
): string | null {
  const login = needs.live.logins.get(key)
  if (login === undefined) return null
  const side = familyOf(needs.families, login.kind === "device" ? login.device.family : login.channel.family).http
  return side === undefined ? null : `${deviceUrl}${devicePrefix}${key}/${side.noticeName}`
}

/** Where the package of one-time credentials stands: `/p/<user><secret>/<name>`. */
const ticketPath = new RegExp(`^/p/([A-Za-z0-9]{${ticketChars}})([A-Za-z0-9]{${ticketChars}})/([A-Za-z0-9._-]{1,64})$`)

/** The directory of one-time credentials, with a final slash. */
export function ticketDirectory(deviceUrl: string, { user, secret }: DeviceAccess): string {
  return `${deviceUrl}/p/${user}${secret}/`
}

function ticketNode(
  needs: HttpGatewayNeeds,
  [, user = "", secret = "", name]: RegExpExecArray,
  { id, peer }: { readonly id: string; readonly peer: string },
): HttpNode | null {
  const live = needs.live.tickets.get(user)
  if (live === undefined || !isSameText(secret, live.update?.ticket?.secret ?? "")) return null
  const session = new LoginSession(needs, live, id, peer)
  const found = session.files(ticketFiles(session.family)).find(({ file }) => file.name === name)
  return found?.file.role === "image" ? fileNode(session, found, found.file.image) : null
}

const noState: JsonObject = {}
const contentType = "application/json"

/**
 * Joins the device HTTP server to the fleet: URL -> device or channel -> family -> files; transfers -> facts. A device that
 * is offered nothing new is answered from memory: its notice is made once and kept until something changes.
 */
export function httpGateway(needs: HttpGatewayNeeds): DeviceHttpHost {
  let sessions = 0
  return {
    find: (requested, origin) => {
      const ticket = ticketPath.exec(requested)
      if (ticket !== null) return ticketNode(needs, ticket, { id: `http-${++sessions}`, peer: origin.peer })
      const [, key = "", name = ""] = path.exec(requested) ?? []
      const login = needs.live.logins.get(key)
      if (login === undefined) return null
      const side = familyOf(needs.families, login.kind === "device" ? login.device.family : login.channel.family).http
      if (side === undefined) return null
      const directoryUrl = `${needs.deviceUrl ?? originUrl(origin)}${devicePrefix}${key}/`
      const notice =
        name === side.noticeName ? currentNotice(needs, side, { login, directoryUrl, before: login.answered }) : null
      if (notice !== null && notice !== login.answered) login.answered = notice
      if (notice?.isQuiet === true) {
        noteQuietPoll(needs, login, origin.peer)
        return { kind: "notice", contentType, content: notice.content }
      }
      const session = new LoginSession(needs, login, `http-${++sessions}`, origin.peer)
      if (notice !== null) return noticeNode(needs, session, login, notice)
      return imageNode(session, side, { login, name, directoryUrl })
    },
  }
}

function stateOf(login: LiveDevice | LiveChannel): JsonObject {
  return login.kind === "device" ? login.device.familyState : noState
}

function fileSide(side: HttpSide, login: LiveDevice | LiveChannel, directoryUrl: string): FileSide {
  return (offered) => side.files({ offered, familyState: stateOf(login), directoryUrl })
}

interface Wanted {
  readonly login: LiveDevice | LiveChannel
  readonly directoryUrl: string
  readonly before: AnsweredNotice | null
}

function currentNotice(needs: GatewayNeeds, side: HttpSide, { login, directoryUrl, before }: Wanted): AnsweredNotice {
  const offered = login.kind === "device" ? offeredTo(needs.live, login) : offeredBy(login)
  const familyState = stateOf(login)
  const isSame =
    before !== null &&
    before.familyState === familyState &&
    before.directoryUrl === directoryUrl &&
    before.offered?.updateId === offered?.updateId &&
    before.offered?.releaseId === offered?.releaseId &&
    before.offered?.offer === offered?.offer
  if (isSame) return before
  const file = side.files({ offered, familyState, directoryUrl }).find(({ role }) => role === "notice")
  if (file?.role !== "notice") throw new Error("a family over HTTP always has a notice")
  const content = Buffer.from(file.content).toString("latin1")
  const isRemembered = login.kind === "device" && (side.afterRead?.(familyState) ?? familyState) !== familyState
  const isQuiet = offered === null && !isRemembered
  return {
    offered,
    familyState,
    directoryUrl,
    file: isQuiet ? null : file,
    content,
    isRemembered,
    isQuiet,
  }
}

/** What every poll leaves behind, and a quiet one nothing else. */
function noteQuietPoll({ live }: GatewayNeeds, login: LiveDevice | LiveChannel, peer: string): void {
  if (login.reading !== null) login.reading = null
  if (login.kind === "device") live.touch(login, peer)
  else login.polls++
}

function noticeNode(
  needs: HttpGatewayNeeds,
  session: LoginSession,
  login: LiveDevice | LiveChannel,
  { file, offered, content, isRemembered }: AnsweredNotice,
): HttpNotice {
  const node = { kind: "notice", contentType, content } as const
  const hold = file === null ? null : session.open({ file, offered }, 0)
  if (hold === null || hold instanceof Promise) return node
  const complain = (error: unknown): void => needs.complain(`a device's poll was not recorded`, error)
  return {
    ...node,
    read: () => {
      const end = { from: 0, to: content.length, whole: true }
      Promise.resolve(hold.finished(end)).catch(complain)
      if (isRemembered && login.kind === "device") noteRead(needs, login).catch(complain)
    },
  }
}

function imageNode(
  session: LoginSession,
  side: HttpSide,
  wanted: { readonly login: LiveDevice | LiveChannel; readonly name: string; readonly directoryUrl: string },
): HttpNode | null {
  const files = session.files(fileSide(side, wanted.login, wanted.directoryUrl))
  const found = files.find(({ file }) => file.role === "image" && file.name === wanted.name)
  return found?.file.role === "image" ? fileNode(session, found, found.file.image) : null
}

function fileNode(
  session: LoginSession,
  found: SessionFile,
  image: { readonly sha256: string; readonly sizeBytes: number },
): HttpFile {
  return {
    kind: "file",
    contentType: "application/octet-stream",
    sizeBytes: image.sizeBytes,
    entityTag: image.sha256.slice(0, 32),
    open: (offset) => session.open(found, offset),
  }
}

/** Devices send their Host header without a port, so the socket's own address is asked. */
export function originUrl({ isTls, localHost, localPort }: Origin): string {
  const host = localHost.includes(":") ? `[${localHost}]` : localHost
  return `${isTls ? "https" : "http"}://${host}:${localPort}`
}
