import { type Actor, userActor } from "../../core/domain/actor.ts"
import type { Session, User } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import { actorOf, type Caller, callerText, firstAdmin } from "./caller.ts"
import { hashOf, isHashOf, partsOf, textOf } from "./secrets.ts"
import { callerOfToken, isWorth, type PeopleNeeds } from "./tokens.ts"

/** Sessions of one user or token; the oldest gives way to the next. */
const mostSessions = 20

/** Where a login comes from. */
export interface Visit {
  readonly from: string
  /** What the browser or program calls itself, cleaned. */
  readonly browser: string
}

/** A session and its text, which nobody can be told again. */
export interface OpenedSession {
  readonly session: Session
  readonly caller: Caller
  readonly text: string
}

/** Opens a session for whoever knows a user's password. Refuses `wrong-login`, `busy`. */
export async function login(needs: PeopleNeeds, name: string, password: string, visit: Visit): Promise<OpenedSession> {
  const known = needs.live.users.get(name)
  const isRight = await needs.passwords.isRight(known?.passwordHash ?? null, password)
  const user = needs.live.users.get(name)
  if (user === undefined || !isRight || user.passwordHash !== known?.passwordHash) {
    if (user !== undefined) await tellRefused(needs, user, visit)
    throw new Refusal("wrong-login")
  }
  return openForUser(needs, user, visit)
}

/** Opens a session for a user who is known by other means. */
export function openForUser(needs: PeopleNeeds, user: User, visit: Visit): Promise<OpenedSession> {
  const caller = { ...userActor(user.name), role: user.role, group: user.group }
  return open(needs, caller, { kind: "user", id: user.name }, basisOf(user), visit)
}

/** Opens a session for whoever holds a token. Refuses `no-session` where the caller holds none. */
export function openForToken(needs: PeopleNeeds, caller: Caller, visit: Visit): Promise<OpenedSession> {
  const { tokenId } = caller
  const basis = tokenId === undefined ? undefined : tokenBasis(needs, tokenId)
  if (tokenId === undefined || basis === undefined || caller.sessionId !== undefined) throw new Refusal("no-token")
  return open(needs, caller, { kind: "token", id: tokenId }, basis, visit)
}

/** Whoever presents the text of a session; null = it is none, or is over. */
export function callerBySession(
  needs: Pick<PeopleNeeds, "live" | "clock" | "firstTokenHash">,
  text: string,
): Caller | null {
  const { id, secret } = partsOf(text)
  const session = needs.live.sessions.get(id)
  if (session === undefined || !isHashOf(session.hash, secret)) return null
  const caller = ownerOf(needs, session)
  return caller === null ? null : { ...caller, sessionId: id }
}

/** The sessions that a caller may see: their own, and all for an admin; the newest first. Those that are over are left out. */
export function sessionsFor(needs: PeopleNeeds, caller: Caller): readonly Session[] {
  const own = ownText(caller)
  return [...needs.live.sessions.values()]
    .filter((session) => ownerOf(needs, session) !== null)
    .filter((session) => caller.role === "admin" || ownText(ownerOf(needs, session)) === own)
    .reverse()
}

/** Ends a session of the caller's own, or anybody's for an admin. Refuses `no-such-session`. */
export async function endSession(needs: PeopleNeeds, caller: Caller, id: string): Promise<Session> {
  const session = sessionsFor(needs, caller).find((one) => one.id === id)
  if (session === undefined) throw new Refusal("no-such-session", { session: id })
  const whose = callerText(ownerOf(needs, session) ?? caller)
  const sentence = `A session of ${whose} was ended.`
  await commit(needs, actorOf(caller), [
    { remove: "session", id },
    eventOf({ at: needs.clock.now(), kind: "session.ended", sentence, data: { session: id } }),
  ])
  return session
}

const ownText = (caller: Caller | null): string => (caller === null ? "" : callerText(caller))

async function open(
  needs: PeopleNeeds,
  caller: Caller,
  owner: Session["owner"],
  basis: string,
  { from, browser }: Visit,
): Promise<OpenedSession> {
  const at = needs.clock.now()
  const secret = needs.randomText(40)
  const id = `s-${needs.randomText(10)}`
  const session: Session = {
    id,
    owner,
    basis,
    hash: hashOf(secret),
    createdAt: at,
    expiresAt: at + needs.sessionMs,
    from,
    browser,
  }
  const actor: Actor = { ...actorOf(caller), from }
  const sentence = `${sentenceStart(callerText(caller))} logged in.`
  await commit(needs, actor, [
    ...overOf(needs, owner).map((over) => ({ remove: "session" as const, id: over })),
    { put: "session", session },
    eventOf({ at, kind: "session.opened", sentence, data: { session: id, until: session.expiresAt } }),
  ])
  return { session, caller: { ...caller, sessionId: id }, text: textOf(session, secret) }
}

/** Sessions that are over, whoever's, and the oldest of an owner who has too many. */
function overOf(needs: PeopleNeeds, { kind, id }: Session["owner"]): readonly string[] {
  const all = [...needs.live.sessions.values()]
  const over = all.filter((session) => ownerOf(needs, session) === null)
  const own = all.filter(
    ({ owner }) => owner.kind === kind && owner.id === id && !over.some((one) => one.owner === owner),
  )
  return [...over, ...own.slice(0, Math.max(0, own.length - mostSessions + 1))].map((session) => session.id)
}

/** Whose a session is, with the rights that they have now; null = it is over. */
function ownerOf(
  { live, clock, firstTokenHash }: Pick<PeopleNeeds, "live" | "clock" | "firstTokenHash">,
  { owner, basis, expiresAt }: Session,
): Caller | null {
  if (expiresAt <= clock.now()) return null
  if (owner.kind === "user") {
    const user = live.users.get(owner.id)
    if (user === undefined || basisOf(user) !== basis) return null
    return { ...userActor(user.name), role: user.role, group: user.group }
  }
  if (owner.id === firstAdmin.tokenId) return firstTokenHash === basis ? firstAdmin : null
  const token = live.tokens.get(owner.id)
  if (token === undefined || token.hash !== basis || !isWorth(token, clock.now())) return null
  return callerOfToken(token)
}

function tokenBasis({ live, firstTokenHash }: PeopleNeeds, tokenId: string): string | undefined {
  return tokenId === firstAdmin.tokenId ? firstTokenHash : live.tokens.get(tokenId)?.hash
}

/** Another user of the same name, or another password, is another basis. */
function basisOf({ passwordHash, subject, createdAt }: User): string {
  return hashOf(`${passwordHash ?? ""} ${subject ?? ""} ${createdAt}`)
}

async function tellRefused(needs: PeopleNeeds, { name }: User, { from }: Visit): Promise<void> {
  const sentence = `Somebody at ${from} tried to log in as ${name} with a wrong password.`
  const event = eventOf({ at: needs.clock.now(), kind: "session.refused", sentence })
  await commit(needs, { kind: "engine", name: null, from }, [event])
}

function sentenceStart(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
