import { expect, it } from "vitest"
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
