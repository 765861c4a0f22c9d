import { useQuery } from "@tanstack/react-query"
import { Link, Outlet, useRouterState } from "@tanstack/react-router"
import type { LucideIcon } from "lucide-react"
import {
  Cpu,
  LayoutDashboard,
  LogOut,
  Moon,
  Package,
  Radio,
  Rocket,
  ScrollText,
  Settings as SettingsIcon,
  Sun,
  Waves,
} from "lucide-react"
import { useEffect, useState } from "react"
import { useLive } from "../live/live.tsx"
import { countText } from "../live/numbers.ts"
import { health, rollouts } from "../live/queries.ts"
import { signOut } from "../live/session.ts"
import { Button } from "./button.tsx"
import { Palette } from "./palette.tsx"
import styles from "./shell.module.css"

const stateWords = { connecting: "Connecting", live: "Live", lost: "Not connected" } as const

/** The frame of every page: navigation, the way here, whether what is shown is live. */
export function Shell() {
  const { state } = useLive()
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const crumbs = crumbsOf(path)
  useTitle(crumbs)
  return (
    <div className={styles.shell}>
      <Side />
      <header className={styles.top}>
        <nav className={styles.crumbs} aria-label="Where you are">
          {crumbs.map(({ word, to }, index) =>
            to === null ? (
              <b key={word} title={word}>
                {word}
              </b>
            ) : (
              <span key={word}>
                <Link to={to}>{word}</Link>
                {index < crumbs.length - 1 ? " /" : ""}
              </span>
            ),
          )}
        </nav>
        <span className={styles.spacer} />
        <output className={styles.live}>
          <span className={styles.dot} data-state={state} />
          {stateWords[state]}
        </output>
        <Palette />
        <ThemeButton />
        <Button kind="quiet" icon={LogOut} aria-label="Sign out" title="Sign out" onClick={() => void signOut()} />
      </header>
      <main className={styles.main} tabIndex={-1}>
        {state === "lost" ? (
          <p className={styles.lost} role="alert">
            The connection to the server is lost. What you see is from before; it goes on by itself.
          </p>
        ) : null}
        <div className={styles.content}>
          <Outlet />
        </div>
      </main>
    </div>
  )
}

function Side() {
  const devices = useQuery(health).data?.devices
  const running = useQuery(rollouts).data?.filter(({ state }) => state === "running" || state === "paused").length
  return (
    <aside className={styles.side}>
      <Link to="/" className={styles.brand}>
        <Waves size={18} aria-hidden />
        Waft
      </Link>
      <nav className={styles.nav} aria-label="Pages">
        <Entry to="/" icon={LayoutDashboard} word="Overview" />
        <Entry to="/devices" icon={Cpu} word="Devices" count={devices} />
        <Entry to="/firmware" icon={Package} word="Firmware" />
        <Entry to="/rollouts" icon={Rocket} word="Rollouts" count={running} />
        <Entry to="/channels" icon={Radio} word="Channels" />
      </nav>
      <nav className={styles.foot} aria-label="Server">
        <Entry to="/audit" icon={ScrollText} word="Audit" />
        <Entry to="/settings" icon={SettingsIcon} word="Settings" />
      </nav>
    </aside>
  )
}

interface EntryProps {
  readonly to: string
  readonly icon: LucideIcon
  readonly word: string
  readonly count?: number | undefined
}

function Entry({ to, icon: Icon, word, count }: EntryProps) {
  return (
    <Link to={to} activeOptions={{ exact: to === "/", includeSearch: false }}>
      <Icon size={16} aria-hidden />
      {word}
      {count === undefined ? null : <span className={`${styles.count} number`}>{countText(count)}</span>}
    </Link>
  )
}

function ThemeButton() {
  const [theme, setTheme] = useState(document.documentElement.dataset["theme"] ?? "light")
  const other = theme === "dark" ? "light" : "dark"
  const change = (): void => {
    document.documentElement.dataset["theme"] = other
    localStorage.setItem("waft.theme", other)
    setTheme(other)
  }
  const word = `Change to the ${other} theme`
  return <Button kind="quiet" icon={theme === "dark" ? Sun : Moon} aria-label={word} title={word} onClick={change} />
}

interface Crumb {
  readonly word: string
  readonly to: string | null
}

const pageWords: Readonly<Record<string, string>> = {
  devices: "Devices",
  firmware: "Firmware",
  rollouts: "Rollouts",
  channels: "Channels",
  practice: "Practice",
  audit: "Audit",
  settings: "Settings",
}

function crumbsOf(path: string): readonly Crumb[] {
  const [page = "", id] = path.split("/").slice(1)
  if (page === "") return [{ word: "Overview", to: "/" }]
  const word = pageWords[page] ?? "Not found"
  if (id === undefined || id === "") return [{ word, to: `/${page}` }]
  return [
    { word, to: `/${page}` },
    { word: id === "new" ? "New" : decodeURIComponent(id), to: null },
  ]
}

function useTitle(crumbs: readonly Crumb[]): void {
  const title = `${crumbs
    .map(({ word }) => word)
    .toReversed()
    .join(" · ")} · Waft`
  useEffect(() => {
    document.title = title
  }, [title])
}
