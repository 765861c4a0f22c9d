/** Who may do what: each role may do what those before it may. */
export const roles = {
  viewer: "sees devices, releases, rollouts and channels, and no secret",
  operator:
    "adds, changes and removes devices, sees what goes into them, starts and steers rollouts of published releases",
  releaser: "publishes and withdraws releases, and sets channels",
  admin: "makes users, tokens and webhooks, reads the audit log, takes backups",
} as const satisfies Readonly<Record<string, string>>

export type Role = keyof typeof roles

const ladder = Object.keys(roles) as readonly Role[]

/** Whether `role` may do what needs `needed`. */
export function reaches(role: Role, needed: Role): boolean {
  return ladder.indexOf(role) >= ladder.indexOf(needed)
}

/** What somebody may do, and with which devices. */
export interface Rights {
  readonly role: Role
  /** The group expression of the devices that they see and touch; null = all of them. */
  readonly group: string | null
}

/** What settings may ask a second person's approval for, and what waits until then. */
export const fourEyesDeeds = {
  release: "a release that somebody published is offered to nobody",
  rollout: "a rollout that somebody started offers nothing",
  "roll-back": "a rollout that somebody takes back ends at once, and its way back offers nothing",
} as const satisfies Readonly<Record<string, string>>

export type FourEyesDeed = keyof typeof fourEyesDeeds

/** A token for programs and people. Its text is told once; the server keeps a hash. Times are ms since 1970 UTC. */
export interface ApiToken extends Rights {
  readonly id: string
  /** What events call whoever holds it. */
  readonly name: string
  /** SHA-256 of the secret part, hex: the secret has more than 150 random bits, which nobody finds by trying. */
  readonly hash: string
  readonly createdAt: number
  /** It is worth nothing from then on; null = it does not expire. */
  readonly expiresAt: number | null
  readonly revokedAt: number | null
}

/** Somebody who logs in. Times are ms since 1970 UTC. */
export interface User extends Rights {
  /** What events call them. */
  readonly name: string
  /** argon2id, in the PHC form; null = they log in by the identity provider alone. */
  readonly passwordHash: string | null
  /** How the identity provider knows them; null = it does not. */
  readonly subject: string | null
  readonly createdAt: number
}

/** A login that lasts. Its text is the browser's cookie, or what `waft login` keeps; the server has its hash. */
export interface Session {
  readonly id: string
  /** `user`: a user's name. `token`: a token's id, or `admin` for the first token. */
  readonly owner: { readonly kind: "user" | "token"; readonly id: string }
  /** Hash of the password's hash or of the token that it was opened with: when that is another, the session is over. */
  readonly basis: string
  /** SHA-256 of its secret, hex. */
  readonly hash: string
  readonly createdAt: number
  readonly expiresAt: number
  /** The address that it was opened from, and what the browser or program calls itself. */
  readonly from: string
  readonly browser: string
}

/** Somebody else's server that is told of events. */
export interface Webhook {
  readonly name: string
  /** http or https, without credentials. */
  readonly url: string
  /** Kinds of events, with `*` for any rest: `rollout.*`. */
  readonly kinds: readonly string[]
  /** Base64 of the key that signs what it is told. */
  readonly secret: string
  readonly createdAt: number
}

/** How far a webhook has come, and how it fares. */
export interface WebhookStanding {
  readonly name: string
  /** Running number of the last event that it was told of, or that was none of its kinds. */
  readonly seq: number
  /** `given-up`: nothing is tried until somebody says so. */
  readonly state: "working" | "failing" | "given-up"
  /** When the tries began to fail; null = the last one went well. */
  readonly failingSince: number | null
  /** Tries that failed one after another. */
  readonly failures: number
  /** Why the last one failed, in words. */
  readonly trouble: string | null
  readonly deliveredAt: number | null
}
