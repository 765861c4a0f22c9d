import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { WaftEvent } from "../src/core/domain/events/table.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import { LimitHits } from "../src/core/kit/limits.ts"
import { LiveFleet } from "../src/server/fleet/live-fleet.ts"
import { startMetrics } from "../src/server/metrics.ts"
import { eventTable } from "../src/core/domain/events/table.ts"
import { serverSettings } from "../src/server/config.ts"
import { root } from "./serving.ts"

const read = (...path: string[]): string => readFileSync(join(root, "deploy", ...path), "utf8")

function run(program: string, args: readonly string[], cwd = join(root, "deploy")): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" })
  expect({ status, error, stderr: status === 0 ? "" : stdout + stderr }).toEqual({
    status: 0,
    error: undefined,
    stderr: "",
  })
  return stdout + stderr
}

/** Names of the metrics that the server has. */
async function metricNames(): Promise<ReadonlySet<string>> {
  const clock = { now: () => 0, monotonic: () => 0, breathe: () => Promise.resolve() }
  const transports = { http: new Map() }
  const metrics = startMetrics({
    live: new LiveFleet(clock),
    events: new Emitter<WaftEvent>(),
    hits: new LimitHits(),
    transports,
    version: "",
    now: clock.now,
  })
  const text = await metrics.text()
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name))
}

describe("what comes with the program to run it", () => {
  it("alerts by rules that Prometheus takes, and their own tests hold", () => {
    run("promtool", ["check", "rules", "alerts.yml"], join(root, "deploy", "prometheus"))
    run("promtool", ["check", "config", "scrape.yml"], join(root, "deploy", "prometheus"))
    run("promtool", ["test", "rules", "alerts.test.yml"], join(root, "deploy", "prometheus"))
  })

  it("asks for metrics and events that the server has, in alerts and on the dashboard", async () => {
    const names = await metricNames()
    const dashboard = read("grafana", "waft.json")
    const asked = `${read("prometheus", "alerts.yml")}\n${dashboard.replaceAll("\\", "")}`
    const unknown = [...asked.matchAll(/\bwaft_[a-z0-9_]+/g)].map(([name]) => name).filter((name) => !names.has(name))
    expect(unknown).toEqual([])
    const kinds = [...asked.matchAll(/kind="([^"]+)"/g)].map(([, kind = ""]) => kind)
    expect(kinds.length).toBeGreaterThan(3)
    expect(kinds.filter((kind) => !(kind in eventTable))).toEqual([])
    expect(JSON.parse(dashboard)).toMatchObject({ title: "Waft" })
  })

  it("runs under systemd with little exposure", () => {
    const said = run("systemd-analyze", [
      "security",
      "--offline=true",
      "--no-pager",
      "--threshold=20",
      "systemd/waft.service",
    ])
    expect(said).toContain("Overall exposure level")
  })

  it("packs every file that the program needs into the image, and sets only what the server knows", () => {
    const dockerfile = read("docker", "Dockerfile")
    const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] }
    for (const file of files.filter((name) => !["deploy", "scripts/build-sqlite"].includes(name))) {
      expect(dockerfile).toContain(`/waft/${file} ./${file}\n`)
      if (file !== "dist") expect(existsSync(join(root, file)), file).toBe(true)
    }
    const environment = `${dockerfile}\n${read("docker", "compose.yaml")}\n${read("systemd", "waft.service")}`
    const known = new Set(serverSettings.map(({ flag }) => `WAFT_${flag.toUpperCase().replaceAll("-", "_")}`))
    const set = [...environment.matchAll(/\b(WAFT_[A-Z_]+)\s*[=:]/g)].map(([, name = ""]) => name)
    expect(set.length).toBeGreaterThan(3)
    expect(set.filter((name) => !known.has(name))).toEqual([])
  })
})
