/** What a group expression can ask of a device. */
export interface GroupMember {
  readonly id: string
  readonly family: string
  readonly model: string
  readonly running: string | null
  readonly labels: Readonly<Record<string, string>>
  /** State of the update that is under way, or how the last one ended in trouble; absent = neither. */
  readonly state?: string | null
  /** Last contact, ms since 1970 UTC; absent = never. */
  readonly lastSeenAt?: number | null
}

/** A parsed group expression. */
export type Group = (member: GroupMember) => boolean

/** What the meaning of an expression depends on beside the device. */
export interface GroupContext {
  /** The order of two versions in a family; null = one of them is no version there. */
  readonly compareVersions: (family: string, a: string, b: string) => number | null
  /** Ms since 1970 UTC. */
  readonly now: () => number
  /** A saved group by its name; null = there is none. */
  readonly savedGroup: (name: string) => Group | null
}
