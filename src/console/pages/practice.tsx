import { useQuery } from "@tanstack/react-query"
import { Link, useNavigate } from "@tanstack/react-router"
import { Cpu, Package, Rocket, Trash2 } from "lucide-react"
import type { DeviceView, LabView, PlanView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { countText, plural, withoutName } from "../live/numbers.ts"
import { families, groupDevices, lab, queryClient, rollout } from "../live/queries.ts"
import { useNow } from "../live/now.ts"
import { Button, buttonClass } from "../parts/button.tsx"
import { Callout } from "../parts/callout.tsx"
import { Card } from "../parts/card.tsx"
import { Fault, useDeed } from "../parts/dialog.tsx"
import { FirstRun, Steps } from "../parts/first-run.tsx"
import styles from "../parts/first-run.module.css"
import { KnownVersion } from "../parts/known.tsx"
import { PageHead, Stacks } from "../parts/page.tsx"
import { PhaseBar } from "../parts/phases.tsx"
import { StateLegend, StateWord } from "../parts/state.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { Since } from "../parts/times.tsx"
import { tell } from "../parts/toast.tsx"
import { rolloutLooks, stateGlyphs } from "../live/states.ts"

type Practice = NonNullable<LabView["practice"]>

/** A first update from beginning to end, on devices in software: they call, one looks, one starts, they run it. */
export function PracticePage() {
  const { data } = useQuery({ ...lab, refetchInterval: 1000 })
  if (data === undefined) return <h1 className="visually-hidden">Practice</h1>
  return data.practice === null ? <FirstRun /> : <Running practice={data.practice} />
}

function Running({ practice }: { readonly practice: Practice }) {
  const group = practice.group ?? "practice=yes"
  const called = useQuery({ ...groupDevices(group), refetchInterval: 1000 }).data ?? []
  const rolloutId = called.find(({ update }) => update !== null)?.update?.rolloutId
  const heard = called.filter(({ lastSeen }) => lastSeen !== null).length
  const isReady = practice.state === "running" && called.length > 0 && heard >= called.length
  const done = called.filter(({ update }) => update?.state === "succeeded")
  const isDone = rolloutId !== undefined && done.length === called.length
  const at = isDone ? 4 : rolloutId !== undefined ? 3 : isReady ? 1 : 0
  return (
    <>
      <PageHead
        title={<Headline {...{ practice, called, heard, at }} />}
        sub="Virtual devices beside this server; nothing leaves this machine."
        deeds={<EndButton count={called.length} />}
      />
      {practice.fault === null ? null : <Callout glyph={stateGlyphs.failed} as="failed" sentence={practice.fault} />}
      <Stacks
        left={
          <>
            <Card>
              <Steps at={at} />
            </Card>
            {isDone ? <NextSteps /> : null}
            {rolloutId === undefined ? null : <Progress id={rolloutId} />}
            {isReady && rolloutId === undefined ? <Preview practice={practice} group={group} /> : null}
            <Card title="The devices" aside={`${countText(heard)} of ${countText(practice.devices)} have called`}>
              <Table caption="Devices" columns={columns} rows={called} keyOf={({ id }) => id} />
            </Card>
          </>
        }
        right={
          <Card title="What the devices say" aside="themselves, beside the server">
            <pre className={styles.log} tabIndex={0} aria-label="What the devices say">
              {practice.log.toReversed().join("\n") || "They are starting…"}
            </pre>
          </Card>
        }
      />
    </>
  )
}

const columns: readonly Column<DeviceView>[] = [
  {
    title: "Device",
    cell: ({ id }) => (
      <Link to="/devices/$id" params={{ id }} className={`mono ${styles.id}`}>
        {id}
      </Link>
    ),
  },
  { title: "Model", cell: ({ model }) => model },
  { title: "Runs", cell: ({ running }) => <KnownVersion running={running} /> },
  {
    title: "Update",
    cell: ({ update }) => (update === null ? <span className="muted">–</span> : <StateWord state={update.state} />),
  },
  { title: "Why", cell: ({ id, explain }) => <span className="muted">{withoutName(explain, id)}</span> },
  { title: "Called", right: true, cell: ({ lastSeen }) => <Since at={lastSeen} /> },
]

interface HeadlineProps {
  readonly practice: Practice
  readonly called: readonly DeviceView[]
  readonly heard: number
  readonly at: number
}

function Headline({ practice, called, heard, at }: HeadlineProps) {
  const known = useQuery(families).data ?? []
  if (practice.state === "ended") return "The virtual devices have ended"
  if (at === 0) {
    return called.length === 0
      ? plural(practice.devices, "virtual device starts", "virtual devices start")
      : `${countText(heard)} of ${plural(called.length, "device")} have called`
  }
  if (at === 1) return `${plural(called.length, "device waits", "devices wait")} for your word`
  const done = called.filter(({ update }) => update?.state === "succeeded").length
  if (at === 3) return `${countText(done)} of ${plural(called.length, "device")} ${done === 1 ? "runs" : "run"} it`
  const versions = new Set(called.map(({ running }) => running.version))
  const what = versions.size === 1 ? `version ${[...versions][0]}` : "their new version"
  const silent = new Set(
    called
      .filter(({ running }) => running.evidence === "concluded")
      .map(({ family }) => known.find(({ id }) => id === family)?.noun ?? "device"),
  )
  const how = silent.size === 0 ? "each says so itself" : `concluded: a ${[...silent].join(", a ")} reports nothing`
  return `All ${countText(called.length)} run ${what} (${how})`
}

/** One device of each family goes first; the others follow when it has succeeded. */
function planText({ releaseIds, families: chosen }: Practice, group: string): string {
  return JSON.stringify({
    releases: releaseIds,
    group,
    phases: [
      { name: "canary", count: chosen.length },
      { name: "the others", rest: true },
    ],
    silence: "2m",
  })
}

const planColumns: readonly Column<PlanView["samples"][number]>[] = [
  { title: "Device", cell: ({ deviceId }) => <span className="mono">{deviceId}</span> },
  { title: "From", cell: ({ from }) => <span className="mono">{from ?? "not known"}</span> },
  { title: "To", cell: ({ to }) => <span className="mono">{to}</span> },
  { title: "What happens", cell: ({ sentence }) => <span className="muted">{sentence}</span> },
]

function Preview({ practice, group }: { readonly practice: Practice; readonly group: string }) {
  const plan = useQuery({
    queryKey: ["plan", "practice", group, practice.releaseIds],
    queryFn: () => call("POST /api/rollouts/plan", { body: { plan: planText(practice, group) } }),
    staleTime: 600_000,
  })
  const starting = useDeed(
    async () => {
      await call("POST /api/rollouts", { body: { planId: plan.data?.id ?? "" } })
      await queryClient.invalidateQueries({ queryKey: ["devices"] })
    },
    () => undefined,
  )
  if (plan.data === undefined) return null
  const { samples, counts, devices } = plan.data
  return (
    <Card title="What will happen" aside={plural(devices, "device")}>
      <p>
        <b>{plural(practice.families.length, "device goes", "devices go")} first</b>; the others follow when it runs the
        new version. Nothing happens before you start it.
      </p>
      <Table caption="The plan" columns={planColumns} rows={samples} keyOf={({ deviceId }) => deviceId} />
      <Fault says={starting.fault} />
      <Button
        kind="primary"
        icon={Rocket}
        needs="operator"
        disabled={starting.busy || counts.update === 0}
        onClick={starting.run}
      >
        Start
      </Button>
    </Card>
  )
}

function Progress({ id }: { readonly id: string }) {
  const { data } = useQuery(rollout(id))
  useNow()
  if (data === undefined) return null
  return (
    <Card
      title="The rollout"
      aside={
        <Link to="/rollouts/$id" params={{ id }} search={{ state: "" }} className="mono">
          {id}
        </Link>
      }
    >
      <PhaseBar phases={data.phases} />
      <StateLegend counts={data.counts} href={(state) => `/rollouts/${encodeURIComponent(id)}?state=${state}`} />
      <p className="muted" data-state={rolloutLooks[data.state]?.as}>
        {data.explain}
      </p>
    </Card>
  )
}

function NextSteps() {
  return (
    <Card title="What next">
      <div className={styles.next}>
        <div>
          <b>Add a device of yours</b>
          <p className="muted">You get the login or URL that goes into it.</p>
          <Link to="/devices" search={{ filter: "" }} className={buttonClass("default")}>
            <Cpu size={14} aria-hidden />
            Add a device
          </Link>
        </div>
        <div>
          <b>Publish your firmware</b>
          <p className="muted">The file is read first; what no device would take is named.</p>
          <Link to="/firmware" className={buttonClass("default")}>
            <Package size={14} aria-hidden />
            Publish firmware
          </Link>
        </div>
        <div>
          <b>Roll out with a canary</b>
          <p className="muted">You see who, how many bytes and what it costs before it starts.</p>
          <Link to="/rollouts/new" search={{ group: "", release: "" }} className={buttonClass("default")}>
            <Rocket size={14} aria-hidden />
            Plan a rollout
          </Link>
        </div>
      </div>
    </Card>
  )
}

function EndButton({ count }: { readonly count: number }) {
  const navigate = useNavigate()
  const { run, busy } = useDeed(
    async () => {
      queryClient.setQueryData(lab.queryKey, await call("DELETE /api/lab/practice"))
      await queryClient.invalidateQueries()
      tell(`${plural(count, "virtual device is", "virtual devices are")} removed`)
      await navigate({ to: "/" })
    },
    () => undefined,
  )
  return (
    <Button icon={Trash2} needs="releaser" disabled={busy} onClick={run}>
      Remove the virtual devices
    </Button>
  )
}
