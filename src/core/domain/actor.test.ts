import { describe, expect, it } from "vitest"
import { actorText, deviceActor, engine, parseActor, tokenActor } from "./actor.ts"

describe("an actor in one word", () => {
  it.each([engine, deviceActor("a:b:c"), tokenActor("admin"), { kind: "operator", name: "anna" } as const])(
    "is read back as it was written: %j",
    (actor) => {
      expect(parseActor(actorText(actor))).toEqual(actor)
    },
  )

  it("names nobody where the store has none, or a kind that this version does not know", () => {
    expect(parseActor(null)).toBeNull()
    expect(parseActor("robot:x")).toBeNull()
  })
})
