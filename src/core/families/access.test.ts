import { describe, expect, it } from "vitest"
import { type AccessSide, agentToken, secretUrl } from "./access.ts"

const boards = secretUrl((key) => `/d/${key}/ota.json`)
const make = (side: AccessSide, wish: { user?: string; secret?: string }) =>
  side.make({ id: "d1", random: (length) => "r".repeat(length), isTaken: () => false, ...wish })

describe("credentials that stand in a device already", () => {
  const key = "url-abcdefghijABCDEFGHIJ"

  it("a board keeps its URL, given by its key or whole", () => {
    expect(make(boards, { user: key })).toMatchObject({ user: key })
    expect(make(boards, { user: `http://ota.example.com:8081/d/${key}/ota.json` })).toMatchObject({ user: key })
    expect(make(boards, {})).toMatchObject({ user: `url-${"r".repeat(20)}` })
  })

  it("what is no such key is refused with what it takes", () => {
    for (const user of ["url-short", "m1", "http://x/d/m1/ota.json", `${key}${key}`]) {
      expect(make(boards, { user }), user).toMatchObject({
        fault: expect.stringContaining("20 letters or digits") as string,
      })
    }
  })

  it("an agent keeps its token, and half a token is none", () => {
    const token = { user: "agent-abcdefghij", secret: "s".repeat(32) }
    expect(make(agentToken, token)).toEqual(token)
    expect(make(agentToken, { user: token.user })).toHaveProperty("fault")
    expect(make(agentToken, { ...token, user: "m1" })).toHaveProperty("fault")
    expect(make(agentToken, { secret: token.secret })).toMatchObject({ secret: token.secret })
  })
})
