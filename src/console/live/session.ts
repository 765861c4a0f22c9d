import type { LoginMeansView } from "../../core/contract/schemas.ts"
import type { RefusalCode } from "../../core/domain/refusal.ts"

/**
 * Who the browser speaks as: the server keeps a session, and the browser its cookie, which no script can read. A link with a
 * token in its fragment (which browsers never send) signs in: the token is traded for a session at once, and the fragment is
 * wiped, so that it stands in no history.
 */
export type SessionState = "asking" | "signed-in" | "signed-out"

let state: SessionState = "asking"
let refused: RefusalCode | null = null
const listeners = new Set<() => void>()

/** Finds out whether this browser is signed in; called once, before anything is drawn. */
export async function beginSession(): Promise<void> {
  const fromLink = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1]
  if (fromLink !== undefined) {
    history.replaceState(null, "", location.pathname + location.search)
    await signInByToken(decodeURIComponent(fromLink)).catch(() => change("signed-out"))
    return
  }
  const code = /(?:^#|&)refused=([a-z-]{1,40})/.exec(location.hash)?.[1]
  if (code !== undefined) {
    history.replaceState(null, "", location.pathname + location.search)
    refused = code as RefusalCode
  }
  const response = await fetch("/api/sessions").catch(() => null)
  // A server that does not answer may do so later: the pages say that they are not connected.
  change(response === null || response.status !== 401 ? "signed-in" : "signed-out")
}

export function sessionState(): SessionState {
  return state
}

/** Why the sign-in at the identity provider came to nothing; null = there was none. */
export function providerRefusal(): RefusalCode | null {
  return refused
}

/** The identity provider of this server; null = it has none, or does not answer. */
export async function identityProvider(): Promise<LoginMeansView["provider"]> {
  const response = await fetch("/api/login").catch(() => null)
  if (response === null || !response.ok) return null
  return ((await response.json()) as LoginMeansView).provider
}

/** Rejects with the server's own sentence. */
export async function signIn(user: string, password: string): Promise<void> {
  await open("/api/login", { "content-type": "application/json" }, JSON.stringify({ user, password }))
}

/** Rejects with the server's own sentence. */
export async function signInByToken(token: string): Promise<void> {
  await open("/api/session", { authorization: `Bearer ${token.trim()}` })
}

async function open(path: string, headers: Record<string, string>, body?: string): Promise<void> {
  const response = await fetch(path, { method: "POST", headers, ...(body === undefined ? {} : { body }) })
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { readonly detail?: string }
    throw new Error(problem.detail ?? `The server answered with ${response.status}.`)
  }
  change("signed-in")
}

/** Ends the session, here and at the server. */
export async function signOut(): Promise<void> {
  await fetch("/api/logout", { method: "POST" }).catch(() => undefined)
  change("signed-out")
}

/** The server knows the session no longer. */
export function sessionOver(): void {
  change("signed-out")
}

function change(next: SessionState): void {
  if (next === state) return
  state = next
  for (const listener of listeners) listener()
}

/** Calls `listener` whenever somebody signs in or out; returns how to end that. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
