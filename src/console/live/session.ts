/**
 * Who the browser speaks as: a bearer token, kept for this tab's life alone. A link with the token in its fragment (which
 * browsers never send) signs in; the fragment is wiped at once, so that it stands in no history.
 */
const key = "waft.token"

let token = ""
const listeners = new Set<() => void>()

/** Takes the token out of the address, if there is one; called once, before anything is drawn. */
export function beginSession(): void {
  const fromLink = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1]
  if (fromLink !== undefined) {
    history.replaceState(null, "", location.pathname + location.search)
    signIn(decodeURIComponent(fromLink))
    return
  }
  token = sessionStorage.getItem(key) ?? ""
}

export function currentToken(): string {
  return token
}

export function signIn(given: string): void {
  token = given.trim()
  sessionStorage.setItem(key, token)
  for (const listener of listeners) listener()
}

export function signOut(): void {
  token = ""
  sessionStorage.removeItem(key)
  for (const listener of listeners) listener()
}

/** Calls `listener` whenever somebody signs in or out; returns how to end that. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
