import type { FastifyRequest } from "fastify"
import { type TSchema } from "typebox"
import { Compile } from "typebox/compile"
import { MalformedMessage } from "../../core/kit/malformed-message.ts"
import { ItemCutter } from "./json-items.ts"

/** A body that is a long list. */
export interface ListSchema extends TSchema {
  readonly items: TSchema
  readonly minItems?: number
  readonly maxItems?: number
}

/** Whether a body is one. */
export function isList(body: unknown): body is ListSchema {
  return typeof body === "object" && body !== null && "items" in body
}

/** Types in which such a body comes: a JSON array, or one JSON value a line. */
export const listTypes = ["application/json", "application/x-ndjson"]

/** What is wrong with a body, as fastify says it of others. */
class WrongBody extends Error {
  readonly statusCode = 400
}

/**
 * Reads a list as it comes, item by item: each is checked when it is whole, and nothing is kept of a list from its first fault on. What
 * comes after that is taken from the connection and dropped, so that its sender hears the fault.
 */
export function listReader(
  schema: ListSchema,
  tooLarge: (request: FastifyRequest, limit: number) => Error,
): (request: FastifyRequest, body: AsyncIterable<Buffer>) => Promise<readonly unknown[]> {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  const check = Compile(schema.items)
  const read = (item: Uint8Array, at: number): unknown => {
    if (at >= maxItems) throw new WrongBody(`body must not have more than ${maxItems} items`)
    const value = parsed(item, at)
    if (check.Check(value)) return value
    const [first] = check.Errors(value)
    throw new WrongBody(`body/${at}${first?.instancePath ?? ""} ${first?.message ?? "is wrong"}`)
  }
  return async (request, body) => {
    const { bodyLimit } = request.routeOptions
    const isLines = (request.headers["content-type"] ?? "").startsWith("application/x-ndjson")
    const cutter = new ItemCutter(isLines ? "lines" : "array")
    let items: unknown[] = []
    const take = (item: Uint8Array): void => void items.push(read(item, items.length))
    let fault: Error | null = null
    const attempt = (deed: () => void): void => {
      if (fault !== null) return
      try {
        deed()
      } catch (error) {
        items = []
        fault = error instanceof MalformedMessage ? new WrongBody(`body: ${error.message}`) : (error as Error)
      }
    }
    let length = 0
    for await (const piece of body) {
      length += piece.length
      if (length > bodyLimit) throw tooLarge(request, bodyLimit)
      attempt(() => cutter.push(piece, take))
    }
    attempt(() => cutter.end(take))
    if (fault !== null) throw fault as Error
    if (items.length < minItems) throw new WrongBody(`body must not have fewer than ${minItems} items`)
    return items
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

function parsed(item: Uint8Array, at: number): unknown {
  try {
    const text = utf8.decode(item)
    // Whoever copies such a member by assignment would change what all objects inherit.
    return /_|\\u005f/i.test(text) && /(?:_|\\u005f){2}proto/i.test(text) ? withoutPrototype(text) : JSON.parse(text)
  } catch (error) {
    throw new WrongBody(`body/${at} is no JSON: ${error instanceof Error ? error.message.slice(0, 200) : "cut"}`)
  }
}

function withoutPrototype(text: string): unknown {
  return JSON.parse(text, (key, value: unknown) => {
    if (key === "__proto__") throw new Error("a member is called __proto__")
    return value
  })
}
