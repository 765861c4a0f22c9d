import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { buildFotaUrl, type FotaUrl, parseFotaUrl } from "./fota-url.ts"
import { moduleProfile, moduleProfiles } from "../models.ts"
import vectors from "../vectors.json" with { type: "json" }

const ag35 = moduleProfile("AG35")
const ftp = { scheme: "ftp", user: "u", password: "p", host: "h", port: 21, path: "f.zip" } as const

describe("a module's reading of a URL", () => {
  it.each(vectors.urls)("takes $text, of $section", ({ text, url }) => {
    expect(parseFotaUrl(ag35, text)).toEqual({ ok: true, url })
  })

  it.each(vectors.refusedUrls)("refuses $text, of $section", ({ text }) => {
    expect(parseFotaUrl(ag35, text).ok).toBe(false)
  })

  it.each(["user", "password", "host", "path"] as const)("takes 50 bytes of %s over FTP and no more", (field) => {
    const text = (length: number): string => {
      const parts = new Map<string, string>(Object.entries({ ...ftp, port: "21", [field]: "x".repeat(length) }))
      return `ftp://${parts.get("user")}:${parts.get("password")}@${parts.get("host")}:21/${parts.get("path")}`
    }
    expect(parseFotaUrl(ag35, text(50)).ok).toBe(true)
    expect(parseFotaUrl(ag35, text(51)).ok).toBe(false)
  })

  it("takes 255 characters in all, and 128 of a local file", () => {
    const http = (length: number): string => `http://h/${"x".repeat(length - 9)}`
    expect([255, 256].map((length) => parseFotaUrl(ag35, http(length)).ok)).toEqual([true, false])
    const local = (length: number): string => `/data/ufs/${"x".repeat(length - 10)}`
    expect([128, 129].map((length) => parseFotaUrl(ag35, local(length)).ok)).toEqual([true, false])
    expect([128, 129].map((length) => parseFotaUrl(moduleProfile("MINIFOTA"), http(length)).ok)).toEqual([true, false])
  })

  it("knows which module has which transport, and where FTP looks", () => {
    expect(parseFotaUrl(moduleProfile("EP06"), "https://h/f").ok).toBe(true)
    expect(parseFotaUrl(moduleProfile("BG96"), "ftp://u:p@h/f").ok).toBe(false)
    expect(parseFotaUrl(moduleProfile("EC200A"), "ftp://u:p@h/dir/f").ok).toBe(false)
  })

  it("survives any text", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 400 }),
        fc.constantFrom("", "ftp://", "http://", "/data/ufs/"),
        (text, start) => {
          for (const profile of moduleProfiles) parseFotaUrl(profile, start + text)
        },
      ),
    )
  })
})

describe("the server's writing of a URL", () => {
  it("writes the guide's own example", () => {
    const url = { ...ftp, user: "test", password: "test", host: "124.74.41.170", path: "Jun/update-v12-to-v13.zip" }
    expect(buildFotaUrl(ag35, url)).toEqual({ ok: true, text: vectors.urls[0]?.text })
  })

  it.each([
    { user: "a@b" },
    { user: "" },
    { password: "a:b" },
    { password: 'a"b' },
    { host: "h h" },
    { host: "[::1]" },
    { path: "a?b" },
    { path: "a#b" },
    { path: "a,b" },
    { path: "/a" },
    { path: "ä" },
    { path: "x".repeat(51) },
    { port: 0 },
    { port: 1.5 },
  ])("refuses %j in a sentence", (wrong) => {
    const built = buildFotaUrl(ag35, { ...ftp, ...wrong })
    expect(built).toMatchObject({ ok: false, sentence: expect.stringMatching(/^[A-Z].*\.$/) })
  })

  it("writes only what every module of that profile reads back as it was meant", () => {
    const part = fc.string({ minLength: 1, maxLength: 60, unit: "binary-ascii" })
    const url = fc.record({ user: part, password: part, host: part, path: part, port: fc.nat(70_000) })
    fc.assert(
      fc.property(url, fc.constantFrom(...moduleProfiles), (parts, profile) => {
        for (const meant of [
          { scheme: "ftp", ...parts },
          { scheme: "http", host: parts.host, port: parts.port, path: parts.path },
        ] satisfies FotaUrl[]) {
          const built = buildFotaUrl(profile, meant)
          if (built.ok) expect(parseFotaUrl(profile, built.text)).toEqual({ ok: true, url: meant })
        }
      }),
      { numRuns: 500 },
    )
  })
})
