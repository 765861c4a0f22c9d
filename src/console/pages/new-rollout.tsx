import { useQuery } from "@tanstack/react-query"
import { useNavigate, useSearch } from "@tanstack/react-router"
import { Rocket } from "lucide-react"
import { type FormEvent, useState } from "react"
import type { PlannedView, PlanView, ReleaseView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { countText, middleText, plural } from "../live/numbers.ts"
import { planDevices, releases } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Deeds, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { Empty, PageHead, Stack } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { tell } from "../parts/toast.tsx"
import styles from "./new-rollout.module.css"

const outcomeWords: Readonly<Record<PlannedView["outcome"], string>> = {
  update: "will be updated",
  "already-there": "already run it",
  impossible: "cannot take it",
  supersedes: "are taken over from another rollout",
}

const columns: readonly Column<PlannedView>[] = [
  { title: "Device", cell: ({ deviceId }) => <span className="mono">{middleText(deviceId, 24)}</span> },
  { title: "Model", cell: ({ model }) => model },
  { title: "From", cell: ({ from }) => <span className="mono">{from ?? "not known"}</span> },
  { title: "To", cell: ({ to }) => <span className="mono">{to}</span> },
  { title: "What happens", cell: ({ sentence }) => <span className="muted">{sentence}</span> },
]

/** The devices of the plan, the first of them. */
function PlanRows({ plan: { id, samples } }: { readonly plan: PlanView }) {
  const page = useQuery(planDevices(id)).data
  const rows = page?.items ?? samples
  return (
    <>
      <Table caption="The plan" columns={columns} rows={rows} keyOf={({ deviceId }) => deviceId} />
      {page === undefined || page.next === null ? null : (
        <p className="meta">
          The first {countText(rows.length)} of {countText(page.total)} are shown.
        </p>
      )}
    </>
  )
}

/** What and for whom; then what will happen; then start exactly that. */
export function NewRollout() {
  const search = useSearch({ from: "/rollouts/new" })
  const navigate = useNavigate()
  const active = (useQuery(releases).data ?? []).filter(({ state }) => state === "active").toReversed()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(search.release === "" ? [] : [search.release]))
  const [group, setGroup] = useState(search.group)
  const [plan, setPlan] = useState<PlanView | null>(null)
  const [care, setCare] = useState<CareName>("canary")
  const body = { ...presets[care].body, releaseIds: [...chosen], group: group.trim() === "" ? null : group.trim() }
  const planning = useDeed(
    async () => setPlan(await call("POST /api/rollouts/plan", { body })),
    () => undefined,
  )
  const starting = useDeed(
    async () => {
      const started = await call("POST /api/rollouts", { body: { planId: plan?.id ?? "" } })
      tell(`${started.id} started for ${plural(started.devices, "device")}`)
      await navigate({ to: "/rollouts/$id", params: { id: started.id }, search: { state: "" } })
    },
    () => undefined,
  )
  const toggle = (id: string): void => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
    setPlan(null)
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    planning.run()
  }
  const able = plan === null ? 0 : plan.counts.update + plan.counts.supersedes
  return (
    <>
      <PageHead
        title="Start a rollout"
        sub="First what and for whom; then you see what will happen, before anything does."
      />
      <Stack>
        <Card title="1 What and for whom">
          {active.length === 0 ? (
            <Empty says="There is no release to roll out; publish firmware first." />
          ) : (
            <form onSubmit={submit}>
              <Releases active={active} chosen={chosen} onToggle={toggle} />
              <Field label="Devices: a filter; empty = every device that a release fits">
                <input
                  className={`${inputClass} mono`}
                  value={group}
                  placeholder="site=north and model=4g"
                  spellCheck={false}
                  onChange={({ target }) => {
                    setGroup(target.value)
                    setPlan(null)
                  }}
                />
              </Field>
              <Care
                chosen={care}
                onChoose={(name) => {
                  setCare(name)
                  setPlan(null)
                }}
              />
              <Fault says={planning.fault} />
              <Deeds>
                <Button
                  kind={plan === null ? "primary" : "default"}
                  type="submit"
                  disabled={chosen.size === 0 || planning.busy}
                >
                  See what will happen
                </Button>
              </Deeds>
            </form>
          )}
        </Card>
        {plan === null ? null : (
          <Card title="2 What will happen" aside={plural(plan.devices, "device")}>
            <p>{totals(plan)}</p>
            <PlanRows plan={plan} />
            <Fault says={starting.fault} />
            <Deeds>
              <Button kind="primary" icon={Rocket} disabled={able === 0 || starting.busy} onClick={starting.run}>
                Start for {plural(able, "device")}
              </Button>
            </Deeds>
          </Card>
        )}
      </Stack>
    </>
  )
}

/** How carefully: three presets; a plan file says everything else (`waft rollout start --plan FILE`). */
const presets = {
  canary: {
    word: "Canary first",
    says: "5 devices go first; it pauses itself when more than 10 % of a phase never come back.",
    body: { canary: 5, pauseOnNoShow: 10 },
  },
  guarded: {
    word: "Everybody, guarded",
    says: "All at once; it pauses itself when more than 10 % never come back.",
    body: { pauseOnNoShow: 10 },
  },
  open: { word: "Everybody", says: "All at once, and nothing stops it by itself.", body: {} },
} as const
type CareName = keyof typeof presets

function Care({ chosen, onChoose }: { readonly chosen: CareName; readonly onChoose: (name: CareName) => void }) {
  return (
    <fieldset className={styles.care}>
      <legend className="meta">How carefully</legend>
      {(Object.keys(presets) as CareName[]).map((name) => (
        <label key={name}>
          <input type="radio" name="care" checked={chosen === name} onChange={() => onChoose(name)} />
          <span>
            {presets[name].word} <span className="muted">{presets[name].says}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}

function totals({ counts }: PlanView): string {
  const parts = (Object.keys(outcomeWords) as PlannedView["outcome"][]).flatMap((outcome) => {
    const count = counts[outcome]
    return count === 0 ? [] : [`${countText(count)} ${outcomeWords[outcome]}`]
  })
  return parts.length === 0 ? "No device matches." : `${parts.join(", ")}.`
}

interface ReleasesProps {
  readonly active: readonly ReleaseView[]
  readonly chosen: ReadonlySet<string>
  readonly onToggle: (id: string) => void
}

function Releases({ active, chosen, onToggle }: ReleasesProps) {
  const columns: readonly Column<ReleaseView>[] = [
    {
      title: "Take",
      cell: ({ id, version, family }) => (
        <input
          type="checkbox"
          checked={chosen.has(id)}
          onChange={() => onToggle(id)}
          aria-label={`${family} ${version}, ${id}`}
        />
      ),
    },
    { title: "Release", cell: ({ id }) => <span className="mono">{id}</span> },
    { title: "Family", cell: ({ family }) => family },
    { title: "Version", cell: ({ version }) => <span className="mono">{version}</span> },
    { title: "File", cell: ({ fileName }) => <span className="mono">{middleText(fileName, 28)}</span> },
  ]
  return <Table caption="Releases" columns={columns} rows={active} keyOf={({ id }) => id} />
}
