import type { Role } from "../domain/people.ts"

/** How the group of a token or user limits a call: all of them are said here, and the server does nothing else. */
export const reachWords = {
  everything: "does not limit it: it touches no device",
  listed: "leaves in the answer what lies in the group",
  device: "has to have the device in it; any other is answered as one that does not exist",
  "new-devices": "has to have every device of the body in it, or nothing happens",
  chosen: "has to have every device in it that the body chooses, or nothing happens; without a choice it is the choice",
  rollout: "has to have every device of the rollout in it",
  fleet: "bars it: it is for those alone who have the whole fleet",
} as const satisfies Readonly<Record<string, string>>

export type Reach = keyof typeof reachWords

/** Who may make a call. */
export interface Permit {
  readonly role: Role
  readonly reach: Reach
}

/** One line an endpoint: the least role, and how a group limits it. */
export const permit = (role: Role, reach: Reach): Permit => ({ role, reach })
