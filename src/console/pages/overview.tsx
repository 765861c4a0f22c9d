import type { UpdateState } from "../../core/domain/update.ts"
import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Plus } from "lucide-react"
import type { RolloutView } from "../../core/contract/schemas.ts"
import { useLive } from "../live/live.tsx"
import { countText, plural } from "../live/numbers.ts"
import { health, releases, rollouts } from "../live/queries.ts"
import { buttonClass } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Feed } from "../parts/feed.tsx"
import { Figures } from "../parts/figures.tsx"
import { Empty, PageHead, Stacks } from "../parts/page.tsx"
import { RolloutLine } from "../parts/rollout-line.tsx"

const moving = ["offered", "accepted", "downloading", "downloaded", "installing"] as const

/** How the fleet stands, in one sentence, and what needs a person. */
export function Overview() {
  const { events } = useLive()
  const devices = useQuery(health).data?.devices ?? 0
  const all = useQuery(rollouts).data ?? []
  const published = useQuery(releases).data?.length ?? 0
  const open = all.filter(({ state }) => state === "running" || state === "paused").toReversed()
  const updating = sum(open, moving)
  const trouble = sum(open, ["failed", "no-show", "declined"])
  const paused = open.filter(({ state }) => state === "paused").length
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
            context: "failed, no-show or declined in open rollouts",
            to: "/rollouts",
          },
          { caption: "Releases", figure: published, context: "published", to: "/firmware" },
        ]}
      />
      <Stacks
        left={
          <Card title="Rollouts" aside={<Link to="/rollouts">All {countText(all.length)}</Link>}>
            {open.length === 0 ? (
              <Empty says="No rollout is open. One that you start shows its progress here." />
            ) : (
              open.slice(0, 8).map((one) => <RolloutLine key={one.id} rollout={one} />)
            )}
          </Card>
        }
        right={
          <Card title="What happens">
            <Feed events={events} most={12} />
          </Card>
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

function sum(open: readonly RolloutView[], states: readonly UpdateState[]): number {
  return open.reduce((whole, { counts }) => whole + states.reduce((part, state) => part + (counts[state] ?? 0), 0), 0)
}
