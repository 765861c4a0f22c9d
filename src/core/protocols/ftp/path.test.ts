import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { lookupPaths, maxPathLength, parentPath, quotePath, resolvePath } from "./path.ts"

describe("a path", () => {
  it("is brought into its one absolute form", () => {
    const forms: readonly (readonly [string, string, string])[] = [
      ["/", "UPGRADE.TXT", "/UPGRADE.TXT"],
      ["/", "/UPGRADE.TXT", "/UPGRADE.TXT"],
      ["/", ".gprs//UPGRADE.TXT", "/.gprs/UPGRADE.TXT"],
      ["/.gprs", "PROG001", "/.gprs/PROG001"],
      ["/a/b", "..", "/a"],
      ["/a/b", "../../../..", "/"],
      ["/", "../../etc/passwd", "/etc/passwd"],
      ["/a", "./././x/", "/a/x"],
      ["/a", "...", "/a/..."],
      ["/a", "", "/a"],
      ["/", "..\\..\\x", "/..\\..\\x"],
      ["/", "\xff", "/\xff"],
    ]
    for (const [directory, argument, path] of forms) expect(resolvePath(directory, argument)).toBe(path)
  })

  it("cannot exist with a control character in it or with 10 kB", () => {
    for (const argument of ["a\0b", "a\rb", "a\nb", "\x1b[2J", "\x7f", "x".repeat(10_000), "/".repeat(10_000)]) {
      expect(resolvePath("/", argument)).toBeNull()
      expect(lookupPaths("/.gprs", argument)).toEqual([])
    }
  })

  it("stays absolute, normal and short, whatever is asked for", () => {
    const part = fc.constantFrom("..", ".", "", "a", ".gprs", "\xff", "x".repeat(300))
    fc.assert(
      fc.property(fc.array(part), fc.array(part), (directoryParts, parts) => {
        const directory = resolvePath("/", directoryParts.join("/")) ?? "/"
        for (const path of lookupPaths(directory, parts.join("/"))) {
          expect(path).toMatch(/^\/(?!$)|^\/$/)
          expect(path.length).toBeLessThanOrEqual(maxPathLength)
          expect(path === "/" ? [] : path.slice(1).split("/")).not.toEqual(
            expect.arrayContaining([expect.stringMatching(/^\.{0,2}$/)]),
          )
          expect(resolvePath("/", path)).toBe(path)
        }
      }),
    )
  })

  it("that is absolute is looked up beneath the working directory first, then in the root", () => {
    expect(lookupPaths("/.gprs", "/UPGRADE.TXT")).toEqual(["/.gprs/UPGRADE.TXT", "/UPGRADE.TXT"])
    expect(lookupPaths("/.gprs", "/../UPGRADE.TXT")).toEqual(["/.gprs/UPGRADE.TXT", "/UPGRADE.TXT"])
    expect(lookupPaths("/.gprs", "UPGRADE.TXT")).toEqual(["/.gprs/UPGRADE.TXT"])
    expect(lookupPaths("/", "/UPGRADE.TXT")).toEqual(["/UPGRADE.TXT"])
    expect(lookupPaths("/.gprs", "/")).toEqual(["/"])
  })

  it("has a parent, the root being its own", () => {
    expect(["/", "/a", "/a/b"].map(parentPath)).toEqual(["/", "/", "/a"])
  })

  it("is quoted with its quotation marks doubled", () => {
    expect(quotePath('/a"b')).toBe('"/a""b"')
  })
})
