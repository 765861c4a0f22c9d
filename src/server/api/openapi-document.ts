import { Type, type TSchema } from "typebox"
import { type Endpoint, endpoints } from "../../core/contract/endpoints.ts"
import * as contract from "../../core/contract/schemas.ts"

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Paths = Record<string, Record<string, { requestBody?: Json }>>

/**
 * The OpenAPI document as generators of clients want it: the contract's objects stand once, under their names, and the calls that
 * take a file say so.
 */
export function openApiDocument(made: object): object {
  const document = plain(JSON.parse(JSON.stringify(made)) as Json) as { [key: string]: Json }
  const names = namesOfObjects()
  const schemas: { [key: string]: Json } = {}
  for (const [text, name] of names) schemas[name] = named(JSON.parse(text) as Json, names, true)
  const paths = named(document["paths"] ?? {}, names, false) as unknown as Paths
  for (const { method, path, body } of Object.values<Endpoint>(endpoints)) {
    const operation = paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()]
    if (body === "bytes" && operation !== undefined) operation.requestBody = fileBody
  }
  const components = { ...(document["components"] as object), schemas }
  return { ...document, paths, components }
}

const fileBody: Json = {
  required: true,
  content: { "application/octet-stream": { schema: { type: "string", contentMediaType: "application/octet-stream" } } },
}

/** The contract's objects by their text, and the name that each has there. */
function namesOfObjects(): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [name, value] of Object.entries<unknown>(contract)) {
    if (!isObjectSchema(value)) continue
    const text = JSON.stringify(plain(JSON.parse(JSON.stringify(value)) as Json))
    if (!names.has(text)) names.set(text, name)
  }
  return names
}

function isObjectSchema(value: unknown): value is TSchema {
  return typeof value === "object" && value !== null && Type.IsObject(value)
}

/** What means the same as the same text: keys in order, a map of texts to something and a choice of words each in the one way. */
function plain(node: Json): Json {
  if (Array.isArray(node)) return node.map(plain)
  if (typeof node !== "object" || node === null) return node
  const parts = Object.entries(node).map(([key, one]) => [key, plain(one)] as const)
  return Object.fromEntries(Object.entries(inOneWay(Object.fromEntries(parts))).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function inOneWay({ patternProperties, const: only, ...rest }: { [key: string]: Json }): { [key: string]: Json } {
  const words = wordsOf(rest["anyOf"])
  if (words !== null) return { ...without(rest, "anyOf"), enum: words, type: "string" }
  if (only !== undefined) return { ...rest, enum: [only] }
  if (patternProperties === undefined) return rest
  const anyName = (patternProperties as { [key: string]: Json })["^.*$"]
  return anyName === undefined ? { ...rest, patternProperties } : { ...rest, additionalProperties: anyName }
}

function without(node: { [key: string]: Json }, key: string): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(node).filter(([name]) => name !== key))
}

/** The words of a choice that is between single words alone; null = it is another. */
function wordsOf(choices: Json | undefined): Json[] | null {
  if (!Array.isArray(choices)) return null
  const words = choices.flatMap((one) => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) return []
    const { type, enum: values, ...more } = one
    return type === "string" && Array.isArray(values) && Object.keys(more).length === 0 ? [values] : []
  })
  return words.length === choices.length ? words.flat() : null
}

/** The same with each object that has a name replaced by a reference to it; `isOwn`: but not this one itself. */
function named(node: Json, names: ReadonlyMap<string, string>, isOwn: boolean): Json {
  if (Array.isArray(node)) return node.map((one) => named(one, names, false))
  if (typeof node !== "object" || node === null) return node
  const name = isOwn || node["type"] !== "object" ? undefined : names.get(JSON.stringify(node))
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, named(value, names, false)]))
}
