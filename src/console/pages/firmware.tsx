import { useQuery } from "@tanstack/react-query"
import { Link, useNavigate } from "@tanstack/react-router"
import { Upload } from "lucide-react"
import { type DragEvent, useState } from "react"
import type { ReleaseView } from "../../core/contract/schemas.ts"
import { bytesText, middleText } from "../live/numbers.ts"
import { releases } from "../live/queries.ts"
import { Button } from "../parts/button.tsx"
import { Card } from "../parts/card.tsx"
import { Empty, PageHead } from "../parts/page.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { Since } from "../parts/times.tsx"
import styles from "./firmware.module.css"
import { PublishDialog } from "./publish.tsx"

const columns: readonly Column<ReleaseView>[] = [
  {
    title: "Release",
    cell: ({ id }) => (
      <Link to="/firmware/$id" params={{ id }} className="mono">
        {id}
      </Link>
    ),
  },
  { title: "Family", cell: ({ family }) => family },
  {
    title: "Version",
    cell: ({ source, version }) => (
      <span className="mono" title={version}>
        {source === null ? "" : `${middleText(source, 16)} → `}
        {middleText(version, 20)}
      </span>
    ),
  },
  { title: "File", cell: ({ fileName }) => <span className="mono">{middleText(fileName, 28)}</span> },
  {
    title: "Models",
    cell: ({ models }) => (models.length === 0 ? <span className="muted">all</span> : models.join(", ")),
  },
  { title: "State", cell: ({ state }) => (state === "active" ? "active" : <span className="muted">{state}</span>) },
  {
    title: "Size",
    right: true,
    cell: ({ sizeBytes }) => <span title={`${sizeBytes} bytes`}>{bytesText(sizeBytes)}</span>,
  },
  { title: "Published", right: true, cell: ({ publishedAt }) => <Since at={publishedAt} ago /> },
]

/** Every release; a file dropped here is read and checked by the server before it is stored. */
export function Firmware() {
  const { data } = useQuery(releases)
  const navigate = useNavigate()
  const [file, setFile] = useState<File | null>(null)
  const [over, setOver] = useState(false)
  const drop = (event: DragEvent): void => {
    event.preventDefault()
    setOver(false)
    setFile(event.dataTransfer.files[0] ?? null)
  }
  const choose = (): void => {
    const input = document.createElement("input")
    input.type = "file"
    input.addEventListener("change", () => setFile(input.files?.[0] ?? null))
    input.click()
  }
  const rows = data?.toReversed() ?? []
  return (
    <>
      <PageHead
        title="Firmware"
        deeds={
          <Button kind="primary" icon={Upload} needs="releaser" onClick={choose}>
            Publish a file…
          </Button>
        }
      />
      <section
        className={styles.drop}
        data-over={over}
        aria-label="Drop a firmware file here"
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        Drop a firmware file here. What is wrong with it is said before anything is stored.
      </section>
      {data === undefined ? null : (
        <Card title="Releases" aside={rows.length}>
          {rows.length === 0 ? (
            <Empty says="Releases that you publish stand here." />
          ) : (
            <Table caption="Releases" columns={columns} rows={rows} keyOf={({ id }) => id} />
          )}
        </Card>
      )}
      {file === null ? null : (
        <PublishDialog
          file={file}
          onClose={() => setFile(null)}
          onPublished={(id) => void navigate({ to: "/firmware/$id", params: { id } })}
        />
      )}
    </>
  )
}
