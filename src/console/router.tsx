import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router"
import { Failed, Missing } from "./pages/missing.tsx"
import { Overview } from "./pages/overview.tsx"
import { Shell } from "./parts/shell.tsx"

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const root = createRootRoute({ component: Shell, notFoundComponent: Missing })
const overview = createRoute({ getParentRoute: () => root, path: "/", component: Overview })
const devices = createRoute({
  getParentRoute: () => root,
  path: "/devices",
  validateSearch: (search: Record<string, unknown>) => ({ filter: text(search["filter"]) }),
  component: lazyRouteComponent(() => import("./pages/devices.tsx"), "Devices"),
})
const device = createRoute({
  getParentRoute: () => root,
  path: "/devices/$id",
  validateSearch: (search: Record<string, unknown>): { tab?: string } => {
    const tab = text(search["tab"])
    return tab === "" ? {} : { tab }
  },
  component: lazyRouteComponent(() => import("./pages/device.tsx"), "Device"),
})
const firmware = createRoute({
  getParentRoute: () => root,
  path: "/firmware",
  component: lazyRouteComponent(() => import("./pages/firmware.tsx"), "Firmware"),
})
const release = createRoute({
  getParentRoute: () => root,
  path: "/firmware/$id",
  component: lazyRouteComponent(() => import("./pages/release.tsx"), "Release"),
})
const rollouts = createRoute({
  getParentRoute: () => root,
  path: "/rollouts",
  component: lazyRouteComponent(() => import("./pages/rollouts.tsx"), "Rollouts"),
})
const newRollout = createRoute({
  getParentRoute: () => root,
  path: "/rollouts/new",
  validateSearch: (search: Record<string, unknown>) => ({
    group: text(search["group"]),
    release: text(search["release"]),
  }),
  component: lazyRouteComponent(() => import("./pages/new-rollout.tsx"), "NewRollout"),
})
const rollout = createRoute({
  getParentRoute: () => root,
  path: "/rollouts/$id",
  validateSearch: (search: Record<string, unknown>) => ({ state: text(search["state"]) }),
  component: lazyRouteComponent(() => import("./pages/rollout.tsx"), "Rollout"),
})
const practice = createRoute({
  getParentRoute: () => root,
  path: "/practice",
  component: lazyRouteComponent(() => import("./pages/practice.tsx"), "PracticePage"),
})
const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  component: lazyRouteComponent(() => import("./pages/audit.tsx"), "Audit"),
})
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings.tsx"), "Settings"),
})
const channels = createRoute({
  getParentRoute: () => root,
  path: "/channels",
  component: lazyRouteComponent(() => import("./pages/channels.tsx"), "Channels"),
})

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    devices,
    device,
    firmware,
    release,
    rollouts,
    newRollout,
    rollout,
    practice,
    channels,
    audit,
    settings,
  ]),
  defaultErrorComponent: Failed,
  defaultPreload: "intent",
  scrollRestoration: true,
})

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router
  }
}
