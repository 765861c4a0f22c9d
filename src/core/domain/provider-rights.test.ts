import { describe, expect, it } from "vitest"
import { nameByClaims, parseClaimRights, rightsByClaims } from "./provider-rights.ts"

const rows = parseClaimRights(
  "groups=ota-admins => admin; realm_access.roles=north side => operator site=north and model=4g ;https://x.example/r=7=>viewer",
)

describe("what claims give", () => {
  it("is the first row that they fulfil", () => {
    expect(rightsByClaims(rows, { groups: ["x", "ota-admins"] })).toEqual({ role: "admin", group: null })
    expect(rightsByClaims(rows, { groups: "ota-admins" })).toEqual({ role: "admin", group: null })
    const north = { role: "operator", group: "site=north and model=4g" }
    expect(rightsByClaims(rows, { realm_access: { roles: ["north side"] } })).toEqual(north)
    expect(rightsByClaims(rows, { "realm_access.roles": ["north side"] })).toEqual(north)
    expect(rightsByClaims(rows, { "https://x.example/r": 7 })).toEqual({ role: "viewer", group: null })
  })

  it("is nothing where none is fulfilled whole", () => {
    for (const claims of [
      {},
      { groups: "ota-admins2" },
      { groups: ["OTA-ADMINS"] },
      { groups: { "ota-admins": true } },
      { groups: [["ota-admins"]] },
      { realm_access: "roles" },
      { realm_access: null },
    ]) {
      expect(rightsByClaims(rows, claims)).toBe(null)
    }
  })

  it.each([
    ["groups=a", "is not CLAIM=VALUE => ROLE"],
    ["=a => viewer", "is not CLAIM=VALUE => ROLE"],
    ["groups=a => root", '"root" is no role'],
    ["groups=a => admin site=north", "whole fleet"],
    ["groups=a => viewer site==", "group expression"],
  ])("is refused as it is written in %s", (text, says) => {
    expect(() => parseClaimRights(text)).toThrow(says)
  })
})

it("names a user in letters that a name may have", () => {
  expect(nameByClaims({ sub: "1", email: "rita@example.com", preferred_username: "rita" })).toBe("rita")
  expect(nameByClaims({ sub: "1", email: "rita@example.com", preferred_username: "" })).toBe("rita@example.com")
  expect(nameByClaims({ sub: "auth0|7\u202e" })).toBe("auth0-7-")
  expect(nameByClaims({ sub: "--x" })).toBe("x")
})
