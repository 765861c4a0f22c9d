import { expect, it } from "vitest"
import { InOrder } from "./in-order.ts"

it("does what is ready in the order in which it was added, whatever is ready first", () => {
  const done: number[] = []
  const order = new InOrder()
  const [one, two, three] = [1, 2, 3].map((n) => order.add(() => done.push(n)))
  two?.()
  expect(done).toEqual([])
  one?.()
  expect(done).toEqual([1, 2])
  three?.()
  expect(done).toEqual([1, 2, 3])
})
