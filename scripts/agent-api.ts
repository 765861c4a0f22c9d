import type { TSchema } from "typebox"
import {
  type AgentCall,
  agentBodyBytes,
  agentCalls,
  longestWaitSeconds,
  OrderView,
} from "../src/core/contract/agent-api.ts"

/** A part of docs/agent-api.md that is made from the contract: between its two marks. */
const parts: Readonly<Record<string, () => string>> = {
  calls: () =>
    table(
      ["Call", "Path", "What it does"],
      Object.values<AgentCall>(agentCalls).map(({ method, path, summary }) => [method, `\`${path}\``, summary]),
    ),
  limits: () =>
    table(
      ["Limit", "Value"],
      [
        ["Body of a call", `${agentBodyBytes} bytes`],
        ["`wait` of one call for work", `${longestWaitSeconds} s`],
      ],
    ),
  "enrol body": () => fields(agentCalls.enrol.body),
  "enrol answer": () => fields(agentCalls.enrol.response),
  "work query": () => fields(agentCalls.work.query),
  "work answer": () => fields(agentCalls.work.response),
  order: () => fields(OrderView),
  "report body": () => fields(agentCalls.report.body),
  "report answer": () => fields(agentCalls.report.response),
  "note body": () => fields(agentCalls.note.body),
  "note answer": () => fields(agentCalls.note.response),
}

const begin = (name: string): string =>
  `<!-- ${name}: written by \`npx tsx scripts/write-agent-api.ts\`, do not edit -->`
const end = (name: string): string => `<!-- end of ${name} -->`

/** The page with its tables written anew. Throws when the page has lost a mark. */
export function withTables(page: string): string {
  let text = page
  for (const [name, make] of Object.entries(parts)) {
    const from = text.indexOf(begin(name))
    const to = text.indexOf(end(name))
    if (from < 0 || to < from) throw new Error(`the page has no marks for "${name}"`)
    text = `${text.slice(0, from)}${begin(name)}\n\n${make()}\n\n${text.slice(to)}`
  }
  return text
}

/** What of a JSON schema the page shows; typebox schemas are JSON schemas. */
interface Shown {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Shown>>
  readonly required?: readonly string[]
  readonly items?: Shown
  readonly anyOf?: readonly Shown[]
  readonly enum?: readonly string[]
  readonly const?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly default?: number
}

function fields(schema: TSchema): string {
  return table(["Field", "Type", "What it is"], rowsOf(schema, ""))
}

function rowsOf({ properties = {}, required = [] }: Shown, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const may = required.includes(name) ? "" : ", may be left out"
    const row = [`\`${path}\``, `${typeOf(field)}${may}`, field.description ?? ""]
    return field.type === "object" ? [row, ...rowsOf(field, `${path}.`)] : [row]
  })
}

function typeOf(field: Shown): string {
  if (field.const !== undefined) return `\`"${field.const}"\``
  if (field.enum !== undefined) return field.enum.map((word) => `\`"${word}"\``).join(" ")
  if (field.anyOf !== undefined)
    return field.anyOf.map((one) => (one.type === "object" ? "order" : typeOf(one))).join(" or ")
  if (field.type === "array") return `list of ${typeOf(field.items ?? {})}`
  if (field.type === "string")
    return `string${lengthOf(field)}${field.pattern === undefined ? "" : `, \`${field.pattern}\``}`
  const { minimum, maximum } = field
  const range = minimum === undefined || maximum === undefined ? "" : ` from ${minimum} to ${maximum}`
  const standard = field.default === undefined ? "" : `, default ${field.default}`
  return `${field.type ?? "?"}${range}${standard}`
}

function lengthOf({ minLength, maxLength }: Shown): string {
  if (maxLength === undefined) return ""
  return minLength === undefined ? `, at most ${maxLength}` : `, ${minLength} to ${maxLength}`
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(titles), `|${titles.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")
}
