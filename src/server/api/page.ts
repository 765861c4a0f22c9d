import type { List } from "../../core/contract/list.ts"
import { Refusal } from "../../core/domain/refusal.ts"

/** Largest sum of a page's rows, bytes: with what stands around them, the answer stays under 1 MB. */
const pageBytes = 900_000

/** A list's order as the query says it. */
export interface Sorting<Key extends string> {
  readonly key: Key
  readonly backwards: boolean
}

/** `-started` is `started`, backwards; `usual` when nothing is said. */
export function sortingOf<Key extends string>(sort: Key | `-${Key}` | undefined, usual: Key): Sorting<Key> {
  if (sort === undefined) return { key: usual, backwards: false }
  return sort.startsWith("-") ? { key: sort.slice(1) as Key, backwards: true } : { key: sort as Key, backwards: false }
}

/** Where a page ended: what the row has under the list's sort key, and what tells it from all others. */
export interface Place {
  readonly value: string | number
  readonly id: string
}

/** A cursor is the place of a page's last row in one order of the list. */
export function cursorText({ key, backwards }: Sorting<string>, { value, id }: Place): string {
  return Buffer.from(JSON.stringify([key, backwards ? 1 : 0, value, id])).toString("base64url")
}

/** Refuses `bad-cursor`: what is no cursor of ours, or belongs to another order. */
export function placeOfCursor(sorting: Sorting<string>, cursor: string | undefined): Place | null {
  if (cursor === undefined) return null
  try {
    const parts = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown
    const [key, backwards, value, id] = Array.isArray(parts) ? (parts as readonly unknown[]) : []
    const isOurs = key === sorting.key && backwards === (sorting.backwards ? 1 : 0)
    if (isOurs && typeof id === "string" && (typeof value === "string" || typeof value === "number")) {
      return { value, id }
    }
  } catch {
    // Told below.
  }
  throw new Refusal("bad-cursor")
}

export interface PageRows<Row, Item> {
  /** One row more than `limit` where there is one: it only shows that the list goes on. */
  readonly rows: readonly Row[]
  readonly limit: number
  readonly view: (row: Row) => Item | Promise<Item>
  readonly cursorOf: (row: Row) => string
}

/** Shows rows until `limit`, or until the answer is large enough. */
export async function cutPage<Row, Item>({
  rows,
  limit,
  view,
  cursorOf,
}: PageRows<Row, Item>): Promise<Pick<List<Item>, "items" | "next">> {
  const items: Item[] = []
  let bytes = 0
  let last: Row | undefined
  for (const row of rows.slice(0, limit)) {
    const item = await view(row)
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1
    if (bytes > pageBytes && last !== undefined) break
    items.push(item)
    last = row
  }
  return { items, next: last === undefined || items.length === rows.length ? null : cursorOf(last) }
}

export interface SmallList<Row, Key extends string, Item> {
  readonly rows: Iterable<Row>
  readonly query: {
    readonly limit?: number | undefined
    readonly cursor?: string | undefined
    readonly sort?: Key | `-${Key}` | undefined
  }
  /** What each sort key means; the first is the usual one. */
  readonly sorts: Readonly<Record<Key, (row: Row) => string | number>>
  readonly idOf: (row: Row) => string
  readonly view: (row: Row) => Item | Promise<Item>
}

/** A page of a list that is held in memory and has a few thousand rows at most. */
export async function smallPage<Row, Key extends string, Item>(list: SmallList<Row, Key, Item>): Promise<List<Item>> {
  const { query, sorts, idOf, view } = list
  const { limit = 100 } = query
  const [usual] = Object.keys(sorts) as Key[]
  if (usual === undefined) throw new Error("a list has a sort key")
  const sorting = sortingOf(query.sort, usual)
  const after = placeOfCursor(sorting, query.cursor)
  const placeOf = (row: Row): Place => ({ value: sorts[sorting.key](row), id: idOf(row) })
  const sign = sorting.backwards ? -1 : 1
  const all = [...list.rows].map((row) => ({ row, place: placeOf(row) }))
  const rest = after === null ? all : all.filter(({ place }) => sign * comparePlaces(place, after) > 0)
  rest.sort((a, b) => sign * comparePlaces(a.place, b.place))
  const page = await cutPage({
    rows: rest.slice(0, limit + 1),
    limit,
    view: ({ row }) => view(row),
    cursorOf: ({ place }) => cursorText(sorting, place),
  })
  return { ...page, total: all.length }
}

function comparePlaces(a: Place, b: Place): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1
}
