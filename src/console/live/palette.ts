import { useQuery } from "@tanstack/react-query"
import type { LucideIcon } from "lucide-react"
import { Cpu, LayoutDashboard, ListFilter, Package, Radio, Rocket, ScrollText, Settings } from "lucide-react"
import { call } from "./api.ts"
import { releases, rollouts } from "./queries.ts"

/** One thing that can be gone to. */
export interface PaletteRow {
  readonly key: string
  readonly icon: LucideIcon
  readonly word: string
  /** Why it matches, or what it is. */
  readonly why: string
  readonly to: string
  readonly mono?: boolean
}

const pages: readonly PaletteRow[] = [
  { key: "overview", icon: LayoutDashboard, word: "Overview", why: "page", to: "/" },
  { key: "devices", icon: Cpu, word: "Devices", why: "page", to: "/devices" },
  { key: "firmware", icon: Package, word: "Firmware", why: "page", to: "/firmware" },
  { key: "rollouts", icon: Rocket, word: "Rollouts", why: "page", to: "/rollouts" },
  { key: "channels", icon: Radio, word: "Channels", why: "page", to: "/channels" },
  { key: "audit", icon: ScrollText, word: "Audit", why: "page", to: "/audit" },
  { key: "settings", icon: Settings, word: "Settings", why: "page", to: "/settings" },
  { key: "start", icon: Rocket, word: "Start a rollout", why: "action", to: "/rollouts/new" },
]

const mostDevices = 6

/** What a text may mean: devices first, with why they match, then rollouts, releases, pages and actions. */
export function usePaletteRows(text: string): readonly PaletteRow[] {
  const wanted = text.trim()
  const found = useQuery({
    queryKey: ["devices", "palette", wanted],
    queryFn: ({ signal }) =>
      call("GET /api/devices", { query: { group: anywhere(wanted), limit: mostDevices }, signal }),
    enabled: wanted !== "",
    placeholderData: (before) => before,
  }).data
  const runs = useQuery(rollouts).data ?? []
  const published = useQuery(releases).data ?? []
  const holds = (...texts: readonly string[]): boolean =>
    texts.some((one) => one.toLowerCase().includes(wanted.toLowerCase()))
  if (wanted === "") return pages
  const devices = (found?.items ?? []).map(
    ({ id, family, model }): PaletteRow => ({
      key: `d ${id}`,
      icon: Cpu,
      word: id,
      why: `${family} ${model}`,
      to: `/devices/${encodeURIComponent(id)}`,
      mono: true,
    }),
  )
  const all: PaletteRow = {
    key: "all",
    icon: ListFilter,
    word: `Devices that match “${wanted}”`,
    why: "filter",
    to: `/devices?filter=${encodeURIComponent(anywhere(wanted))}`,
  }
  const rolloutRows = runs
    .filter(({ id, group }) => holds(id, group ?? ""))
    .slice(-5)
    .map(
      ({ id, state }): PaletteRow => ({
        key: `o ${id}`,
        icon: Rocket,
        word: id,
        why: `rollout, ${state}`,
        to: `/rollouts/${encodeURIComponent(id)}`,
        mono: true,
      }),
    )
  const releaseRows = published
    .filter(({ id, version, fileName }) => holds(id, version, fileName))
    .slice(-5)
    .map(
      ({ id, family, version }): PaletteRow => ({
        key: `r ${id}`,
        icon: Package,
        word: `${family} ${version}`,
        why: `release ${id}`,
        to: `/firmware/${encodeURIComponent(id)}`,
      }),
    )
  return [all, ...devices, ...rolloutRows, ...releaseRows, ...pages.filter(({ word }) => holds(word))]
}

/** The filter for a bare word: an id that holds it. */
function anywhere(word: string): string {
  return `id="*${word.replaceAll('"', "")}*"`
}
