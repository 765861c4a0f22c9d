import fc from "fast-check"
import { expect, it } from "vitest"
import { SortedKeys } from "./sorted-keys.ts"

const key = fc.string({ minLength: 1, maxLength: 3 })

it("says what a set that is sorted says, both ways and from any key", () => {
  const step = fc.record({ isAdded: fc.boolean(), key })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), key, (steps, from) => {
      const keys = new SortedKeys()
      const set = new Set<string>()
      for (const { isAdded, key } of steps) {
        if (isAdded) keys.add(key)
        else keys.delete(key)
        if (isAdded) set.add(key)
        else set.delete(key)
      }
      const sorted = [...set].sort((a, b) => (a < b ? -1 : 1))
      expect(keys.size).toBe(set.size)
      expect([...keys.after(null)]).toEqual(sorted)
      expect([...keys.before(null)]).toEqual(sorted.toReversed())
      expect([...keys.after(from)]).toEqual(sorted.filter((one) => one > from))
      expect([...keys.from(from)]).toEqual(sorted.filter((one) => one >= from))
      expect(keys.has(from)).toBe(set.has(from))
      expect([...keys.before(from)]).toEqual(sorted.filter((one) => one < from).reverse())
    }),
  )
})

it("holds thousands that come in any order, over the borders of its blocks", () => {
  for (const multiplier of [1, 7919, 9999]) {
    const keys = new SortedKeys()
    const texts = Array.from({ length: 10_000 }, (_, i) => String((i * multiplier) % 10_000).padStart(5, "0"))
    for (const text of texts) keys.add(text)
    for (const text of texts) if (Number(text) % 3 === 0) keys.delete(text)
    const wanted = texts.filter((text) => Number(text) % 3 !== 0).sort()
    expect([...keys.after(null)]).toEqual([...new Set(wanted)])
    expect([...keys.before("05000")][0]).toBe("04999")
    expect([...keys.after("05000")][0]).toBe("05002")
  }
})

it("goes on where it was when keys are removed under a reader", () => {
  const keys = new SortedKeys()
  for (let i = 0; i < 2000; i++) keys.add(String(i).padStart(4, "0"))
  const read: string[] = []
  for (const key of keys.after(null)) {
    read.push(key)
    keys.delete(key)
  }
  expect(read.length).toBe(2000)
  expect(keys.size).toBe(0)
})
