import { Dialog } from "@base-ui/react/dialog"
import { type FormEvent, type ReactNode, useState } from "react"
import { ApiError } from "../live/api.ts"
import { Button } from "./button.tsx"
import { classes } from "./classes.ts"
import styles from "./overlay.module.css"

interface FrameProps {
  readonly title: string
  readonly open: boolean
  readonly onClose: () => void
  readonly wide?: boolean
  readonly children: ReactNode
}

export function DialogFrame({ title, open, onClose, wide = false, children }: FrameProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Dialog.Portal>
        <Dialog.Backdrop className={styles.backdrop} />
        <Dialog.Popup className={classes(styles.dialog, wide && styles.wide)}>
          <Dialog.Title>{title}</Dialog.Title>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

interface ConfirmProps {
  readonly title: string
  /** One sentence: what it means. */
  readonly means: string
  /** What it touches, numbers first; those that touch nothing are left out by the caller. */
  readonly touches?: readonly ReactNode[]
  /** What is to be typed before the deed is offered. */
  readonly name: string
  readonly deed: string
  readonly keep: string
  readonly open: boolean
  readonly onClose: () => void
  readonly onDeed: () => Promise<unknown>
}

/** Asks before something is destroyed: names it, lists what it touches, and wants its name typed. */
export function ConfirmDialog({ title, means, touches = [], name, deed, keep, open, onClose, onDeed }: ConfirmProps) {
  const [typed, setTyped] = useState("")
  const close = (): void => {
    setTyped("")
    onClose()
  }
  const { run, busy, fault } = useDeed(onDeed, close)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (typed === name) run()
  }
  return (
    <DialogFrame title={title} open={open} onClose={close}>
      <form onSubmit={submit}>
        <Dialog.Description>{means}</Dialog.Description>
        {touches.length === 0 ? null : (
          <ul className={styles.touches}>
            {touches.map((line, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- the list is made once and never reordered
              <li key={index}>{line}</li>
            ))}
          </ul>
        )}
        <Field label={`Type ${name} to go on`}>
          <input
            className={classes(styles.input, "mono")}
            value={typed}
            onChange={({ target }) => setTyped(target.value)}
            autoComplete="off"
            spellCheck={false}
          />
        </Field>
        <Fault says={fault} />
        <div className={styles.deeds}>
          <Button onClick={close}>{keep}</Button>
          <Button kind="danger" type="submit" disabled={typed !== name || busy}>
            {deed}
          </Button>
        </div>
      </form>
    </DialogFrame>
  )
}

export function Field({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/label-has-associated-control -- the control is the child
    <label className={styles.field}>
      <span>{label}</span>
      {children}
    </label>
  )
}

export const inputClass = styles.input ?? ""

export function Fault({ says }: { readonly says: string | null }) {
  return says === null ? null : (
    <p className={styles.fault} role="alert">
      {says}
    </p>
  )
}

export function Deeds({ children }: { readonly children: ReactNode }) {
  return <div className={styles.deeds}>{children}</div>
}

interface Deed {
  readonly run: () => void
  readonly busy: boolean
  /** The server's sentence, when it refused. */
  readonly fault: string | null
}

/** One deed of a form: runs once at a time, keeps what the server refused, and says when it is done. */
export function useDeed(deed: () => Promise<unknown>, onDone: () => void): Deed {
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const run = (): void => {
    if (busy) return
    setBusy(true)
    setFault(null)
    deed()
      .then(onDone)
      .catch((error: unknown) => {
        setFault(error instanceof ApiError ? error.message : "Something failed in this page; reload it.")
      })
      .finally(() => setBusy(false))
  }
  return { run, busy, fault }
}
