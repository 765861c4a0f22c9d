import "./base.css"
import { CSPProvider } from "@base-ui/react/csp-provider"
import { QueryClientProvider } from "@tanstack/react-query"
import { RouterProvider } from "@tanstack/react-router"
import { StrictMode, useSyncExternalStore } from "react"
import { createRoot } from "react-dom/client"
import { LiveProvider } from "./live/live.tsx"
import { queryClient } from "./live/queries.ts"
import { beginSession, onSession, sessionState } from "./live/session.ts"
import { SignIn } from "./pages/sign-in.tsx"
import { ToastProvider } from "./parts/toast.tsx"
import { router } from "./router.tsx"

void beginSession()
// What one person was shown is not for the next.
onSession(() => {
  if (sessionState() === "signed-out") queryClient.clear()
})

function Console() {
  const state = useSyncExternalStore(onSession, sessionState)
  if (state === "asking") return null
  if (state === "signed-out") return <SignIn />
  return (
    <LiveProvider>
      <ToastProvider>
        <RouterProvider router={router} />
      </ToastProvider>
    </LiveProvider>
  )
}

const root = document.getElementById("root")
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queryClient}>
          <Console />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  )
}
