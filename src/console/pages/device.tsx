import { useQuery } from "@tanstack/react-query"
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router"
import { Check, Copy, Eye, Info, Rocket, Terminal, Trash2 } from "lucide-react"
import { useState } from "react"
import type { DeviceView, UpdateView } from "../../core/contract/schemas.ts"
import { ApiError, call } from "../live/api.ts"
import { bytesText, durationText, withoutName } from "../live/numbers.ts"
import { device, deviceAccess, deviceEvents, queryClient } from "../live/queries.ts"
import { stateGlyphs } from "../live/states.ts"
import { AccessFacts } from "../parts/access.tsx"
import { Button, buttonClass } from "../parts/button.tsx"
import { Callout } from "../parts/callout.tsx"
import { Card } from "../parts/card.tsx"
import { copy, curlText, shellWord } from "../parts/copy.ts"
import { ConfirmDialog, Fault } from "../parts/dialog.tsx"
import { KnownVersion } from "../parts/known.tsx"
import { MoreMenu } from "../parts/menu.tsx"
import { Empty, Facts, Label, PageHead, Stacks } from "../parts/page.tsx"
import { StatePill } from "../parts/state.tsx"
import { Tabs } from "../parts/tabs.tsx"
import { Timeline } from "../parts/timeline.tsx"
import { Since } from "../parts/times.tsx"
import { tell, tellRefusal } from "../parts/toast.tsx"
import { Versions } from "../parts/versions.tsx"
import { Wire } from "../parts/wire.tsx"

/** One device: how it stands, what happened to it, what goes into it. */
export function Device() {
  const { id } = useParams({ from: "/devices/$id" })
  const { data, error } = useQuery(device(id))
  if (error instanceof ApiError) {
    return (
      <>
        <PageHead title={<span className="mono">{id}</span>} />
        <Empty says={error.message}>
          <Link to="/devices" search={{ filter: "" }} className={buttonClass("default")}>
            All devices
          </Link>
        </Empty>
      </>
    )
  }
  return data === undefined ? <h1 className="visually-hidden">{id}</h1> : <Known known={data} />
}

function Known({ known }: { readonly known: DeviceView }) {
  const { update, explain } = known
  const events = useQuery(deviceEvents(known.id)).data ?? []
  const as = update?.state ?? "waiting"
  const { tab = "" } = useSearch({ from: "/devices/$id" })
  const navigate = useNavigate()
  return (
    <>
      <PageHead
        title={
          <>
            <span className="mono">{known.id}</span>
            {update === null ? null : <StatePill state={update.state} />}
          </>
        }
        sub={
          <>
            {known.family} {known.model} · runs <KnownVersion running={known.running} /> · heard{" "}
            <Since at={known.lastSeen} ago />
            {Object.entries(known.labels).map(([name, value]) => (
              <Label key={name} name={name} value={value} />
            ))}
          </>
        }
        deeds={<DeviceDeeds known={known} />}
      />
      <Callout glyph={update === null ? Info : stateGlyphs[as]} as={as} sentence={withoutName(explain, known.id)} />
      <Stacks
        left={
          <Card>
            <Tabs
              label={`About ${known.id}`}
              open={tab}
              onOpen={(next) =>
                void navigate({ to: "/devices/$id", params: { id: known.id }, search: { tab: next }, replace: true })
              }
              tabs={[
                { name: "Timeline", content: <Timeline events={events} /> },
                { name: "Wire", content: <Wire id={known.id} /> },
                { name: "Versions", content: <Versions known={known} events={events} /> },
                ...(Object.keys(known.options).length === 0
                  ? []
                  : [{ name: "SIM and options", content: <Options known={known} /> }]),
              ]}
            />
          </Card>
        }
        right={
          <>
            <Card title="Identity">
              <Facts
                rows={[
                  ["Family", known.family],
                  ["Model", <span className="mono">{known.model}</span>],
                  ["Peer", <span className="mono">{known.peer ?? "–"}</span>],
                  ["Added", <Since at={known.addedAt} ago />],
                ]}
              />
            </Card>
            {update === null ? null : <UpdateCard update={update} />}
            <Card title="Habit">
              <Facts
                rows={[
                  ["Calls", known.rhythmMs === null ? "not learned yet" : `every ${durationText(known.rhythmMs)}`],
                  ["Last", <Since at={known.lastSeen} ago />],
                ]}
              />
            </Card>
            <AccessCard id={known.id} />
          </>
        }
      />
    </>
  )
}

/** What its family was told of it: variant, number, access point; and that its SIM is another device's now. */
function Options({ known: { options, state, doubt } }: { readonly known: DeviceView }) {
  return (
    <>
      <Facts rows={Object.entries(options).map(([name, value]) => [name, <span className="mono">{value}</span>])} />
      {state === "attention" && doubt !== null ? <Fault says={doubt} /> : null}
    </>
  )
}

function UpdateCard({ update }: { readonly update: UpdateView }) {
  const { transfer } = update
  return (
    <Card title="Update">
      <Facts
        rows={[
          [
            "Rollout",
            <Link to="/rollouts/$id" params={{ id: update.rolloutId }} search={{ state: "" }} className="mono">
              {update.rolloutId}
            </Link>,
          ],
          ["To version", <span className="mono">{update.version}</span>],
          ["Attempt", update.attempt],
          ["Code", update.code === null ? "–" : <span className="mono">{update.code}</span>],
          ...(transfer === null
            ? []
            : [["Transfer", `${bytesText(transfer.takenBytes)} of ${bytesText(transfer.sizeBytes)}`] as const]),
          ...(update.offerReason === null ? [] : [["Offer", update.offerReason] as const]),
        ]}
      />
    </Card>
  )
}

/** What goes into the device is shown only when somebody asks for it. */
function AccessCard({ id }: { readonly id: string }) {
  const access = useQuery(deviceAccess(id))
  return (
    <Card title="Access">
      {access.data === undefined ? (
        <Button small icon={Eye} needs="operator" onClick={() => void access.refetch()}>
          Show what goes into it
        </Button>
      ) : (
        <AccessFacts access={access.data} />
      )}
    </Card>
  )
}

function DeviceDeeds({ known: { id, state } }: { readonly known: DeviceView }) {
  const navigate = useNavigate()
  const [removing, setRemoving] = useState(false)
  const accept = (): void => {
    call("POST /api/devices/:id/accept", { params: { id } })
      .then(() => queryClient.invalidateQueries({ queryKey: ["device", id] }))
      .then(() => tell(`${id} is accepted`))
      .catch(tellRefusal)
  }
  return (
    <>
      {state === "pending" ? (
        <Button kind="primary" icon={Check} needs="operator" onClick={accept}>
          Accept device
        </Button>
      ) : (
        <Link to="/rollouts/new" search={{ group: `id=${id}`, release: "" }} className={buttonClass("default")}>
          <Rocket size={14} aria-hidden />
          Roll out to it…
        </Link>
      )}
      <MoreMenu
        label={`More for ${id}`}
        rows={[
          {
            word: "Copy as CLI",
            icon: Terminal,
            onPress: () => copy("The command", `waft device explain ${shellWord(id)}`),
          },
          {
            word: "Copy as curl",
            icon: Copy,
            onPress: () => copy("The command", curlText("GET", `/api/devices/${encodeURIComponent(id)}`)),
          },
          { word: "Remove…", icon: Trash2, destroys: true, apart: true, onPress: () => setRemoving(true) },
        ]}
      />
      <ConfirmDialog
        title={`Remove ${id}`}
        means="The server forgets it: its credentials stop working, and what it ran is no longer known."
        touches={["What stands in the device (login or URL) stays there and will be refused."]}
        name={id}
        deed="Remove device"
        keep="Keep it"
        open={removing}
        onClose={() => setRemoving(false)}
        onDeed={async () => {
          await call("DELETE /api/devices/:id", { params: { id } })
          tell(`${id} is removed`)
          await navigate({ to: "/devices", search: { filter: "" } })
        }}
      />
    </>
  )
}
