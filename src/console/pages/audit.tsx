import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Copy, ShieldCheck } from "lucide-react"
import { useState } from "react"
import { type AuditEntry, firstSeal, SealWalk } from "../../core/domain/audit.ts"
import { ApiError, call } from "../live/api.ts"
import { countText, plural } from "../live/numbers.ts"
import { audit } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { copy, curlText } from "../parts/copy.ts"
import { Fault, useDeed } from "../parts/dialog.tsx"
import { Empty, PageHead, Stack } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { ClockTime } from "../parts/times.tsx"

const columns: readonly Column<AuditEntry>[] = [
  { title: "When", cell: ({ at }) => <ClockTime at={at} /> },
  { title: "Who", cell: ({ actor }) => (actor === null ? "the server" : (actor.name ?? actor.kind)) },
  { title: "From", cell: ({ from }) => <span className="mono">{from ?? "–"}</span> },
  { title: "What", cell: ({ kind }) => <span className="mono">{kind}</span> },
  {
    title: "In words",
    cell: ({ sentence, changes }) => (
      <span
        title={changes.map(({ record, field, before, after }) => `${record} ${field}: ${before} → ${after}`).join("\n")}
      >
        {sentence}
        {changes.length === 0 ? null : <span className="muted"> {plural(changes.length, "field")} changed.</span>}
      </span>
    ),
  },
  {
    title: "Entry",
    right: true,
    cell: ({ seq }) => (
      <Button
        small
        kind="quiet"
        icon={Copy}
        aria-label={`Copy event ${seq} as curl`}
        onClick={() => copy("The call", curlText("GET", `/api/audit?after=${seq - 1}&limit=1`))}
      />
    ),
  },
]

/** Who did what, from where, and whether the record of it is what was written. */
export function Audit() {
  const query = useQuery(audit)
  const rows = query.data ?? []
  return (
    <>
      <PageHead
        title="Audit"
        sub="What people and programs did, the newest first. Every event of the log carries a seal over the one before it."
      />
      {query.error instanceof ApiError ? (
        <Empty says={query.error.message} />
      ) : (
        <Stack>
          <Verify />
          <Card title="Actions" aside={`the newest ${countText(rows.length)}`}>
            {rows.length === 0 && query.isSuccess ? (
              <Empty says="Nobody has called for anything yet." />
            ) : (
              <Table caption="Actions" columns={columns} rows={rows} keyOf={({ seq }) => String(seq)} />
            )}
          </Card>
          <Link to="/settings" className="muted">
            Who may do what stands in the settings.
          </Link>
        </Stack>
      )}
    </>
  )
}

interface Verified {
  readonly says: string
  readonly isWhole: boolean
}

/** Follows the seals of the whole log in this browser: the server's word is not taken for it. */
function Verify() {
  const [found, setFound] = useState<Verified | null>(null)
  const [at, setAt] = useState(0)
  const { run, busy, fault } = useDeed(
    async () => setFound(await walk(setAt)),
    () => undefined,
  )
  return (
    <Card title="Is it whole?" aside="checked in this browser">
      <p>{found?.says ?? (busy ? `${countText(at)} events are checked…` : "Nobody has looked yet.")}</p>
      <Fault says={fault ?? (found?.isWhole === false ? "Somebody has changed the log, or the disk has." : null)} />
      <Button icon={ShieldCheck} disabled={busy} onClick={run}>
        Verify the log
      </Button>
    </Card>
  )
}

const pageSize = 1000

async function walk(tell: (seq: number) => void): Promise<Verified> {
  const [{ sha256 }, { bytesToHex, utf8ToBytes }] = await Promise.all([
    import("@noble/hashes/sha2.js"),
    import("@noble/hashes/utils.js"),
  ])
  const seals = new SealWalk((text) => bytesToHex(sha256(utf8ToBytes(text))), firstSeal)
  for (;;) {
    const { entries } = await call("GET /api/audit", { query: { after: seals.head.seq, limit: pageSize } })
    for (const entry of entries) {
      const wrong = seals.take(entry)
      if (wrong !== null) return { says: `The log does not hold: ${wrong.says}.`, isWhole: false }
    }
    tell(seals.head.seq)
    if (entries.length < pageSize) break
  }
  const { seq, seal } = seals.head
  return { says: `${plural(seals.sealed, "event is", "events are")} as written, up to ${seq}:${seal}.`, isWhole: true }
}
