import { describe, expect, it } from "vitest"
import { families } from "./index.ts"
import { clashOf, RouteTable } from "./route-table.ts"
import type { Route } from "./routes.ts"
import { pic32mzw1 } from "./pic32mzw1/index.ts"

const route = (method: Route["method"], path: string): Route => ({
  method,
  path,
  caller: () => null,
  answer: () => ({ status: 200 }),
})
const family = (...routes: readonly Route[]) => ({ ...pic32mzw1, http: { routes } })

describe("the table of routes", () => {
  const table = new RouteTable([
    family(route("GET", "/v/:token"), route("POST", "/v/:token"), route("GET", "/d/:key/v:name"), route("GET", "/x/y")),
  ])

  it.each([
    ["GET", "/v/abc", { token: "abc" }],
    ["POST", "/v/%41", { token: "%41" }],
    ["HEAD", "/d/k/v12.bin", { key: "k", name: "12.bin" }],
    ["GET", "/x/y", {}],
  ])("%s %s fits, and nothing is decoded", (method, path, params) => {
    expect(table.find(method, path)).toMatchObject({ params })
  })

  it.each(["/v/", "/v/a/b", "/v", "/d/k/v", "/d/k/w1", "/x/z", `/v/${"a".repeat(201)}`])("nothing fits %s", (path) => {
    expect(table.find("GET", path)).toBeNull()
  })

  it("names the methods of a path that it knows", () => {
    expect(table.find("DELETE", "/v/abc")).toEqual({ allowed: ["GET", "POST"] })
  })

  it.each([
    ["/v/:token", "/v/:other", true],
    ["/:tenant/v1", "/v/v1", true],
    ["/d/:key/v:name", "/d/:key/ota.json", false],
    ["/d/:key/v:name", "/d/:key/v1.bin", true],
    ["/a/b", "/a/:c/d", false],
  ])("%s and %s: may one request fit both? %s", (one, other, isClash) => {
    expect(clashOf([family(route("GET", one)), family(route("GET", other))]) !== null).toBe(isClash)
    expect(clashOf([family(route("GET", one)), family(route("POST", other))])).toBeNull()
  })

  it("of the families has no request that fits two routes", () => {
    expect(clashOf(families)).toBeNull()
  })
})
