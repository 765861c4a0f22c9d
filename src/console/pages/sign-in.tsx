import { type FormEvent, useState } from "react"
import { signIn, signInByToken } from "../live/session.ts"
import { Button } from "../parts/button.tsx"
import { Field, inputClass } from "../parts/dialog.tsx"
import styles from "./sign-in.module.css"

/** Asks for user and password, or for a token, when the browser has no session. */
export function SignIn() {
  const [byToken, setByToken] = useState(false)
  const [user, setUser] = useState("")
  const [secret, setSecret] = useState("")
  const [trouble, setTrouble] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const isWhole = secret.trim() !== "" && (byToken || user !== "")

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
