import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { MalformedMessage } from "../../core/kit/malformed-message.ts"
import { ItemCutter } from "./json-items.ts"

/** The items of a text that comes in pieces of these sizes, over and over. */
function itemsOf(
  text: string | Uint8Array,
  sizes: readonly number[] = [1],
  form: "array" | "lines" = "array",
): readonly string[] {
  const bytes = Buffer.from(text)
  const cutter = new ItemCutter(form)
  const items: string[] = []
  const take = (item: Uint8Array): void => void items.push(Buffer.from(item).toString())
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1
    cutter.push(bytes.subarray(at, at + size), take)
    at += size
  }
  cutter.end(take)
  return items
}

const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 })
const values = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 8 })

describe("the items of a list that comes in pieces", () => {
  it("are what JSON.parse finds in the whole, however it is cut and indented", () => {
    fc.assert(
      fc.property(values, sizes, fc.constantFrom(0, 1, "\t", " \n"), (list, cuts, indent) => {
        const found = itemsOf(` ${JSON.stringify(list, null, indent)}\r\n`, cuts)
        expect(found.map((item) => JSON.parse(item) as unknown)).toEqual(JSON.parse(JSON.stringify(list)))
      }),
    )
  })

  it("are one a line in the other form, blank lines apart", () => {
    fc.assert(
      fc.property(values, sizes, fc.constantFrom("\n", "\r\n", "\n\n"), fc.boolean(), (list, cuts, end, isEnded) => {
        const text = list.map((value) => JSON.stringify(value)).join(end) + (isEnded ? end : "")
        const found = itemsOf(text, cuts, "lines")
        expect(found.map((item) => JSON.parse(item) as unknown)).toEqual(JSON.parse(JSON.stringify(list)))
      }),
    )
  })

  it.each([
    ["", "cut short"],
    ["[", "cut short"],
    ['["]', "cut short"],
    ["[{]}", "cut short"],
    ["{}", "no JSON array"],
    ["[] []", "something behind"],
    ["[1,]", "missing between commas"],
    ["[,1]", "missing between commas"],
    ["[1,,2]", "missing between commas"],
    [`["${"x".repeat(70_000)}"]`, "more than 65536 bytes"],
    [`[${" ".repeat(70_000)}1]`, "more than 65536 bytes"],
  ])("are refused in %j", (text, words) => {
    expect(() => itemsOf(text)).toThrow(words)
  })

  it("are cut or refused, whatever comes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.stringMatching(/^[[\]{},"\\ 1\n]{0,40}$/).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(bytes, sizes, (text, cuts) => {
        try {
          itemsOf(text, cuts)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
      }),
    )
  })
})
