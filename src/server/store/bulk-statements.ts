import type { Update } from "../../core/domain/records.ts"
import type { BulkChange } from "../fleet/needs.ts"
import type { Statement } from "./database.ts"
import type { Dialect } from "./migrations.ts"
import { updateRow } from "./rows.ts"

/** Rows of one statement: it holds the only writer for some 20 ms. */
const rowsAtOnce = 5000

/**
 * The statements of what concerns many devices alike. The ids cross to the database as one JSON text; everything that the rows have in
 * common crosses once. All of it runs on both databases.
 */
export function bulkStatements(dialect: Dialect, change: BulkChange): readonly Statement[] {
  // Both give a column `value`, a row for each text.
  const texts = dialect === "sqlite" ? "json_each(?)" : "json_array_elements_text(cast(? as json))"
  if ("enrol" in change) return alike(change.enrol).flatMap((updates) => enrol(texts, updates))
  if ("end" in change) {
    const { state, since, sentence } = change.as
    const text = `update updates set state = ?, over = 1, due_at = null, version = version + 1, basis = 'observed', since = ?, sentence = ? where id in (select value from ${texts})`
    return inChunks(change.end.map(({ id }) => id)).map((ids) => ({
      sql: text,
      parameters: [state, since, sentence, JSON.stringify(ids)],
    }))
  }
  const text = `update devices set running_evidence = 'unknown', version = version + 1 where id in (select value from ${texts})`
  return inChunks(change.doubt.map(({ id }) => id)).map((ids) => ({ sql: text, parameters: [JSON.stringify(ids)] }))
}

/** New updates that differ only in their device, together. */
function alike(updates: readonly Update[]): readonly (readonly Update[])[] {
  const groups = new Map<unknown, Map<unknown, Map<string, Update[]>>>()
  for (const update of updates) {
    const places = groups.get(update.pull) ?? new Map<unknown, Map<string, Update[]>>()
    groups.set(update.pull, places)
    const releases = places.get(update.place) ?? new Map<string, Update[]>()
    places.set(update.place, releases)
    const group = releases.get(update.releaseId)
    if (group === undefined) releases.set(update.releaseId, [update])
    else group.push(update)
  }
  return [...groups.values()].flatMap((places) => [...places.values()].flatMap((releases) => [...releases.values()]))
}

function enrol(texts: string, updates: readonly Update[]): readonly Statement[] {
  const [sample] = updates
  if (sample === undefined) return []
  const { id: _, device_id: __, ...common } = updateRow(sample)
  const columns = Object.keys(common)
  const types = Object.values(common).map((value) => (typeof value === "number" ? "bigint" : "text"))
  const values = types.map((type) => `cast(? as ${type})`).join(", ")
  const text = `insert into updates (id, device_id, ${columns.join(", ")}) select cast(? as text) || value, value, ${values} from ${texts}`
  const parameters = [`${sample.rolloutId}/`, ...Object.values(common)]
  return inChunks(updates.map(({ deviceId }) => deviceId)).map((ids) => ({
    sql: text,
    parameters: [...parameters, JSON.stringify(ids)],
  }))
}

function inChunks<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = []
  for (let from = 0; from < items.length; from += rowsAtOnce) chunks.push(items.slice(from, from + rowsAtOnce))
  return chunks
}
