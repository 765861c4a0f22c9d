import { engine, userActor } from "../../core/domain/actor.ts"
import { cleanText } from "../../core/kit/clean-text.ts"
import type { User } from "../../core/domain/people.ts"
import { type Claims, type ClaimRights, nameByClaims, rightsByClaims } from "../../core/domain/provider-rights.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import { type OpenedSession, openForUser, type Visit } from "./sessions.ts"
import type { PeopleNeeds } from "./tokens.ts"
import { createUser, setUser } from "./users.ts"

/** Somebody else's server that knows people: an OpenID provider. */
export interface IdentityProvider {
  /** As people know it: its host. */
  readonly title: string
  /** What claims give; none = the users' own records say what they may do. */
  readonly rights: readonly ClaimRights[]
  /** Begins a sign-in that comes back to `redirectUri`. Rejects when the provider cannot be asked. */
  readonly begin: (redirectUri: string) => Promise<BegunSignIn>
  /** Ends it with the address that the browser was sent back to. Rejects whatever is not this sign-in's own good answer. */
  readonly finish: (begun: BegunSignIn, answer: URL) => Promise<Claims & { readonly sub: string }>
}

/** What has to be remembered between the two halves of a sign-in; all but `url` is a secret of the browser's and ours. */
export interface BegunSignIn {
  /** Where the browser goes. */
  readonly url: string
  readonly redirectUri: string
  /** RFC 7636 §4.1. */
  readonly verifier: string
  /** RFC 6749 §10.12. */
  readonly state: string
  /** OpenID Connect Core §3.1.2.1. */
  readonly nonce: string
}

type Needs = PeopleNeeds & { readonly provider: Pick<IdentityProvider, "rights"> }

/**
 * Opens a session for whoever the identity provider says has signed in. Where its claims give rights, they do so at
 * every sign-in, and make the user at the first; where not, a user's record has to name the subject. Refuses `not-a-user`, `user-exists`.
 */
export async function signInByClaims(
  needs: Needs,
  claims: Claims & { readonly sub: string },
  visit: Visit,
): Promise<OpenedSession> {
  const { sub } = claims
  const known = [...needs.live.users.values()].find(({ subject }) => subject === sub)
  const { rights } = needs.provider
  const given = rights.length === 0 ? known : rightsByClaims(rights, claims)
  if (given === undefined || given === null) {
    await tellUnknown(needs, claims, visit)
    throw new Refusal("not-a-user", { subject: sub })
  }
  const { role, group } = given
  return openForUser(needs, await userOf(needs, known, { role, group, claims, visit }), visit)
}

async function userOf(
  needs: Needs,
  known: User | undefined,
  { role, group, claims, visit }: Pick<User, "role" | "group"> & { readonly claims: Claims; readonly visit: Visit },
): Promise<User> {
  const name = known?.name ?? nameByClaims(claims)
  const by = { ...needs, actor: { ...userActor(name), from: visit.from } }
  if (known === undefined) return createUser(by, name, { role, group, subject: String(claims["sub"]) })
  return known.role === role && known.group === group ? known : setUser(by, name, { role, group })
}

async function tellUnknown(needs: Needs, claims: Claims & { readonly sub: string }, { from }: Visit): Promise<void> {
  const [who, subject] = [nameByClaims(claims), cleanText(claims.sub, "label")]
  const sentence = `${who} (subject ${subject}) signed in at the identity provider from ${from}, and has no rights here.`
  await commit(needs, { ...engine, from }, [eventOf({ at: needs.clock.now(), kind: "session.refused", sentence })])
}
