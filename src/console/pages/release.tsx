import { useQuery } from "@tanstack/react-query"
import { Link, useParams } from "@tanstack/react-router"
import { Rocket, Stamp } from "lucide-react"
import { useState } from "react"
import type { DeltaView, ReleaseView } from "../../core/contract/schemas.ts"
import { ApiError, call } from "../live/api.ts"
import { bytesText, countText, durationText, percentText } from "../live/numbers.ts"
import { queryClient, release, releaseDeltas } from "../live/queries.ts"
import { Button, buttonClass } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { ConfirmDialog, Fault, useDeed } from "../parts/dialog.tsx"
import { Empty, Facts, PageHead, Stacks } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { Since } from "../parts/times.tsx"
import { tell } from "../parts/toast.tsx"

const deltaColumns: readonly Column<DeltaView>[] = [
  { title: "From", cell: ({ fromVersion }) => <span className="mono">{fromVersion}</span> },
  { title: "Format", cell: ({ format }) => format },
  { title: "State", cell: ({ state, error }) => <span title={error ?? undefined}>{state}</span> },
  { title: "Devices", right: true, cell: ({ devices }) => countText(devices) },
  { title: "Patch", right: true, cell: ({ patchBytes }) => (patchBytes === null ? "–" : bytesText(patchBytes)) },
  {
    title: "Of the image",
    right: true,
    cell: ({ patchBytes, imageBytes }) => (patchBytes === null ? "–" : percentText(patchBytes, imageBytes, 1)),
  },
  { title: "Made in", right: true, cell: ({ tookMs }) => (tookMs === null ? "–" : durationText(tookMs)) },
]

/** One release: what it is, the patches to it, and taking it back. */
export function Release() {
  const { id } = useParams({ from: "/firmware/$id" })
  const { data, error } = useQuery(release(id))
  const deltas = useQuery(releaseDeltas(id)).data ?? []
  if (error instanceof ApiError) {
    return (
      <>
        <PageHead title={<span className="mono">{id}</span>} />
        <Empty says={error.message}>
          <Link to="/firmware" className={buttonClass("default")}>
            All releases
          </Link>
        </Empty>
      </>
    )
  }
  if (data === undefined) return <h1 className="visually-hidden">{id}</h1>
  return (
    <>
      <PageHead
        title={`${data.family} ${data.version}`}
        sub={
          <>
            <span className="mono">{data.id}</span> · {data.state} · published <Since at={data.publishedAt} ago />
          </>
        }
        deeds={<ReleaseDeeds release={data} />}
      />
      <Stacks
        left={
          <Card title="Patches to it" aside={deltas.length}>
            {deltas.length === 0 ? (
              <Empty says="No patches are made to this release: its family takes none, or no other release can be patched from." />
            ) : (
              <Table
                caption="Patches"
                columns={deltaColumns}
                rows={deltas}
                keyOf={({ fromReleaseId }) => fromReleaseId}
              />
            )}
          </Card>
        }
        right={
          <Card title="Image">
            <Facts
              rows={[
                ["File", <span className="mono">{data.fileName}</span>],
                ["Size", <span title={`${data.sizeBytes} bytes`}>{bytesText(data.sizeBytes)}</span>],
                ["SHA-256", <span className="mono">{data.sha256}</span>],
                ["Models", data.models.length === 0 ? "all" : data.models.join(", ")],
                ...(data.source === null ? [] : [["From", <span className="mono">{data.source}</span>] as const]),
                ...Object.entries(data.details).map(
                  ([name, value]) => [name, <span className="mono">{String(value)}</span>] as const,
                ),
                ...data.notes.map((note, index) => [`Note ${index + 1}`, note] as const),
              ]}
            />
          </Card>
        }
      />
    </>
  )
}

function ReleaseDeeds({ release: { id, version, state } }: { readonly release: ReleaseView }) {
  const [asking, setAsking] = useState(false)
  const approving = useDeed(
    async () => {
      await call("POST /api/releases/:id/approve", { params: { id } })
      await queryClient.invalidateQueries({ queryKey: ["releases"] })
      tell(`${id} is approved`)
    },
    () => undefined,
  )
  if (state === "withdrawn") return null
  return (
    <>
      {state === "unapproved" ? (
        <Button kind="primary" icon={Stamp} needs="releaser" disabled={approving.busy} onClick={approving.run}>
          Approve release
        </Button>
      ) : (
        <Link to="/rollouts/new" search={{ group: "", release: id }} className={buttonClass("primary")}>
          <Rocket size={14} aria-hidden />
          Roll out…
        </Link>
      )}
      <Button needs="releaser" onClick={() => setAsking(true)}>
        Withdraw…
      </Button>
      <Fault says={approving.fault} />
      <ConfirmDialog
        title={`Withdraw ${id}`}
        means={`Version ${version} is offered to nobody any more. Devices that run it keep it; those that have begun may still install it.`}
        name={id}
        deed="Withdraw release"
        keep="Keep it"
        open={asking}
        onClose={() => setAsking(false)}
        onDeed={async () => {
          await call("POST /api/releases/:id/withdraw", { params: { id }, query: {} })
          await queryClient.invalidateQueries({ queryKey: ["releases"] })
          tell(`${id} is withdrawn`)
        }}
      />
    </>
  )
}
