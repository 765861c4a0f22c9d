import { Toast } from "@base-ui/react/toast"
import type { ReactNode } from "react"
import { ApiError } from "../live/api.ts"
import styles from "./overlay.module.css"

/** What the user did and what came of it; never what happened elsewhere. */
const toasts = Toast.createToastManager()

export function tell(title: string, description?: string): void {
  toasts.add({ title, ...(description === undefined ? {} : { description }) })
}

/** Shows a refusal with the server's own sentence. */
export function tellRefusal(error: unknown): void {
  const description = error instanceof ApiError ? error.message : "Something failed in this page; reload it."
  toasts.add({ title: "Not done", description, type: "refusal", timeout: 15_000 })
}

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.toasts}>
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function Toasts() {
  const { toasts: shown } = Toast.useToastManager()
  return shown.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast}>
      <Toast.Title />
      <Toast.Description className="muted" />
    </Toast.Root>
  ))
}
