import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Plus } from "lucide-react"
import type { AttentionView, FleetSummaryView } from "../../core/contract/schemas.ts"
import { useLive } from "../live/live.tsx"
import { countText, middleText, plural, withoutName } from "../live/numbers.ts"
import { fleetAttention, fleetSummary, rollouts } from "../live/queries.ts"
import { buttonClass } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Feed } from "../parts/feed.tsx"
import { Figures } from "../parts/figures.tsx"
import { Empty, PageHead, Stacks } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { FirstRun } from "../parts/first-run.tsx"
import { RolloutLine } from "../parts/rollout-line.tsx"

const needyColumns: readonly Column<AttentionView>[] = [
  {
    title: "Device",
    cell: ({ device: { id } }) => (
      <Link to="/devices/$id" params={{ id }} className="mono" title={id}>
        {middleText(id, 20)}
      </Link>
    ),
  },
  { title: "Why", cell: ({ device }) => <span className="muted">{withoutName(device.explain, device.id)}</span> },
]

type Family = FleetSummaryView["families"][number]
const familyColumns: readonly Column<Family>[] = [
  {
    title: "Family",
    cell: ({ family }) => (
      <Link to="/devices" search={{ filter: `family=${family}` }}>
        {family}
      </Link>
    ),
  },
  {
    title: "Runs",
    cell: ({ versions }) => (
      <span className="mono muted">
        {versions
          .slice(0, 3)
          .map(({ value, devices }) => `${value ?? "not known"} ${countText(devices)}`)
          .join(" · ")}
      </span>
    ),
  },
  { title: "Need a person", right: true, cell: ({ attention }) => countText(attention) },
  { title: "Devices", right: true, cell: ({ devices }) => countText(devices) },
]

const reasonWords: Readonly<Record<string, string>> = {
  pending: "to be accepted",
  failed: "failed",
  "no-show": "no-show",
  declined: "declined",
  astray: "without their SIM",
  shared: "with a shared login",
}

function reasonsText(reasons: Readonly<Record<string, number>>): string {
  const parts = Object.entries(reasons).map(([reason, count]) => `${countText(count)} ${reasonWords[reason] ?? reason}`)
  return parts.length === 0 ? "nothing waits for you" : parts.join(", ")
}

/** How the fleet stands, in one sentence, and what needs a person. */
export function Overview() {
  const summary = useQuery(fleetSummary).data
  return summary?.devices === 0 ? <FirstRun /> : <Fleet summary={summary} />
}

function Fleet({ summary }: { readonly summary: FleetSummaryView | undefined }) {
  const { events } = useLive()
  const needy = useQuery(fleetAttention).data?.items ?? []
  const all = useQuery(rollouts).data ?? []
  const open = all.filter(({ state }) => state === "running" || state === "paused").toReversed()
  const devices = summary?.devices ?? 0
  const published = summary?.releases ?? 0
  const updating = summary?.states.updating ?? 0
  const trouble = summary?.attention.devices ?? 0
  const paused = summary?.rollouts.paused ?? 0
  return (
    <>
      <PageHead
        title={headline({ devices, updating, trouble, paused })}
        sub={`${plural(devices, "device")}, ${plural(published, "release")}, ${plural(open.length, "rollout")} open.`}
        deeds={
          <>
            <Link to="/devices" search={{ filter: "" }} className={buttonClass("default")}>
              <Plus size={14} aria-hidden />
              Add device
            </Link>
            <Link to="/rollouts/new" search={{ group: "", release: "" }} className={buttonClass("primary")}>
              Start a rollout
            </Link>
          </>
        }
      />
      <Figures
        rows={[
          { caption: "Devices", figure: devices, context: "known to the server", to: "/devices" },
          {
            caption: "Updating now",
            figure: updating,
            context: `in ${plural(open.length, "open rollout")}`,
            to: "/rollouts",
          },
          {
            caption: "Need a person",
            figure: trouble,
            context: reasonsText(summary?.attention.reasons ?? {}),
            to: "/devices",
          },
          { caption: "Releases", figure: published, context: "published", to: "/firmware" },
        ]}
      />
      <Stacks
        left={
          <>
            <Card title="Rollouts" aside={<Link to="/rollouts">All {countText(all.length)}</Link>}>
              {open.length === 0 ? (
                <Empty says="No rollout is open. One that you start shows its progress here." />
              ) : (
                open.slice(0, 8).map((one) => <RolloutLine key={one.id} rollout={one} />)
              )}
            </Card>
            {summary === undefined || summary.families.length === 0 ? null : (
              <Card title="The fleet by family">
                <Table
                  caption="Families"
                  columns={familyColumns}
                  rows={summary.families}
                  keyOf={({ family }) => family}
                />
              </Card>
            )}
          </>
        }
        right={
          <>
            <Card title="Needs a person" aside={countText(trouble)}>
              {needy.length === 0 ? (
                <Empty says="No device needs a person." />
              ) : (
                <Table
                  caption="Devices that need a person"
                  columns={needyColumns}
                  rows={needy}
                  keyOf={({ device }) => device.id}
                />
              )}
            </Card>
            <Card title="What happens">
              <Feed events={events} most={12} />
            </Card>
          </>
        }
      />
    </>
  )
}

interface Standing {
  readonly devices: number
  readonly updating: number
  readonly trouble: number
  readonly paused: number
}

function headline({ devices, updating, trouble, paused }: Standing): string {
  if (devices === 0) return "No devices yet"
  if (trouble > 0) return `${plural(trouble, "device needs", "devices need")} a person`
  if (paused > 0) return `${plural(paused, "rollout is", "rollouts are")} paused`
  if (updating > 0) return `${plural(updating, "device is", "devices are")} updating`
  return "All is quiet"
}
