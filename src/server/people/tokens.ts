import { tokenActor } from "../../core/domain/actor.ts"
import type { ApiToken, Role } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { FleetNeeds, OnBehalf } from "../fleet/fleet-needs.ts"
import { plainGroup } from "../fleet/group-context.ts"
import type { Caller } from "./caller.ts"
import type { Passwords } from "./passwords.ts"
import { hashOf, isHashOf, partsOf, textOf } from "./secrets.ts"

export interface PeopleNeeds
  extends Pick<FleetNeeds, "clock" | "store" | "events" | "live" | "randomText" | "families"> {
  readonly passwords: Passwords
  /** SHA-256 of the first token, hex. */
  readonly firstTokenHash: string
  /** A session is over after so long, ms. */
  readonly sessionMs: number
}
type Needs = PeopleNeeds & OnBehalf

export interface TokenWish {
  readonly name: string
  readonly role: Role
  readonly group?: string | null | undefined
  readonly expiresInMs?: number | undefined
}

/** A token and its text, which nobody can be told again. */
export interface NewToken {
  readonly token: ApiToken
  readonly text: string
}

/** Makes a token. Refuses `token-exists`, `bad-rights`, `bad-group`. */
export async function createToken(needs: Needs, wish: TokenWish): Promise<NewToken> {
  const { name, role, expiresInMs } = wish
  checkName(name)
  if (liveTokens(needs).some((token) => token.name === name)) throw new Refusal("token-exists", { name })
  const group = checkedGroup(needs, role, wish.group ?? null)
  const at = needs.clock.now()
  const secret = needs.randomText(32)
  const token: ApiToken = {
    id: `t-${needs.randomText(8)}`,
    name,
    role,
    group,
    hash: hashOf(secret),
    createdAt: at,
    expiresAt: expiresInMs === undefined ? null : at + expiresInMs,
    revokedAt: null,
  }
  const reach = group === null ? "the whole fleet" : `the devices of ${group}`
  const sentence = `The token ${name} was made: ${role}, ${reach}.`
  await put(needs, token, eventOf({ at, kind: "token.created", sentence, data: { name, role, group } }))
  return { token, text: textOf(token, secret) }
}

/** Takes a token back, at once. */
export async function revokeToken(needs: Needs, idOrName: string): Promise<ApiToken> {
  const token = tokenBy(needs, idOrName)
  if (token.revokedAt !== null) return token
  const at = needs.clock.now()
  const revoked = { ...token, revokedAt: at }
  await put(needs, revoked, eventOf({ at, kind: "token.revoked", sentence: `The token ${token.name} was revoked.` }))
  return revoked
}

/** Gives a token a new text; the old one is worth nothing at once. */
export async function rotateToken(needs: Needs, idOrName: string): Promise<NewToken> {
  const old = tokenBy(needs, idOrName)
  if (old.revokedAt !== null) throw new Refusal("no-such-token", { token: idOrName })
  const secret = needs.randomText(32)
  const token = { ...old, hash: hashOf(secret) }
  const at = needs.clock.now()
  await put(needs, token, eventOf({ at, kind: "token.rotated", sentence: `The token ${token.name} got a new text.` }))
  return { token, text: textOf(token, secret) }
}

/** Whoever holds the token of this text; null = it is none, or none any more. */
export function callerByToken({ live, clock }: Pick<PeopleNeeds, "live" | "clock">, text: string): Caller | null {
  const { id, secret } = partsOf(text)
  const token = live.tokens.get(id)
  if (token === undefined || !isHashOf(token.hash, secret) || !isWorth(token, clock.now())) return null
  return callerOfToken(token)
}

/** Whether a token is worth something still. */
export function isWorth({ revokedAt, expiresAt }: ApiToken, now: number): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > now)
}

/** Whoever holds that token. */
export function callerOfToken({ id, name, role, group }: ApiToken): Caller {
  return { ...tokenActor(name), role, group, tokenId: id }
}

async function put(needs: Needs, token: ApiToken, event: ReturnType<typeof eventOf>): Promise<void> {
  await commit(needs, needs.actor, [{ put: "token", token }, event])
}

function liveTokens({ live }: Pick<PeopleNeeds, "live">): readonly ApiToken[] {
  return [...live.tokens.values()].filter(({ revokedAt }) => revokedAt === null)
}

/** By id, or by the name of one that is not revoked. */
function tokenBy(needs: Pick<PeopleNeeds, "live">, idOrName: string): ApiToken {
  const found = needs.live.tokens.get(idOrName) ?? liveTokens(needs).find(({ name }) => name === idOrName)
  if (found === undefined) throw new Refusal("no-such-token", { token: idOrName })
  return found
}

/** A name that events can carry: `admin` is whoever holds the first token. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name) && name !== "admin") return
  const detail =
    name === "admin"
      ? "The name admin is that of the first token; choose another."
      : `"${name.slice(0, 70)}" cannot be a name here: it takes 1 to 64 letters, digits, '.', '_', '@' or '-', and begins with a letter or digit.`
  throw new Refusal("bad-rights", { detail })
}

/** A group that rights can be limited to. */
export function checkedGroup(
  needs: Pick<PeopleNeeds, "families" | "clock" | "live">,
  role: Role,
  group: string | null,
): string | null {
  if (group === null) return null
  if (role === "admin")
    throw new Refusal("bad-rights", { detail: "An admin has the whole fleet; leave the group out." })
  plainGroup(needs, group)
  return group
}
