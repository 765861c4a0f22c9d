import { useInfiniteQuery } from "@tanstack/react-query"
import { Link, useNavigate, useSearch } from "@tanstack/react-router"
import { Plus } from "lucide-react"
import { useCallback, useState } from "react"
import type { DeviceView } from "../../core/contract/schemas.ts"
import { ApiError } from "../live/api.ts"
import { middleText, withoutName } from "../live/numbers.ts"
import { devices } from "../live/queries.ts"
import { Button, buttonClass } from "../parts/button.tsx"
import { Bulk, SavedGroups } from "./bulk.tsx"
import { StateChips } from "../parts/chips.tsx"
import { FilterBox } from "../parts/filter-box.tsx"
import { KnownVersion } from "../parts/known.tsx"
import { Empty, PageHead } from "../parts/page.tsx"
import { StateWord } from "../parts/state.tsx"
import { Since } from "../parts/times.tsx"
import { type ListColumn, VirtualList } from "../parts/virtual-list.tsx"
import { AddDevice } from "./add-device.tsx"
import styles from "./devices.module.css"

const columns: readonly ListColumn<DeviceView>[] = [
  {
    title: "Device",
    width: "minmax(160px, 1.2fr)",
    cell: ({ id }) => (
      <Link to="/devices/$id" params={{ id }} className="mono" title={id}>
        {middleText(id, 24)}
      </Link>
    ),
  },
  {
    title: "Model",
    width: "minmax(110px, 0.8fr)",
    wideOnly: true,
    cell: ({ family, model }) => (
      <>
        {family} <span className="muted">{model}</span>
      </>
    ),
  },
  {
    title: "Runs",
    width: "minmax(100px, 0.8fr)",
    wideOnly: true,
    cell: ({ running }) => <KnownVersion running={running} />,
  },
  {
    title: "Update",
    width: "130px",
    cell: ({ update }) => (update === null ? <span className="muted">–</span> : <StateWord state={update.state} />),
  },
  {
    title: "Why",
    width: "minmax(0, 3fr)",
    cell: ({ id, explain }) => (
      <span className="muted" title={explain}>
        {withoutName(explain, id)}
      </span>
    ),
  },
  { title: "Seen", width: "64px", right: true, cell: ({ lastSeen }) => <Since at={lastSeen} /> },
]

/** Every device that the filter matches, a page at a time. */
export function Devices() {
  const { filter } = useSearch({ from: "/devices" })
  const navigate = useNavigate({ from: "/devices" })
  const [adding, setAdding] = useState(false)
  const query = useInfiniteQuery(devices(filter))
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? []
  const { fetchNextPage, isFetchingNextPage } = query
  const more = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage()
  }, [fetchNextPage, isFetchingNextPage])
  const fault = query.error instanceof ApiError ? query.error.message : null
  return (
    <div className={styles.page}>
      <PageHead
        title="Devices"
        deeds={
          <>
            {filter === "" ? null : (
              <Link to="/rollouts/new" search={{ group: filter, release: "" }} className={buttonClass("default")}>
                Roll out to these…
              </Link>
            )}
            <Button kind="primary" icon={Plus} needs="operator" onClick={() => setAdding(true)}>
              Add device
            </Button>
          </>
        }
      />
      <FilterBox filter={filter} onFilter={(next) => void navigate({ search: { filter: next } })} />
      <StateChips filter={filter} />
      <SavedGroups filter={filter} />
      {fault === null ? null : <p className={styles.fault}>{fault}</p>}
      {rows.length === 0 && query.isSuccess ? (
        <Empty says={filter === "" ? "Devices that you add stand here." : "No device matches this filter."}>
          {filter === "" ? <Button onClick={() => setAdding(true)}>Add the first one</Button> : null}
        </Empty>
      ) : (
        <VirtualList
          name="Devices"
          columns={columns}
          rows={rows}
          keyOf={({ id }) => id}
          hasMore={query.hasNextPage}
          total={query.data?.pages[0]?.total}
          onMore={more}
          foot={<Bulk filter={filter} total={query.data?.pages[0]?.total ?? 0} />}
        />
      )}
      <AddDevice open={adding} onClose={() => setAdding(false)} />
    </div>
  )
}
