import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"

interface Locked {
  readonly version?: string
  readonly hasInstallScript?: boolean
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

  it("lets no package run a script at installation that docs/dependencies.md does not name", () => {
    const docs = readFileSync(new URL("../docs/dependencies.md", import.meta.url), "utf8")
    const section = docs.slice(docs.indexOf("## What runs at installation"))
    const named = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
    const scripted = Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length))
    expect(scripted.length).toBeGreaterThan(0)
    expect(new Set(named)).toEqual(new Set(scripted))
  })

  it("is all that an installation runs: the stand-in for prebuild-install names no package and no host", () => {
    const program = readFileSync(new URL("../scripts/build-sqlite/build-sqlite.js", import.meta.url), "utf8")
    const started = [...program.matchAll(/spawn\w*\("([^"]+)"/g)].map(([, name]) => name)
    expect(started).toEqual(["node-gyp"])
    expect(program).not.toMatch(/https?:|npx|\bexec\b/)
    expect(packages["node_modules/prebuild-install"]).toMatchObject({ resolved: "file:scripts/build-sqlite" })
  })

  it("names no registry", () => {
    expect(JSON.stringify(packages)).not.toMatch(/"resolved":"(?!file:)/)
  })
})
