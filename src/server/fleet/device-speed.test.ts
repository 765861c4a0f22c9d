import { describe, expect, it } from "vitest"
import { speedOf } from "./device-speed.ts"

const of = (labels: Readonly<Record<string, string>>) => speedOf({ deviceSpeed: 1 }, { labels })

describe("how fast a device runs", () => {
  it("is said by a label of virtual devices alone", () => {
    expect(of({ virtual: "yes", "virtual-speed": "100" })).toBe(100)
    expect(of({ "virtual-speed": "100" })).toBe(1)
    expect(of({ virtual: "yes" })).toBe(1)
  })

  it.each(["", "fast", "0", "-3", "1e9", "NaN"])("is the server's own where the label says %j", (text) => {
    expect(of({ virtual: "yes", "virtual-speed": text })).toBe(1)
  })
})
