import { expect, it } from "vitest"
import { HostBench, order } from "../host/bench.testing.ts"
import { moduleProfile, moduleProfiles } from "../models.ts"
import { agent } from "./agent.ts"

it("takes a number for what its event makes of it, told by the agent or by the module's own line", () => {
  const offer = { from: "V1", to: "V2", sizeBytes: 1, hopsLeft: 1, transport: "http" }
  const context = { model: "EP06", offer, target: "V2", state: "downloading" } as const
  for (const [more, code] of [
    [{ event: "HTTPEND", code: 608 }, "HTTPEND 608"],
    [{ urc: '+QIND: "FOTA","HTTPEND",420', code: 420 }, "HTTPEND 420"],
    [{ event: "FTPEND", code: 608 }, "FTPEND 608"],
    // An agent of an earlier version sends the number alone.
    [{ code: 608 }, "FTPEND 608"],
  ] as const) {
    expect(agent.interpret({ state: "failed", ...more }, context)).toMatchObject({ kind: "install-failed", code })
  }
})

it("says of any event and number what the agent says", async () => {
  const offer = { from: "V1", to: "V2", sizeBytes: 1, hopsLeft: 1, transport: "http" }
  for (const { id: model } of moduleProfiles.filter(({ isMini }) => !isMini)) {
    const context = { model, offer, target: "V2", state: "downloading" } as const
    for (const event of ["FTPEND", "HTTPEND"] as const) {
      for (const code of [420, 601, 608, 627, 702, 708, 999]) {
        const said = [`${event.slice(0, -3)}START`, `${event}",${code}`].map((text) => `+QIND: "FOTA","${text}`)
        const plan = said.map((text, n) => ({ atMs: 1000 + n * 8000, say: text.endsWith("T") ? `${text}"` : text }))
        const bench = new HostBench({ plans: [plan] })
        const { sentence } = await bench.run({ model, retry: { ...order.retry, codes: [], results: [] } })
        expect(agent.interpret({ state: "failed", event, code }, context)?.sentence, `${model} ${event} ${code}`).toBe(
          sentence,
        )
      }
    }
  }
})

it("gives a module the time that its link needs", () => {
  const situation = (model: string, sizeBytes: number) =>
    agent.order({
      model,
      offer: { from: "V1", to: "V2", hops: 1, transport: "http" },
      sizeBytes,
      ticket: { user: "u", secret: "s" },
      ftp: { host: "192.0.2.1", port: 21 },
      httpDirectory: "http://192.0.2.1/a/",
    })
  const seconds = (model: string, sizeBytes: number): number => {
    const made = situation(model, sizeBytes)
    return "limits" in made ? made.limits.downloadSeconds : 0
  }
  expect([moduleProfile("AG35").link, moduleProfile("BG96").link]).toEqual(["broadband", "narrowband"])
  expect([seconds("AG35", 10_000), seconds("AG35", 6_000_000)]).toEqual([300, 3000])
  // Six minutes of 36 kB, as NB-IoT takes them, are within the limit.
  expect([seconds("BG96", 10_000), seconds("BG96", 36_000)]).toEqual([300, 360])
})
