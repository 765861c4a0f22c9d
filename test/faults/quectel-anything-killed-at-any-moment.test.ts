import { beforeAll, describe, expect, it } from "vitest"
import { numbers } from "./mortal/moments.testing.ts"
import { MortalWorld, type Victim, victims } from "./mortal/world.testing.ts"

const [v12, v13, v14] = ["AG35CEV12", "AG35CEV13", "AG35CEV14"] as const
const rounds = 100

interface Strike {
  readonly victim: Victim
  /** The n-th deed of anybody since the rollout began. */
  readonly deed: number
}

interface Story {
  /** The way that is rolled out. */
  readonly versions: readonly string[]
  readonly strikes: readonly Strike[]
  readonly seed: number
}

/** A whole story: the rollout starts, the strikes fall, everything comes back, and the update comes to its end. */
async function live({ versions, strikes, seed }: Story) {
  const world = await MortalWorld.start(v12, numbers(seed))
  for (const { victim, deed } of strikes) world.moments.at(deed, () => world.strike(victim))
  await world.rollOut(v12, ...versions)
  await world.settle()
  const deeds = world.moments.passed
  return { deeds, struckAfter: world.struckAfter, outcome: await world.end() }
}

/** The module is at the end of the way, each package was installed once, and the server's store knows it from the module. */
async function expectGoodEnd(story: Story): Promise<readonly string[]> {
  const { outcome, struckAfter } = await live(story)
  const last = story.versions.at(-1)
  expect(outcome, JSON.stringify(story)).toEqual({
    own: last,
    record: { version: last, evidence: "reported" },
    state: "succeeded",
    installs: story.versions.length,
  })
  return struckAfter
}

/** What a module may have said last of its update at a strike. Of START, which UPDATING follows at once, chance decides. */
const moments = ["", "FTPSTART", "FTPEND", "UPDATING", "END"]

describe("an update in which anything is killed at any moment", () => {
  const hit = new Set<string>()
  let deedsOfOneHop = 0
  let deedsOfTwoHops = 0
  beforeAll(async () => {
    deedsOfOneHop = (await live({ versions: [v13], strikes: [], seed: 1 })).deeds
    deedsOfTwoHops = (await live({ versions: [v13, v14], strikes: [], seed: 1 })).deeds
    expect(deedsOfOneHop).toBeGreaterThan(300)
    expect(deedsOfTwoHops).toBeGreaterThan(1.8 * deedsOfOneHop)
  })

  it.each(victims)(
    "ends on the new firmware two hops away, as the server knows, the %s killed once",
    async (victim) => {
      const random = numbers(victim.length * 7919)
      for (let seed = 0; seed < rounds; seed++) {
        const strikes = [{ victim, deed: Math.ceil(random() * deedsOfTwoHops) }]
        for (const event of await expectGoodEnd({ versions: [v13, v14], strikes, seed })) hit.add(event)
      }
    },
  )

  it("has struck at each moment of an update", () => expect([...hit]).toEqual(expect.arrayContaining(moments)))

  const pairs = victims.flatMap((first, index) => victims.slice(index).map((second) => [first, second] as const))

  it.each(pairs)("ends on the new firmware, as the server knows, the %s and the %s killed", async (first, second) => {
    const random = numbers(first.length * 31 + second.length)
    for (let seed = 0; seed < rounds; seed++) {
      const strikes = [first, second].map((victim) => ({ victim, deed: Math.ceil(random() * deedsOfOneHop) }))
      await expectGoodEnd({ versions: [v13], strikes, seed })
    }
  })
})
