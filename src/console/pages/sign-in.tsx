import { type FormEvent, useState } from "react"
import { signIn } from "../live/session.ts"
import { Button } from "../parts/button.tsx"
import { Field, inputClass } from "../parts/dialog.tsx"
import styles from "./sign-in.module.css"

/** Asks for the token when the address brought none. */
export function SignIn() {
  const [token, setToken] = useState("")
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (token.trim() !== "") signIn(token)
  }
  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={submit}>
        <h1>Sign in to Waft</h1>
        <p className="muted">
          The server prints a link with its token when it starts. The token also stands in the file{" "}
          <span className="mono">admin-token</span> of its data folder.
        </p>
        <Field label="Token">
          <input
            className={inputClass}
            type="password"
            value={token}
            onChange={({ target }) => setToken(target.value)}
            autoComplete="off"
          />
        </Field>
        <Button kind="primary" type="submit" disabled={token.trim() === ""}>
          Sign in
        </Button>
      </form>
    </main>
  )
}
