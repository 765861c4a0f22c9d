import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { useState } from "react"
import type { ChannelView } from "../../core/contract/schemas.ts"
import { call } from "../live/api.ts"
import { channels, queryClient, releases } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Deeds, DialogFrame, Fault, Field, inputClass, useDeed } from "../parts/dialog.tsx"
import { Empty, Facts, PageHead, Stack } from "../parts/page.tsx"
import { Since } from "../parts/times.tsx"
import { tell } from "../parts/toast.tsx"

/** Logins and URLs that offer one release, or nothing, to whoever comes. */
export function Channels() {
  const { data } = useQuery(channels)
  return (
    <>
      <PageHead
        title="Channels"
        sub="A channel offers one release, or nothing, to whoever comes with its login or URL."
      />
      {data === undefined ? null : (
        <Stack>
          {data.length === 0 ? (
            <Card>
              <Empty says="No channel yet. Devices that all share one login are served by one: waft channel set NAME --user … --password …" />
            </Card>
          ) : (
            data.map((one) => <ChannelCard key={one.name} channel={one} />)
          )}
        </Stack>
      )}
    </>
  )
}

function ChannelCard({ channel }: { readonly channel: ChannelView }) {
  const [changing, setChanging] = useState(false)
  const { name, family, releaseId, version, warning, polls, changedAt, manifestUrl, user } = channel
  return (
    <Card
      title={name}
      aside={
        <Button small needs="releaser" onClick={() => setChanging(true)}>
          Change what it offers…
        </Button>
      }
    >
      <Facts
        rows={[
          ["Family", family],
          ["User", <span className="mono">{user}</span>],
          ...(manifestUrl === undefined ? [] : [["URL", <span className="mono">{manifestUrl}</span>] as const]),
          [
            "Offers",
            releaseId === null ? (
              "nothing"
            ) : (
              <Link to="/firmware/$id" params={{ id: releaseId }}>
                version <span className="mono">{version}</span> ({releaseId})
              </Link>
            ),
          ],
          ...(warning === null ? [] : [["Mind", warning] as const]),
          ["Polls", polls],
          ["Changed", <Since at={changedAt} ago />],
        ]}
      />
      <ChangeDialog key={String(changing)} channel={channel} open={changing} onClose={() => setChanging(false)} />
    </Card>
  )
}

interface ChangeProps {
  readonly channel: ChannelView
  readonly open: boolean
  readonly onClose: () => void
}

function ChangeDialog({ channel: { name, family, releaseId, version }, open, onClose }: ChangeProps) {
  const fitting = (useQuery(releases).data ?? []).filter((one) => one.state === "active" && one.family === family)
  const [chosen, setChosen] = useState(releaseId ?? "")
  const [wanted, setWanted] = useState(version ?? "")
  const { run, busy, fault } = useDeed(async () => {
    const body = {
      releaseId: chosen === "" ? null : chosen,
      ...(chosen === "" || wanted === "" ? {} : { version: wanted }),
    }
    await call("PUT /api/channels/:name", { params: { name }, body })
    await queryClient.invalidateQueries({ queryKey: ["channels"] })
    tell(`${name} is changed`)
  }, onClose)
  return (
    <DialogFrame title={`What ${name} offers`} open={open} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <Field label="Release">
          <select className={inputClass} value={chosen} onChange={({ target }) => setChosen(target.value)}>
            <option value="">nothing</option>
            {fitting.map((one) => (
              <option key={one.id} value={one.id}>
                {one.version} · {one.fileName} · {one.id}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Version that it announces">
          <input
            className={inputClass}
            value={wanted}
            disabled={chosen === ""}
            onChange={({ target }) => setWanted(target.value)}
          />
        </Field>
        <Fault says={fault} />
        <Deeds>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            Change it
          </Button>
        </Deeds>
      </form>
    </DialogFrame>
  )
}
