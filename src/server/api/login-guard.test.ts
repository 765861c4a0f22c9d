import { expect, it } from "vitest"
import { Refusal } from "../../core/domain/refusal.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import { LoginGuard } from "./login-guard.ts"

it("lets only so many logins wait for their turn, and says to come again to the rest", async () => {
  const { most } = limits["login.waiting"]
  const hits: LimitName[] = []
  const waiting: (() => void)[] = []
  const guard = new LoginGuard({
    clock: { now: () => 0, monotonic: () => 0 },
    hit: (limit: LimitName) => void hits.push(limit),
    pause: () => new Promise<void>((resolve) => waiting.push(resolve)),
  } as never)
  const answers = Array.from({ length: 3 * most }, (_, at) =>
    guard
      .admit(`user-${at}`, "192.0.2.7", () => Promise.reject(new Refusal("wrong-login")))
      .catch((error: unknown) => (error as Refusal).code),
  )
  await new Promise((resolve) => setImmediate(resolve))
  expect(waiting).toHaveLength(most)
  for (const end of waiting) end()
  const codes = await Promise.all(answers)
  const busy = codes.filter((code) => code === "busy").length
  expect(busy).toBeGreaterThan(most / 2)
  expect(codes.filter((code) => code === "wrong-login")).toHaveLength(codes.length - busy)
  expect(hits.filter((limit) => limit === "login.waiting")).toHaveLength(busy)
})
