import type { Json } from "../../../kit/json.ts"

/** JSON in ASCII: what is beyond is escaped, so that one character is one byte on every wire. */
export function jsonText(value: Json): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}

/** The object that a body holds; a sentence says why it holds none. Deeper than ten levels is nobody's feedback. */
export function objectOf(body: Uint8Array): Readonly<Record<string, unknown>> | { readonly fault: string } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))
  } catch {
    return { fault: "the body is not JSON in UTF-8" }
  }
  return isRecord(value) ? value : { fault: "the body is no JSON object" }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
