import { useQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import type { DeviceAccessView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { families } from "../live/queries.ts"
import { AccessFacts } from "../parts/access.tsx"
import { Button } from "../parts/button.tsx"
import { Deeds, DialogFrame, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"

/** Adds one device, then shows what goes into it. */
export function AddDevice({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const known = useQuery(families).data ?? []
  const [id, setId] = useState("")
  const [familyId, setFamily] = useState("")
  const [modelId, setModel] = useState("")
  const [added, setAdded] = useState<DeviceAccessView | null>(null)
  const family = known.find((one) => one.id === familyId) ?? known[0]
  const model = family?.models.find((one) => one.id === modelId) ?? family?.models[0]
  const { run, busy, fault } = useDeed(
    async () => {
      const body = { id: id.trim(), family: family?.id ?? "", model: model?.id ?? "" }
      setAdded(await call("POST /api/devices", { body }))
    },
    () => setId(""),
  )
  const close = (): void => {
    setAdded(null)
    onClose()
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    run()
  }
  if (added !== null) {
    return (
      <DialogFrame title={`${added.id} is added`} open={open} onClose={close}>
        <p className="muted">This goes into the device:</p>
        <AccessFacts access={added} />
        <Deeds>
          <Button onClick={() => setAdded(null)}>Add another</Button>
          <Button kind="primary" onClick={close}>
            Done
          </Button>
        </Deeds>
      </DialogFrame>
    )
  }
  return (
    <DialogFrame title="Add a device" open={open} onClose={close}>
      <form onSubmit={submit}>
        <Field label="Id">
          <input className={inputClass} value={id} onChange={({ target }) => setId(target.value)} autoComplete="off" />
        </Field>
        <Field label="Family">
          <select className={inputClass} value={family?.id} onChange={({ target }) => setFamily(target.value)}>
            {known.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Model">
          <select className={inputClass} value={model?.id} onChange={({ target }) => setModel(target.value)}>
            {family?.models.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        </Field>
        <Fault says={fault} />
        <Deeds>
          <Button onClick={close}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || id.trim() === ""}>
            Add device
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}
