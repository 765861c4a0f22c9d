import type { Role, User } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { OnBehalf } from "../fleet/fleet-needs.ts"
import { checkedGroup, checkName, type PeopleNeeds } from "./tokens.ts"

type Needs = PeopleNeeds & OnBehalf

export interface UserWish {
  readonly role?: Role | undefined
  readonly group?: string | null | undefined
  readonly password?: string | undefined
  /** How the identity provider knows them. */
  readonly subject?: string | null | undefined
}

/** Makes a user. Refuses `user-exists`, `bad-rights`, `bad-group`, `bad-password`. */
export async function createUser(needs: Needs, name: string, wish: UserWish & { readonly role: Role }): Promise<User> {
  checkName(name)
  if (needs.live.users.has(name)) throw new Refusal("user-exists", { name })
  const { role, password } = wish
  const group = checkedGroup(needs, role, wish.group ?? null)
  const subject = checkedSubject(needs, name, wish.subject ?? null)
  if (password === undefined && subject === null) {
    throw new Refusal("bad-password", { detail: `${name} needs a password, or a subject at the identity provider.` })
  }
  const passwordHash = password === undefined ? null : await needs.passwords.hashOf(password)
  const at = needs.clock.now()
  const user: User = { name, role, group, passwordHash, subject, createdAt: at }
  if (needs.live.users.has(name)) throw new Refusal("user-exists", { name })
  const sentence = `The user ${name} was made: ${rightsText(user)}.`
  const event = eventOf({ at, kind: "user.created", sentence, data: { name, role, group } })
  await commit(needs, needs.actor, [{ put: "user", user }, event])
  return user
}

/** Changes a user's rights or password, at once; a new password ends their sessions. */
export async function setUser(needs: Needs, name: string, wish: UserWish): Promise<User> {
  userByName(needs, name)
  const passwordHash = wish.password === undefined ? undefined : await needs.passwords.hashOf(wish.password)
  const before = userByName(needs, name)
  const role = wish.role ?? before.role
  const group = checkedGroup(needs, role, wish.group === undefined ? before.group : wish.group)
  const subject = wish.subject === undefined ? before.subject : checkedSubject(needs, name, wish.subject)
  const user = { ...before, role, group, subject, ...(passwordHash === undefined ? {} : { passwordHash }) }
  const words = passwordHash === undefined ? "" : " with a new password"
  const sentence = `The user ${name} is ${rightsText(user)}${words}.`
  const event = eventOf({ at: needs.clock.now(), kind: "user.set", sentence, data: { name, role, group } })
  await commit(needs, needs.actor, [{ put: "user", user }, event])
  return user
}

/** Takes a user away with all their sessions. */
export async function removeUser(needs: Needs, name: string): Promise<void> {
  userByName(needs, name)
  const theirs = [...needs.live.sessions.values()].filter(({ owner }) => owner.kind === "user" && owner.id === name)
  await commit(needs, needs.actor, [
    { remove: "user", id: name },
    ...theirs.map(({ id }) => ({ remove: "session" as const, id })),
    eventOf({ at: needs.clock.now(), kind: "user.removed", sentence: `The user ${name} was removed.` }),
  ])
}

/** Somebody gives themselves another password. Refuses `bad-login` when the old one is wrong. */
export async function changePassword(needs: Needs, name: string, from: string, to: string): Promise<User> {
  const { passwordHash } = userByName(needs, name)
  if (!(await needs.passwords.isRight(passwordHash, from))) throw new Refusal("wrong-login")
  return setUser(needs, name, { password: to })
}

export function userByName({ live }: Pick<PeopleNeeds, "live">, name: string): User {
  const user = live.users.get(name)
  if (user === undefined) throw new Refusal("no-such-user", { user: name })
  return user
}

function rightsText({ role, group }: Pick<User, "role" | "group">): string {
  return `${role}, ${group === null ? "the whole fleet" : `the devices of ${group}`}`
}

/** One person at the identity provider is one user. */
function checkedSubject({ live }: PeopleNeeds, name: string, subject: string | null): string | null {
  if (subject === null) return null
  const other = [...live.users.values()].find((user) => user.subject === subject && user.name !== name)
  if (other === undefined) return subject
  throw new Refusal("bad-rights", { detail: `The identity provider's ${subject} is the user ${other.name} already.` })
}
