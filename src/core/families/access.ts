import type { JsonObject } from "../kit/json.ts"
import type { DeviceAccess } from "../domain/records.ts"

/** How a family's devices are let in, and what an operator puts where for that. */
export interface AccessSide {
  /** What is put where: "login into the device". */
  readonly words: string
  /** Whether devices, or agents beside them, may add themselves with an enrolment's token. */
  readonly enrols: boolean
  /** Whether its credentials are the token of an agent, which calls the agent API. */
  readonly hasAgent: boolean
  /** Credentials of a new device or channel. A sentence says what is wrong with those that were asked for. */
  readonly make: (wish: AccessWish) => DeviceAccess | { readonly fault: string }
  /** Whether user and secret may be chosen: they stand in devices already. */
  readonly hasLogin: boolean
  /** What the operator is handed. */
  readonly view: (given: AccessGiven) => AccessView
  /** The same in a line, without the device's name. */
  readonly sentence: (view: AccessView) => string
  /** How a virtual device on the server's own machine is set up; `listeners`: host and port of each. */
  readonly settings: (view: AccessView, listeners: Readonly<Record<string, string>>) => Readonly<Record<string, string>>
}

export interface AccessWish {
  /** Of the device or channel. */
  readonly id: string
  /** Credentials that stand in the device already, or those that it has. */
  readonly user?: string | undefined
  readonly secret?: string | undefined
  /** Text that nobody can guess, letters and digits. */
  readonly random: (length: number) => string
  /** Whether somebody else has that login. */
  readonly isTaken: (user: string) => boolean
}

export interface AccessGiven {
  readonly id: string
  readonly access: DeviceAccess
  /** Scheme, host and port of the device HTTP listener as devices reach it. */
  readonly deviceUrl: string
  /** What is remembered of the device; absent = it is a channel. */
  readonly familyState?: JsonObject
}

/** The fields beside `id` of what a device's access looks like in the management API. */
export interface AccessView {
  readonly ftp?: { readonly user: string; readonly password: string }
  readonly manifestUrl?: string
  readonly agent?: { readonly server: string; readonly token: string }
  readonly [kind: string]: unknown
}

/** A Waspmote's AT command holds host, port, user and password in 100 bytes: both stay at 20 characters or fewer. */
const loginPattern = /^[\x21-\x7e]{1,20}$/
const forbiddenInLogin = /[",;:@/\\]/
const isLoginText = (text: string): boolean => loginPattern.test(text) && !forbiddenInLogin.test(text)

/** An FTP user and password that modems can carry in an AT command and in a URL. */
export const ftpLogin: AccessSide = {
  words: "login into the device",
  enrols: false,
  hasAgent: false,
  hasLogin: true,
  make: ({ id, user, secret, random, isTaken }) => {
    const own = isLoginText(id) && !isTaken(id) ? id : `w-${random(10)}`
    const access = { user: user ?? own, secret: secret ?? random(12) }
    for (const [what, text] of [
      ["FTP user", access.user],
      ["FTP password", access.secret],
    ] as const) {
      if (!isLoginText(text)) {
        return {
          fault: `The ${what} takes 1 to 20 printable characters without blank and without any of " , ; : @ / \\ because modems put it into one AT command of 100 bytes.`,
        }
      }
    }
    return access
  },
  view: ({ access: { user, secret } }) => ({ ftp: { user, password: secret } }),
  sentence: ({ ftp }) => `FTP user ${ftp?.user ?? ""}, password ${ftp?.password ?? ""}`,
  settings: ({ ftp }, listeners) => ({
    ftp: listeners["ftp"] ?? "",
    user: ftp?.user ?? "",
    password: ftp?.password ?? "",
  }),
}

/** The part of a manifest URL that nobody can guess, alone or in the URL. */
const urlKey = /^(?:https?:\/\/\S+\/)?(url-[A-Za-z0-9]{20})(?:\/\S*)?$/

/** A URL of the device's own, whose path holds 99 bits that nobody can guess. */
export function secretUrl(pathOf: (key: string) => string): AccessSide {
  return {
    words: "manifest URL into the device",
    enrols: false,
    hasAgent: false,
    hasLogin: false,
    make: ({ random, user, secret = random(20) }) => {
      if (user === undefined) return { user: `url-${random(20)}`, secret }
      const key = urlKey.exec(user)?.[1]
      return key === undefined
        ? {
            fault:
              "The user of a manifest URL is url- and 20 letters or digits: give that part of it, or the URL whole.",
          }
        : { user: key, secret }
    },
    view: ({ access, deviceUrl }) => ({ manifestUrl: `${deviceUrl}${pathOf(access.user)}` }),
    sentence: ({ manifestUrl }) => `manifest ${manifestUrl ?? ""}`,
    settings: ({ manifestUrl = "" }, listeners) => ({
      url: `http://${listeners["device-http"] ?? ""}${/^https?:\/\/[^/]*(.*)$/.exec(manifestUrl)?.[1] ?? ""}`,
    }),
  }
}

/** A bearer token of the agent beside the device: two halves with a dot between. */
export const agentToken: AccessSide = {
  words: "token into the agent beside it",
  enrols: true,
  hasAgent: true,
  hasLogin: false,
  make: ({ random, user, secret }) => {
    if (user === undefined) return { user: `agent-${random(10)}`, secret: secret ?? random(32) }
    if (!/^agent-[A-Za-z0-9]{10}$/.test(user) || !/^[A-Za-z0-9_-]{20,80}$/.test(secret ?? "")) {
      return {
        fault:
          "To give an agent its token back, the user is the part before the dot (agent-…) and the secret the part behind it.",
      }
    }
    return { user, secret: secret ?? "" }
  },
  view: ({ access: { user, secret }, deviceUrl }) => ({ agent: { server: deviceUrl, token: `${user}.${secret}` } }),
  sentence: ({ agent }) => `waft agent run --server ${agent?.server ?? ""} --token ${agent?.token ?? ""} --port PORT`,
  settings: ({ agent }, listeners) => ({
    agent: `http://${listeners["device-http"] ?? ""}`,
    token: agent?.token ?? "",
  }),
}
