import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { pullStep } from "../../../domain/pull.ts"
import type { PullContext, PullFact } from "../../../domain/pull-facts.ts"
import { freshPull } from "../../../domain/pull-state.ts"
import { pullRules } from "./pull-rules.ts"

type Part = readonly [from: number, to: number]

/** Files of a release, where they stand in its image. */
const parts: readonly [Part, Part, Part] = [
  [0, 1000],
  [1000, 1400],
  [1400, 5000],
]
const sizeBytes = 5000

/** Runs facts through the rules; gives the moments that were found. */
function momentsOf(facts: readonly PullFact[]): readonly string[] {
  const context: PullContext = { rules: pullRules, model: "other", version: "2", offer: {}, sizeBytes, speed: 1 }
  let state = freshPull
  return facts.flatMap((fact) => {
    const step = pullStep(context, state, fact)
    state = step.state
    return step.findings.map(({ moment }) => moment)
  })
}

const started = (part: Part, from = part[0]): PullFact => ({
  ...{ kind: "image-started", from, part, session: `s${from}`, network: "n", at: 0 },
})
const ended = (part: Part, from: number, to: number): PullFact => ({
  ...{ kind: "image-ended", from, to, sent: to, whole: to === part[1], part, at: 1000 },
})
const fetched = (part: Part): readonly PullFact[] => [started(part), ended(part, ...part)]

describe("a release of several files", () => {
  it("is there once all of them are, and before that nothing was cut", () => {
    expect(momentsOf(parts.flatMap(fetched))).toEqual(["downloading", "downloading", "downloading", "downloaded"])
    expect(momentsOf(fetched(parts[0]))).toEqual(["downloading"])
  })

  it("is there in whatever order they came", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...parts], { minLength: 3 }), (order) => {
        const moments = momentsOf(order.flatMap(fetched))
        expect(moments.at(-1)).toBe("downloaded")
        expect(moments.filter((moment) => moment === "downloaded")).toHaveLength(1)
      }),
    )
  })

  it("with one of them cut and gone on with is there with a doubt; cut and left, it is not there", () => {
    const [first, second, third] = parts
    const cut = [...fetched(first), ...fetched(second), started(third), ended(third, 1400, 2000)]
    expect(momentsOf(cut).at(-1)).toBe("cut")
    expect(momentsOf([...cut, started(third, 2000), ended(third, 2000, 5000)]).at(-1)).toBe("downloaded-doubtful")
    expect(momentsOf([...cut, ...fetched(third)]).at(-1)).toBe("downloaded")
  })

  it("of which one is fetched anew after it was there is not there until that one is", () => {
    const again = [...parts.flatMap(fetched), started(parts[1])]
    expect(momentsOf([...again, ended(parts[1], 1000, 1200)]).at(-1)).toBe("cut")
    expect(momentsOf([...again, ended(parts[1], 1000, 1400)]).at(-1)).toBe("downloaded")
  })
})
