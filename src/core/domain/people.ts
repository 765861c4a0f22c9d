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
