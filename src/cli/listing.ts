import type { Command } from "commander"
import type { ApiClient, ItemOf, ListName } from "./api-client.ts"
import { Failure } from "./failure.ts"

/** What a command that lists takes. */
export interface Listing {
  readonly limit: string
  readonly all?: boolean
}

const usualRows = 1000

export function listing(command: Command): Command {
  return command
    .option("--limit <N>", "at most so many rows", String(usualRows))
    .option("--all", "every row, however many there are")
}

/** The rows that were asked for; says on stderr where there are more. */
export async function readList<Name extends ListName>(
  api: ApiClient,
  name: Name,
  parts: Parameters<typeof api.list<Name>>[1],
  options: Listing,
): Promise<ItemOf<Name>[]> {
  const most = options.all === true ? Number.POSITIVE_INFINITY : rowsOf(options.limit)
  const { items, total, hasMore } = await api.some(name, parts, most)
  if (hasMore) {
    const of = total === null ? "" : ` of ${total}`
    process.stderr.write(`These are the first ${items.length}${of} rows; --limit N or --all gives more.\n`)
  }
  return items
}

function rowsOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Failure(`--limit takes a number of rows, not "${text}".`, { exitCode: 2, title: "usage" })
}
