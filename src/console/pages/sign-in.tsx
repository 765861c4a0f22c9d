import { type FormEvent, useEffect, useState } from "react"
import type { RefusalCode } from "../../core/domain/refusal.ts"
import { identityProvider, providerRefusal, signIn, signInByToken } from "../live/session.ts"
import { Button, buttonClass } from "../parts/button.tsx"
import { Field, inputClass } from "../parts/dialog.tsx"
import styles from "./sign-in.module.css"

/** Asks for user and password, or for a token, when the browser has no session. */
export function SignIn() {
  const [byToken, setByToken] = useState(false)
  const [user, setUser] = useState("")
  const [secret, setSecret] = useState("")
  const [trouble, setTrouble] = useState(whyRefused(providerRefusal()))
  const [provider, setProvider] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const isWhole = secret.trim() !== "" && (byToken || user !== "")

  useEffect(() => {
    identityProvider().then(
      (found) => setProvider(found?.title ?? null),
      () => undefined,
    )
  }, [])
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (!isWhole || isBusy) return
    setBusy(true)
    setTrouble(null)
    ;(byToken ? signInByToken(secret) : signIn(user, secret))
      .catch((error: unknown) => setTrouble((error as Error).message))
      .finally(() => setBusy(false))
  }
  const changeMeans = (): void => {
    setByToken(!byToken)
    setSecret("")
    setTrouble(null)
  }
  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={submit}>
        <h1>Sign in to Waft</h1>
        {provider === null ? null : (
          <a className={buttonClass("default")} href="/api/oidc/begin">
            Sign in with {provider}
          </a>
        )}
        {byToken ? (
          <p className="muted">
            The server prints a link with its token when it starts. The token also stands in the file{" "}
            <span className="mono">admin-token</span> of its data folder.
          </p>
        ) : (
          <Field label="User">
            <input
              className={inputClass}
              value={user}
              onChange={({ target }) => setUser(target.value)}
              autoComplete="username"
            />
          </Field>
        )}
        <Field label={byToken ? "Token" : "Password"}>
          <input
            className={inputClass}
            type="password"
            value={secret}
            onChange={({ target }) => setSecret(target.value)}
            autoComplete={byToken ? "off" : "current-password"}
          />
        </Field>
        {trouble === null ? null : <p role="alert">{trouble}</p>}
        <Button kind="primary" type="submit" disabled={!isWhole || isBusy}>
          Sign in
        </Button>
        <Button kind="quiet" type="button" onClick={changeMeans}>
          {byToken ? "With a user's password instead" : "With a token instead"}
        </Button>
      </form>
    </main>
  )
}

/** What came of a sign-in at the identity provider, for whoever is back from there. */
const refusals: Partial<Record<RefusalCode, string>> = {
  "not-a-user":
    "The identity provider knows you, but you have no rights here. Ask an admin: the audit log has your sign-in.",
  "user-exists":
    "Somebody else has your name here already. Ask an admin to give that user your subject: the audit log has it.",
  "sign-in-over": "That sign-in took too long, or was begun in another browser. Try again.",
  busy: "The server has many sign-ins to wait for. Try again in a few seconds.",
}

function whyRefused(code: RefusalCode | null): string | null {
  if (code === null) return null
  return (
    refusals[code] ?? "The identity provider could not be asked, or its answer is not sound. The server's log says why."
  )
}
