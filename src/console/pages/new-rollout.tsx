import { useQuery } from "@tanstack/react-query"
import { useSearch } from "@tanstack/react-router"
import { type FormEvent, useState } from "react"
import type { PlanView, ReleaseView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { type Care, planFile, presets, type PresetName } from "../live/care.ts"
import { middleText } from "../live/numbers.ts"
import { releases } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Deeds, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { Empty, PageHead, Stack } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import styles from "./new-rollout.module.css"
import { WhatWillHappen } from "./what-will-happen.tsx"

/** What and for whom; how carefully; what will happen; then start exactly that. */
export function NewRollout() {
  const search = useSearch({ from: "/rollouts/new" })
  const active = (useQuery(releases).data ?? []).filter(({ state }) => state === "active").toReversed()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(search.release === "" ? [] : [search.release]))
  const [group, setGroup] = useState(search.group)
  const [preset, setPreset] = useState<PresetName>("canary")
  const [care, setCare] = useState<Care>(presets.canary.care)
  const [plan, setPlan] = useState<PlanView | null>(null)
  const text = planFile({ releases: [...chosen], group, care })
  const planning = useDeed(
    async () => setPlan(await call("POST /api/rollouts/plan", { body: { plan: text } })),
    () => undefined,
  )
  /** Whatever is changed makes the plan that is shown another one. */
  const change = (deed: () => void): void => {
    deed()
    setPlan(null)
  }
  const toggle = (id: string): void => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    change(() => setChosen(next))
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    planning.run()
  }
  return (
    <>
      <PageHead
        title="Start a rollout"
        sub="First what and for whom, then how carefully; then you see what will happen, before anything does."
      />
      {active.length === 0 ? (
        <Card>
          <Empty says="There is no release to roll out; publish firmware first." />
        </Card>
      ) : (
        <Stack>
          <form onSubmit={submit} className={styles.form}>
            <Card title="1 What and for whom">
              <Releases active={active} chosen={chosen} onToggle={toggle} />
              <Field label="Devices: a filter; empty = every device that a release fits">
                <input
                  className={`${inputClass} mono`}
                  value={group}
                  placeholder="site=north and model=4g"
                  spellCheck={false}
                  onChange={({ target }) => change(() => setGroup(target.value))}
                />
              </Field>
            </Card>
            <Card title="2 How carefully">
              <Presets
                chosen={preset}
                onChoose={(name) =>
                  change(() => {
                    setPreset(name)
                    setCare(presets[name].care)
                  })
                }
              />
              <CareFields care={care} onChange={(more) => change(() => setCare({ ...care, ...more }))} />
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
            </Card>
          </form>
          {plan === null ? null : <WhatWillHappen plan={plan} text={text} />}
        </Stack>
      )}
    </>
  )
}

interface PresetsProps {
  readonly chosen: PresetName
  readonly onChoose: (name: PresetName) => void
}

function Presets({ chosen, onChoose }: PresetsProps) {
  return (
    <fieldset className={styles.care}>
      <legend className="visually-hidden">How carefully</legend>
      {(Object.keys(presets) as PresetName[]).map((name) => (
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

interface CareProps {
  readonly care: Care
  readonly onChange: (more: Partial<Care>) => void
}

function CareFields({ care, onChange }: CareProps) {
  const { canary, noShowAtMost, silence, bytes, sms, allowsDowngrade, needsApproval } = care
  return (
    <>
      <div className={styles.fields}>
        <Field label="Devices that go first; 0 = none">
          <input
            className={inputClass}
            inputMode="numeric"
            value={canary}
            onChange={({ target }) => onChange({ canary: wholeOf(target.value) ?? 0 })}
          />
        </Field>
        <Field label="Pause above so many % that never come back">
          <input
            className={inputClass}
            inputMode="numeric"
            placeholder="never"
            value={noShowAtMost ?? ""}
            onChange={({ target }) => onChange({ noShowAtMost: wholeOf(target.value) })}
          />
        </Field>
        <Field label="Silent for so long = never came back">
          <input
            className={inputClass}
            value={silence}
            onChange={({ target }) => onChange({ silence: target.value })}
          />
        </Field>
        <Field label="Most data; empty = no limit">
          <input
            className={inputClass}
            placeholder="200 MB"
            value={bytes}
            onChange={({ target }) => onChange({ bytes: target.value })}
          />
        </Field>
        <Field label="Most SMS; empty = no limit">
          <input
            className={inputClass}
            inputMode="numeric"
            value={sms}
            onChange={({ target }) => onChange({ sms: target.value })}
          />
        </Field>
      </div>
      <label className={styles.box}>
        <input
          type="checkbox"
          checked={allowsDowngrade}
          onChange={({ target }) => onChange({ allowsDowngrade: target.checked })}
        />
        Devices may get an older version than they run
      </label>
      <label className={styles.box}>
        <input
          type="checkbox"
          checked={needsApproval}
          onChange={({ target }) => onChange({ needsApproval: target.checked })}
        />
        It waits until it is approved
      </label>
    </>
  )
}

function wholeOf(text: string): number | null {
  const digits = text.replaceAll(/\D/g, "").slice(0, 7)
  return digits === "" ? null : Number(digits)
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
