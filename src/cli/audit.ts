import { hash } from "node:crypto"
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { Command } from "commander"
import { type AuditEntry, firstSeal, type SealStart, SealWalk } from "../core/domain/audit.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { startExport } from "./audit-file.ts"
import { Failure } from "./failure.ts"
import { type Common, common } from "./options.ts"
import { printJson, printLines, timeText } from "./output.ts"

interface ListOptions extends Common {
  readonly limit: string
  readonly after?: string
  readonly device?: string
  readonly everything?: boolean
}

interface VerifyOptions extends Common {
  readonly head?: string
}

/** `waft audit …`: who did what, and that nobody has changed the record of it. */
export function auditCommand(): Command {
  const command = new Command("audit").description("who did what, from where, and proof that the record is whole")
  common(command.command("list"))
    .description("print what people and programs did, the newest last")
    .option("--limit <N>", "at most so many, up to 1000", "100")
    .option("--after <SEQ>", "those that follow this running number, instead of the newest")
    .option("--device <ID>", "only what was done to this device")
    .option("--everything", "what devices and the server itself did as well")
    .action(list)
  common(command.command("verify [FILE]"))
    .description("follow the seals of the server's whole log, or of an export: exit code 0 when they hold, 1 when not")
    .option("--head <SEQ:SEAL>", "also that this event is in it with this seal, as an earlier run printed it")
    .action(verify)
  common(command.command("export [FILE]"))
    .description("write the log, a JSON object a line, into a file that `waft audit verify FILE` verifies anywhere")
    .option("--after <SEQ>", "only what follows this running number", "0")
    .action(exportLog)
  return command
}

async function list({ limit, after, device, everything, ...options }: ListOptions): Promise<void> {
  const backwards = after === undefined
  const query = {
    limit: wholeNumber("--limit", limit),
    after: backwards ? 0 : wholeNumber("--after", after),
    backwards,
    calls: everything !== true,
    ...(device === undefined ? {} : { device }),
  }
  const { entries } = await (await connect(options)).call("listAudit", { query })
  const inOrder = backwards ? entries.toReversed() : entries
  if (options.json) return printJson(inOrder)
  if (inOrder.length === 0) return printLines("Nobody has called for anything yet.")
  printLines(...inOrder.flatMap(entryLines))
}

function entryLines({ seq, at, actor, from, kind, sentence, changes }: AuditEntry): readonly string[] {
  const who = actor === null ? "?" : (actor.name ?? actor.kind)
  return [
    `${seq} ${timeText(at)} ${who}${from === null ? "" : ` from ${from}`} ${kind}: ${sentence}`,
    ...changes.map(({ record, field, before, after }) => `    ${record}: ${field} ${before ?? "-"} -> ${after ?? "-"}`),
  ]
}

async function verify(file: string | undefined, { head, ...options }: VerifyOptions): Promise<void> {
  const known = head === undefined ? null : parseHead(head)
  const log = file === undefined ? await serverLog(options, 0) : await fileLog(file)
  const walk = new SealWalk(sha256, log.start)
  let isKnown = known === null || (known.seq === log.start.seq && known.seal === log.start.seal)
  for await (const entry of log.entries) {
    const fault = walk.take(entry)
    if (fault !== null) throw broken(fault.says, fault.seq)
    isKnown ||= known?.seq === entry.seq && known.seal === entry.seal
  }
  if (!isKnown) throw broken(`event ${known?.seq} is not in it with the seal that --head names`, known?.seq ?? 0)
  const { sealed, unsealed } = walk
  if (options.json) return printJson({ holds: true, sealed, unsealed, start: log.start, head: walk.head })
  const after = log.start.seq === 0 ? "" : ` after event ${log.start.seq}`
  printLines(`The seals of ${sealed} events${after} hold.`)
  if (unsealed > 0) printLines(`The first ${unsealed} events are from before there were seals.`)
  printLines(`head ${walk.head.seq}:${walk.head.seal}`)
}

/** A log that does not hold is an answer, not a failure of the command's own: its title says so. */
function broken(says: string, seq: number): Failure {
  return new Failure(`The log does not hold: ${says}; every event before ${seq} is what was written.`, {
    title: "audit-broken",
  })
}

async function exportLog(file: string | undefined, { after, ...options }: Common & { after: string }): Promise<void> {
  const { start, entries } = await serverLog(options, wholeNumber("--after", after))
  const out = await startExport(file ?? null)
  await out.line({ waftAudit: 1, start })
  let end = start
  let count = 0
  for await (const entry of entries) {
    await out.line(entry)
    end = { seq: entry.seq, seal: entry.seal ?? firstSeal.seal }
    count++
  }
  await out.line({ end })
  await out.finish()
  process.stderr.write(`${count} events were written; head ${end.seq}:${end.seal}\n`)
}

interface Log {
  readonly start: SealStart
  readonly entries: AsyncIterable<AuditEntry>
}

/** Entries that are asked for at once. */
const pageSize = 1000

async function serverLog(options: Common, after: number): Promise<Log> {
  const api = await connect(options)
  const first = await api.call("listAudit", { query: { after, limit: pageSize } })
  return { start: first.start ?? firstSeal, entries: pages(api, first.entries) }
}

async function* pages(api: ApiClient, first: readonly AuditEntry[]): AsyncGenerator<AuditEntry> {
  let page = first
  for (;;) {
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    page = (await api.call("listAudit", { query: { after: last.seq, limit: pageSize } })).entries
  }
}

async function fileLog(file: string): Promise<Log> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  const head = parseLine(file, 1, await next(file, lines)) as {
    readonly waftAudit?: unknown
    readonly start?: SealStart
  }
  const { start } = head
  if (head.waftAudit !== 1 || typeof start?.seq !== "number" || typeof start.seal !== "string") {
    throw new Failure(`${file} is no export of an audit log; \`waft audit export FILE\` writes one.`)
  }
  return { start, entries: fileEntries(file, lines, start) }
}

/** Its last line says where it ends: an export that was cut is known for it. */
async function* fileEntries(file: string, lines: AsyncIterator<string>, start: SealStart): AsyncGenerator<AuditEntry> {
  let last = start.seq
  for (let number = 2; ; number++) {
    const text = await next(file, lines)
    if (text === null) throw broken(`${file} ends after event ${last} without its last line`, last + 1)
    const line = parseLine(file, number, text) as AuditEntry | { readonly end: SealStart }
    if ("end" in line) {
      if (line.end?.seq !== last) throw broken(`${file} says that it ends with event ${line.end?.seq}`, last + 1)
      if ((await next(file, lines)) !== null) throw broken(`${file} goes on after its last line`, last + 1)
      return
    }
    yield line
    last = line.seq
  }
}

async function next(file: string, lines: AsyncIterator<string>): Promise<string | null> {
  try {
    const { done, value } = await lines.next()
    return done === true ? null : value
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}.`)
  }
}

function parseLine(file: string, number: number, text: string | null): unknown {
  try {
    const line: unknown = JSON.parse(text ?? "")
    if (typeof line === "object" && line !== null) return line
  } catch {
    // Told below.
  }
  throw broken(`line ${number} of ${file} is no JSON object`, number - 1)
}

function parseHead(text: string): SealStart {
  const [, seq = "", seal = ""] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seal === "") throw usage(`--head takes SEQ:SEAL, as \`waft audit verify\` prints it, not "${text.slice(0, 90)}".`)
  return { seq: Number(seq), seal }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usage(`${flag} takes a whole number, not "${text}".`)
  return Number(text)
}

const usage = (says: string): Failure => new Failure(says, { exitCode: 2, title: "usage" })

const sha256 = (text: string): string => hash("sha256", text)
