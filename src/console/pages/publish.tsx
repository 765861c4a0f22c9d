import { useQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { call } from "../live/api.ts"
import { bytesText } from "../live/numbers.ts"
import { families, queryClient } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Deeds, DialogFrame, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { Facts } from "../parts/page.tsx"
import { tell } from "../parts/toast.tsx"

interface Props {
  readonly file: File
  readonly onClose: () => void
  readonly onPublished: (releaseId: string) => void
}

/** Asks for what the file does not say; the server reads its header and refuses what no device would take. */
export function PublishDialog({ file, onClose, onPublished }: Props) {
  const known = useQuery(families).data ?? []
  const [familyId, setFamily] = useState("")
  const [version, setVersion] = useState("")
  const [options, setOptions] = useState("")
  const family = known.find(({ id }) => id === familyId) ?? known[0]
  const { run, busy, fault } = useDeed(async () => {
    const release = await call("POST /api/releases", {
      query: {
        family: family?.id ?? "",
        fileName: file.name,
        ...(version.trim() === "" ? {} : { version: version.trim() }),
        ...(options.trim() === "" ? {} : { options: optionsJson(options) }),
      },
      body: new Uint8Array(await file.arrayBuffer()),
    })
    await queryClient.invalidateQueries({ queryKey: ["releases"] })
    tell(`${release.id} is published`, release.notes.join(" "))
    onPublished(release.id)
  }, onClose)
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    run()
  }
  return (
    <DialogFrame title={`Publish ${file.name}`} open onClose={onClose}>
      <form onSubmit={submit}>
        <Facts
          rows={[
            ["File", <span className="mono">{file.name}</span>],
            ["Size", bytesText(file.size)],
          ]}
        />
        <Field label="Family">
          <select className={inputClass} value={family?.id} onChange={({ target }) => setFamily(target.value)}>
            {known.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </Field>
        <Field label={`Version${family === undefined ? "" : ` (${family.versions})`}; empty = as the file says`}>
          <input className={inputClass} value={version} onChange={({ target }) => setVersion(target.value)} />
        </Field>
        <Field label="Options of the family, such as from=1 name=GREENH1; empty = none">
          <input className={inputClass} value={options} onChange={({ target }) => setOptions(target.value)} />
        </Field>
        <Fault says={fault} />
        <Deeds>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || family === undefined}>
            {busy ? "Publishing…" : "Publish"}
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}

/** `from=1 name=X` as the JSON object that the API takes. */
function optionsJson(text: string): string {
  const pairs = text
    .trim()
    .split(/\s+/)
    .map((word) => {
      const at = word.indexOf("=")
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)]
    })
  return JSON.stringify(Object.fromEntries(pairs))
}
