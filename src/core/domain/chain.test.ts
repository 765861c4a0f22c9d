import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { findChain, type Hop } from "./chain.ts"

const hop = (from: string, to: string, sizeBytes: number, id = `${from}-${to}`): Hop => ({ id, from, to, sizeBytes })
const way = (packages: readonly Hop[], from: string, to: string): readonly string[] | null =>
  findChain(packages, from, to)?.map(({ id }) => id) ?? null

describe("the chain finder", () => {
  it("takes fewest bytes, even over more hops", () => {
    expect(way([hop("A", "C", 100), hop("A", "B", 40), hop("B", "C", 50)], "A", "C")).toEqual(["A-B", "B-C"])
  })

  it("takes fewer hops where the bytes are equal", () => {
    expect(way([hop("A", "B", 40), hop("B", "C", 60), hop("A", "C", 100)], "A", "C")).toEqual(["A-C"])
  })

  it("finds the way back over reverse packages, and none where one is missing", () => {
    const packages = [hop("A", "B", 1), hop("B", "C", 1), hop("C", "B", 1)]
    expect(way(packages, "C", "B")).toEqual(["C-B"])
    expect(way(packages, "C", "A")).toBeNull()
  })

  it("is empty for a device that is there, and null for a version that nobody knows", () => {
    expect(way([hop("A", "B", 1)], "B", "B")).toEqual([])
    expect(way([hop("A", "B", 1)], "AG35", "B")).toBeNull()
  })

  it("gives the same way whatever the order of the packages", () => {
    const packages = [hop("A", "B", 5, "x"), hop("A", "B", 5, "w"), hop("B", "A", 5), hop("B", "C", 5)]
    fc.assert(
      fc.property(fc.shuffledSubarray(packages, { minLength: 4 }), (shuffled) => {
        expect(way(shuffled, "A", "C")).toEqual(["w", "B-C"])
      }),
    )
  })

  it("never finds a dearer way than walking every simple path does", () => {
    const versions = ["A", "B", "C", "D"]
    const anyHop = fc
      .record({
        from: fc.constantFrom(...versions),
        to: fc.constantFrom(...versions),
        sizeBytes: fc.integer({ min: 1, max: 9 }),
      })
      .map(({ from, to, sizeBytes }) => hop(from, to, sizeBytes))
    fc.assert(
      fc.property(fc.array(anyHop, { maxLength: 12 }), (packages) => {
        const found = findChain(packages, "A", "D")
        expect(found === null ? null : cost(found)).toBe(cheapest(packages, "A", new Set(["A"])))
      }),
    )
  })
})

const cost = (hops: readonly Hop[]): number => hops.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

function cheapest(packages: readonly Hop[], at: string, visited: ReadonlySet<string>): number | null {
  if (at === "D") return 0
  const costs = packages
    .filter(({ from, to }) => from === at && !visited.has(to))
    .flatMap(({ to, sizeBytes }) => {
      const rest = cheapest(packages, to, new Set([...visited, to]))
      return rest === null ? [] : [sizeBytes + rest]
    })
  return costs.length === 0 ? null : Math.min(...costs)
}
