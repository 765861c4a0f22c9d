import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Bookmark, Tag, Terminal } from "lucide-react"
import { type FormEvent, useState } from "react"
import { ApiError, call } from "../live/api.ts"
import { countText, plural } from "../live/numbers.ts"
import { groups, queryClient } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { copy, shellWord } from "../parts/copy.ts"
import { Deeds, DialogFrame, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { tell } from "../parts/toast.tsx"
import styles from "./devices.module.css"

/** The filters that have a name. */
export function SavedGroups({ filter }: { readonly filter: string }) {
  const rows = useQuery(groups).data ?? []
  if (rows.length === 0) return null
  return (
    <nav className={styles.groups} aria-label="Saved groups">
      {rows.map(({ name, filter: means }) => (
        <Link
          key={name}
          to="/devices"
          search={{ filter: `@${name}` }}
          className="mono"
          title={means ?? "a list of devices"}
          aria-current={filter === `@${name}` ? "true" : undefined}
        >
          @{name}
        </Link>
      ))}
    </nav>
  )
}

interface Props {
  readonly filter: string
  readonly total: number
}

/** What can be done with all that the filter matches: what is sent is the filter, and the count must be the one that was seen. */
export function Bulk({ filter, total }: Props) {
  const [saving, setSaving] = useState(false)
  const [labelling, setLabelling] = useState(false)
  if (filter === "") return null
  return (
    <span className={styles.bulk}>
      <Button
        small
        kind="quiet"
        icon={Terminal}
        onClick={() => copy("The command", `waft device list --group ${shellWord(filter)}`)}
      >
        Copy as CLI
      </Button>
      <Button small kind="quiet" icon={Tag} needs="operator" disabled={total === 0} onClick={() => setLabelling(true)}>
        Label these…
      </Button>
      <Button small kind="quiet" icon={Bookmark} needs="operator" onClick={() => setSaving(true)}>
        Save as group…
      </Button>
      <SaveGroup filter={filter} open={saving} onClose={() => setSaving(false)} />
      <LabelAll filter={filter} total={total} open={labelling} onClose={() => setLabelling(false)} />
    </span>
  )
}

interface DialogProps {
  readonly filter: string
  readonly open: boolean
  readonly onClose: () => void
}

function SaveGroup({ filter, open, onClose }: DialogProps) {
  const [name, setName] = useState("")
  const { run, busy, fault } = useDeed(async () => {
    await call("PUT /api/groups/:name", { params: { name: name.trim() }, body: { filter } })
    await queryClient.invalidateQueries({ queryKey: ["groups"] })
    tell(`@${name.trim()} is saved`, filter)
  }, onClose)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    run()
  }
  return (
    <DialogFrame title="Save as group" open={open} onClose={onClose}>
      <form onSubmit={submit}>
        <p className="muted">
          The name stands for whoever matches <span className="mono">{filter}</span> when it is asked.
        </p>
        <Field label="Name">
          <input className={inputClass} value={name} onChange={({ target }) => setName(target.value)} />
        </Field>
        <Fault says={fault} />
        <Deeds>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || name.trim() === ""}>
            Save group
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}

/** Most devices that are labelled from here, one call each; an import does more. */
const mostLabelled = 1000

function LabelAll({ filter, total, open, onClose }: DialogProps & { readonly total: number }) {
  const [label, setLabel] = useState("")
  const [typed, setTyped] = useState("")
  const [done, setDone] = useState(0)
  const at = label.indexOf("=")
  const [name, value] = at < 0 ? [label.trim(), ""] : [label.slice(0, at).trim(), label.slice(at + 1).trim()]
  const { run, busy, fault } = useDeed(async () => {
    const page = await call("GET /api/devices", { query: { group: filter, limit: mostLabelled } })
    if (page.total !== total) throw changed(page.total ?? 0, total)
    for (const [index, { id }] of page.items.entries()) {
      await call("POST /api/devices/:id/set", {
        params: { id },
        body: { labels: { [name]: value === "" ? null : value } },
      })
      setDone(index + 1)
    }
    tell(`${plural(page.items.length, "device is", "devices are")} labelled`, `${name} = ${value}`)
  }, onClose)
  const isTooMany = total > mostLabelled
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    run()
  }
  return (
    <DialogFrame title={`Label ${plural(total, "device")}`} open={open} onClose={onClose}>
      <form onSubmit={submit}>
        <p className="muted">
          All that match <span className="mono">{filter}</span>. Without a value the label is taken away.
        </p>
        <Field label="Label, such as site=oslo">
          <input className={`${inputClass} mono`} value={label} onChange={({ target }) => setLabel(target.value)} />
        </Field>
        <Field label={`Type ${total} to go on`}>
          <input
            className={inputClass}
            inputMode="numeric"
            value={typed}
            onChange={({ target }) => setTyped(target.value)}
          />
        </Field>
        <Fault
          says={
            isTooMany ? `At most ${countText(mostLabelled)} are labelled from here; make the filter narrower.` : fault
          }
        />
        <Deeds>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            disabled={busy || isTooMany || name === "" || typed.trim() !== String(total)}
          >
            {busy ? `${countText(done)} of ${countText(total)}…` : `Label ${plural(total, "device")}`}
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}

function changed(now: number, before: number): ApiError {
  return new ApiError(
    409,
    "changed",
    `${countText(now)} devices match now, not the ${countText(before)} that were shown; nothing was done.`,
  )
}
