import { useQuery } from "@tanstack/react-query"
import { useNavigate } from "@tanstack/react-router"
import { Play, Rocket, Terminal } from "lucide-react"
import { useState } from "react"
import type { CostPreviewView, PlannedView, PlanView, RehearsalView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { bytesText, countText, durationText, middleText, plural } from "../live/numbers.ts"
import { planDevices } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { copy, curlText } from "../parts/copy.ts"
import { Deeds, Fault, useDeed } from "../parts/dialog.tsx"
import { Facts } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { tell } from "../parts/toast.tsx"
import styles from "./new-rollout.module.css"

const outcomeWords: Readonly<Record<PlannedView["outcome"], string>> = {
  update: "will be updated",
  "already-there": "already run it",
  impossible: "cannot take it",
  supersedes: "are taken over from another rollout",
}

interface Props {
  readonly plan: PlanView
  /** The plan file that it was made from. */
  readonly text: string
}

/** Who, phase by phase, bytes, SMS and money, who is refused and why, what a rehearsal foretells; then starting just that. */
export function WhatWillHappen({ plan, text }: Props) {
  const navigate = useNavigate()
  const [takesOver, setTakesOver] = useState(false)
  const starting = useDeed(
    async () => {
      const started = await call("POST /api/rollouts", { body: { planId: plan.id } })
      tell(`${started.id} started for ${plural(started.devices, "device")}`)
      await navigate({ to: "/rollouts/$id", params: { id: started.id }, search: { state: "" } })
    },
    () => undefined,
  )
  const { update, supersedes } = plan.counts
  const able = update + supersedes
  return (
    <Card title="3 What will happen" aside={plural(plan.devices, "device")}>
      <p>{totals(plan)}</p>
      <div className={styles.grid}>
        <Costs text={text} />
        <Rehearsal text={text} />
      </div>
      <PlanRows plan={plan} />
      {supersedes === 0 ? null : (
        <label className={styles.box}>
          <input type="checkbox" checked={takesOver} onChange={({ target }) => setTakesOver(target.checked)} />
          Take {plural(supersedes, "device")} over from the rollouts that update them now
        </label>
      )}
      <Fault says={starting.fault} />
      <Deeds>
        <Button
          kind="quiet"
          icon={Terminal}
          onClick={() => copy("The call", curlText("POST", "/api/rollouts", { plan: text, takeOver: takesOver }))}
        >
          Copy as curl
        </Button>
        <Button
          kind="primary"
          icon={Rocket}
          needs="operator"
          disabled={able === 0 || starting.busy || (supersedes > 0 && !takesOver)}
          onClick={starting.run}
        >
          Start for {plural(able, "device")}
        </Button>
      </Deeds>
    </Card>
  )
}

function totals({ counts }: PlanView): string {
  const parts = (Object.keys(outcomeWords) as PlannedView["outcome"][]).flatMap((outcome) => {
    const count = counts[outcome]
    return count === 0 ? [] : [`${countText(count)} ${outcomeWords[outcome]}`]
  })
  return parts.length === 0 ? "No device matches." : `${parts.join(", ")}.`
}

const costColumns: readonly Column<CostPreviewView["phases"][number]>[] = [
  { title: "Phase", cell: ({ name }) => name },
  { title: "Devices", right: true, cell: ({ devices }) => countText(devices) },
  { title: "Data", right: true, cell: ({ bytes }) => <span title={`${bytes} bytes`}>{bytesText(bytes)}</span> },
  { title: "SMS", right: true, cell: ({ sms }) => countText(sms) },
  { title: "Money", right: true, cell: ({ money }) => (money === 0 ? "–" : money.toFixed(2)) },
]

function Costs({ text }: { readonly text: string }) {
  const { data } = useQuery({
    queryKey: ["costs", text],
    queryFn: () => call("POST /api/rollouts/costs", { body: { plan: text } }),
  })
  return (
    <section aria-label="What it costs">
      <h3>What it costs</h3>
      {data === undefined ? null : (
        <>
          <Table
            caption="Costs by phase"
            columns={costColumns}
            rows={[...data.phases, { ...data.total, name: "in all", ...summed(data) }]}
            keyOf={({ name }) => name}
          />
          {data.withoutTariff === 0 ? null : (
            <p className="meta">{plural(data.withoutTariff, "device has", "devices have")} no known tariff.</p>
          )}
          <Fault says={data.exceeds} />
        </>
      )}
    </section>
  )
}

function summed({ phases }: CostPreviewView) {
  const sum = (of: "devices" | "alreadyThere" | "impossible"): number =>
    phases.reduce((whole, phase) => whole + phase[of], 0)
  return { devices: sum("devices"), alreadyThere: sum("alreadyThere"), impossible: sum("impossible") }
}

/** A twin of the fleet goes through the plan on a fast clock, when somebody asks for it. */
function Rehearsal({ text }: { readonly text: string }) {
  const [found, setFound] = useState<{ readonly text: string; readonly result: RehearsalView } | null>(null)
  const { run, busy, fault } = useDeed(
    async () => setFound({ text, result: await call("POST /api/rollouts/rehearse", { body: { plan: text } }) }),
    () => undefined,
  )
  const result = found?.text === text ? found.result : null
  return (
    <section aria-label="What a rehearsal foretells">
      <h3>What a rehearsal foretells</h3>
      {result === null ? (
        <>
          <p className="muted">A twin of the fleet goes through this plan on a fast clock; no device notices.</p>
          <Fault says={fault} />
          <Deeds>
            <Button small icon={Play} needs="operator" disabled={busy} onClick={run}>
              {busy ? "Rehearsing…" : "Rehearse it"}
            </Button>
          </Deeds>
        </>
      ) : (
        <Facts rows={foretold(result)} />
      )}
    </section>
  )
}

function foretold(result: RehearsalView): readonly (readonly [string, string])[] {
  const { spread, pauses, durationMs, bytes, sms } = result
  return [
    ["Ends", `${result.end} after ${durationText(durationMs)}`],
    [
      "Devices",
      `${countText(result.succeeded)} succeed, ${countText(result.failed)} fail, ${countText(result.noShow)} never come back`,
    ],
    ["By luck", `${countText(spread.leastSucceeded)} to ${countText(spread.mostSucceeded)} succeed`],
    ["Takes", `${bytesText(bytes)}, ${countText(sms)} SMS`],
    ["Pauses", pauses.length === 0 ? "none" : pauses.map(({ reason }) => reason).join(" ")],
    ["Known", `the own rhythm of ${countText(result.known)} of ${plural(result.devices, "device")}`],
  ]
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
