import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import type { DeviceView, EventView } from "../../core/contract/schemas.ts"
import { releases } from "../live/queries.ts"
import { overStates } from "../live/states.ts"
import { stateOf } from "../live/timeline.ts"
import { BasisWord, KnownVersion } from "./known.tsx"
import { Empty, Facts } from "./page.tsx"
import { StateWord } from "./state.tsx"
import { type Column, Table } from "./table.tsx"
import { ClockTime } from "./times.tsx"

interface Step {
  readonly event: EventView
  readonly version: string
}

const columns: readonly Column<Step>[] = [
  { title: "When", cell: ({ event }) => <ClockTime at={event.at} /> },
  { title: "Version", cell: ({ version }) => <span className="mono">{version}</span> },
  {
    title: "Came to",
    cell: ({ event }) => {
      const state = stateOf(event)
      return state === null ? null : <StateWord state={state} />
    },
  },
  { title: "How we know", cell: ({ event }) => <BasisWord basis={event.basis} /> },
  {
    title: "Rollout",
    cell: ({ event: { rolloutId } }) =>
      rolloutId === null ? null : (
        <Link to="/rollouts/$id" params={{ id: rolloutId }} search={{ state: "" }} className="mono">
          {rolloutId}
        </Link>
      ),
  },
]

interface Props {
  readonly known: DeviceView
  readonly events: readonly EventView[]
}

/** What it runs, what it was brought to, and how each is known. */
export function Versions({ known, events }: Props) {
  const published = useQuery(releases).data ?? []
  const steps = events.flatMap((event): readonly Step[] => {
    const state = stateOf(event)
    if (state === null || !overStates.includes(state)) return []
    return [{ event, version: published.find(({ id }) => id === event.releaseId)?.version ?? event.releaseId ?? "–" }]
  })
  return (
    <>
      <Facts rows={[["Runs now", <KnownVersion running={known.running} />]]} />
      {steps.length === 0 ? (
        <Empty says="No update of it has come to its end yet." />
      ) : (
        <Table caption="Versions" columns={columns} rows={steps} keyOf={({ event }) => String(event.seq)} />
      )}
    </>
  )
}
