import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"

interface Locked {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"))
const { packages } = read("package-lock.json") as { readonly packages: Readonly<Record<string, Locked>> }
const manifest = read("package.json") as Record<"dependencies" | "devDependencies", Record<string, string>>

/** Where Node would find `name` from the package at `from`: beside it, or in a folder above. */
function isLocked(from: string, name: string): boolean {
  for (let folder = from; ; ) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in packages) return true
    const above = folder.lastIndexOf("/node_modules/")
    if (folder === "") return false
    folder = above < 0 ? "" : folder.slice(0, above)
  }
}

describe("the lock file", () => {
  it("has an entry for every package of every platform, as npm ci asks", () => {
    const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(from, name))
        .map((name) => `${from} needs ${name}`),
    )
    expect(missing).toEqual([])
  })

  it("agrees with package.json", () => {
    const root = packages[""]
    expect(root?.dependencies).toEqual(manifest.dependencies)
    expect(root?.devDependencies).toEqual(manifest.devDependencies)
  })

  it("names no registry", () => {
    expect(JSON.stringify(packages)).not.toMatch(/"resolved":"(?!file:)/)
  })
})
