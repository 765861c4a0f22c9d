import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

interface Locked {
  readonly license?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly link?: boolean
}

interface Bill {
  readonly bomFormat: string
  readonly components: readonly { readonly name: string; readonly properties?: readonly { readonly name: string }[] }[]
}

const root = fileURLToPath(new URL("..", import.meta.url))
const read = (name: string): string => readFileSync(`${root}/${name}`, "utf8")
const { packages } = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, Locked>> }
const isOwn = (path: string): boolean =>
  path === "" || !path.startsWith("node_modules/") || packages[path]?.link === true
const others = Object.entries(packages).filter(([path]) => !isOwn(path) && path !== "node_modules/prebuild-install")
const isForDevelopment = ({ dev, devOptional }: Locked): boolean => dev === true || devOptional === true

/** The licences that docs/dependencies.md takes: of what runs, and of what only development and the console's build use. */
function taken(): { readonly run: ReadonlySet<string>; readonly development: ReadonlySet<string> } {
  const section = read("docs/dependencies.md").split("## Licences")[1] ?? ""
  const words = (line: string): readonly string[] => [...line.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word)
  const row = (title: string): readonly string[] =>
    words(section.split("\n").find((line) => line.startsWith(`| ${title} |`)) ?? "")
  return { run: new Set(row("runs")), development: new Set([...row("runs"), ...row("builds and tests")]) }
}

describe("licences", () => {
  it("are those that docs/dependencies.md takes, package by package, and all that it takes are used", () => {
    const { run, development } = taken()
    const strangers = others
      .filter(([, one]) => !(isForDevelopment(one) ? development : run).has(one.license ?? "none"))
      .map(([path, { license = "none" }]) => `${path}: ${license}`)
    expect(strangers).toEqual([])
    expect(new Set(others.map(([, { license }]) => license))).toEqual(new Set(development))
  })

  it("stand in the bill of materials: every locked package, and which of them are for development alone", () => {
    // `--omit dev` would leave out what runs and is an optional peer of a tool besides, such as yaml.
    const args = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"]
    const made = spawnSync("npm", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 })
    expect(made.status, made.stderr).toBe(0)
    const { bomFormat, components } = JSON.parse(made.stdout) as Bill
    expect(bomFormat).toBe("CycloneDX")
    const marked = new Map(components.map(({ name, properties = [] }) => [name, properties.map((one) => one.name)]))
    const manifest = JSON.parse(read("package.json")) as Record<"dependencies" | "scripts", Record<string, string>>
    for (const name of Object.keys(manifest.dependencies)) {
      expect([name, marked.get(name)?.includes("cdx:npm:package:development")]).toEqual([name, false])
    }
    expect(marked.get("vitest")).toContain("cdx:npm:package:development")
    expect(manifest.scripts["sbom"]).toBe(`npm ${args.join(" ")}`)
  })
})
