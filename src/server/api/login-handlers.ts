import type { LoginView, SessionView, UserView } from "../../core/contract/schemas.ts"
import type { Session, User } from "../../core/domain/people.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { LimitHits } from "../../core/kit/limits.ts"
import { actorOf, type Caller } from "../people/caller.ts"
import { endSession, login, type OpenedSession, openForToken, sessionsFor } from "../people/sessions.ts"
import type { IdentityProvider } from "../people/sign-in.ts"
import type { PeopleNeeds } from "../people/tokens.ts"
import { changePassword, createUser, removeUser, setUser } from "../people/users.ts"
import type { Around, Handlers } from "./handler.ts"
import { smallPage } from "./page.ts"
import { LoginGuard } from "./login-guard.ts"

export interface LoginNeeds extends PeopleNeeds {
  /** Resolves after so long, ms. */
  readonly pause: (ms: number) => Promise<void>
  readonly hits: LimitHits
  /** Who else knows people; null = nobody. */
  readonly provider: IdentityProvider | null
}

type Names =
  | "login"
  | "loginMeans"
  | "openSession"
  | "logout"
  | "listSessions"
  | "revokeSession"
  | "changePassword"
  | "createUser"
  | "listUsers"
  | "setUser"
  | "removeUser"

/** Users, and their logins. */
export function loginHandlers(needs: LoginNeeds): Pick<Handlers, Names> {
  const { clock, pause, hits } = needs
  const guard = new LoginGuard({ clock, pause, hit: hits.hit })
  const by = (caller: Caller) => ({ ...needs, actor: actorOf(caller) })
  return {
    login: async ({ body: { user, password, keep = "cookie" } }, _caller, around) => {
      const { visit } = around
      const opened = await guard.admit(user, visit.from, () => login(needs, user, password, visit))
      return keep === "text" ? loginView(opened, opened.text) : kept(opened, around)
    },
    loginMeans: () => ({ provider: needs.provider === null ? null : { title: needs.provider.title } }),
    openSession: async (_call, caller, around) => kept(await openForToken(needs, caller, around.visit), around),
    logout: async (_call, caller, around) => {
      const { sessionId } = caller
      if (sessionId === undefined) throw new Refusal("no-such-session", { session: "of this call" })
      await endSession(needs, caller, sessionId)
      around.dropCookie()
      return { id: sessionId }
    },
    listSessions: ({ query }, caller) =>
      smallPage({
        rows: sessionsFor(needs, caller),
        query,
        sorts: { created: ({ createdAt }) => createdAt },
        idOf: ({ id }) => id,
        view: (session) => sessionView(needs, session, caller),
      }),
    revokeSession: async ({ params }, caller) => {
      const { id } = await endSession(needs, caller, (params as { id: string }).id)
      return { id }
    },
    changePassword: async ({ body: { from, to } }, caller, { visit }) => {
      const { kind, name } = caller
      if (kind !== "operator" || name === null) throw new Refusal("no-such-user", { user: "behind this token" })
      return userView(await guard.admit(name, visit.from, () => changePassword(by(caller), name, from, to)))
    },
    createUser: async ({ body: { name, ...wish } }, caller) => userView(await createUser(by(caller), name, wish)),
    listUsers: ({ query }) =>
      smallPage({
        rows: needs.live.users.values(),
        query,
        sorts: { name: ({ name }) => name, created: ({ createdAt }) => createdAt },
        idOf: ({ name }) => name,
        view: userView,
      }),
    setUser: async ({ params, body }, caller) =>
      userView(await setUser(by(caller), (params as { name: string }).name, body)),
    removeUser: async ({ params }, caller) => {
      const { name } = params as { name: string }
      await removeUser(by(caller), name)
      return { name }
    },
  }
}

function kept(opened: OpenedSession, { keepCookie }: Around): LoginView {
  keepCookie(opened.text, opened.session.expiresAt)
  return loginView(opened, null)
}

function loginView({ session, caller: { kind, name, role, group } }: OpenedSession, token: string | null): LoginView {
  return { kind, name, role, group, expiresAt: session.expiresAt, token }
}

function sessionView({ live }: Pick<PeopleNeeds, "live">, session: Session, caller: Caller): SessionView {
  const { id, owner, from, browser, createdAt, expiresAt } = session
  const name = owner.kind === "user" ? owner.id : (live.tokens.get(owner.id)?.name ?? owner.id)
  return { id, kind: owner.kind, name, from, browser, createdAt, expiresAt, isOwn: caller.sessionId === id }
}

function userView({ name, role, group, passwordHash, subject, createdAt }: User): UserView {
  return { name, role, group, hasPassword: passwordHash !== null, subject, createdAt }
}
