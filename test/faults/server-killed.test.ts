import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import type { EventView } from "../../src/core/contract/schemas.ts"
import { runSwarm, type SwarmDevice } from "../../src/virtual/main.ts"
import { everyEvent, expectUnbroken } from "./event-log.testing.ts"
import { freePort, newFolder, root, serve, type Serving } from "../serving.ts"

let server: Serving | null = null
const ending = { swarm: new AbortController() }
afterEach(async () => {
  ending.swarm.abort()
  ending.swarm = new AbortController()
  await server?.end("SIGKILL")
  server = null
})

const models = ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"]

interface Fleet {
  readonly count: number
  readonly everyMs: number
  /** How many times the server is killed, and at which moments after the rollout's start, ms. */
  readonly killsAtMs: readonly number[]
  readonly core?: number
}

interface Outcome {
  readonly state: string
  /** What each mote itself runs at the end. */
  readonly versions: Readonly<Record<string, number>>
  readonly events: readonly EventView[]
}

/** Rolls a program out to a swarm while the server is killed and started again on the same folder and ports. */
async function rollOutUnderFire({ count, everyMs, killsAtMs, core }: Fleet): Promise<Outcome> {
  const data = newFolder()
  const flags = [
    "--ftp",
    `127.0.0.1:${await freePort()}`,
    "--http",
    `127.0.0.1:${await freePort()}`,
    "--device-speed",
    "100",
  ]
  const start = (): Promise<Serving> => serve({ data, flags, ...(core === undefined ? {} : { core }) })
  server = await start()
  const wanted = Array.from({ length: count }, (_, i) => ({
    id: `m-${i}`,
    family: "waspmote",
    model: models[i % models.length] ?? "4g",
  }))
  const added = await server.api.call("importDevices", { body: wanted })
  const { ftp } = server
  const devices = added.map(
    (access, i): SwarmDevice => ({
      id: access.id,
      model: wanted[i]?.model ?? "4g",
      server: { ftp, user: access.ftp?.user ?? "", password: access.ftp?.password ?? "" },
    }),
  )
  const running = new Map<string, string>()
  const swarm = runSwarm({
    family: "waspmote",
    devices,
    everyMs,
    speed: 100,
    signal: ending.swarm.signal,
    onContact: ({ id }, end) => running.set(id, end.running.version),
  })
  const rolloutId = await publishAndStart(server)
  const startedAt = performance.now()
  for (const killAt of killsAtMs) {
    await until(() => performance.now() - startedAt >= killAt)
    await server.end("SIGKILL")
    server = await start()
  }
  let state = "running"
  await until(async () => {
    state = (await server?.api.call("showRollout", { params: { id: rolloutId } }))?.state ?? "gone"
    return state !== "running"
  })
  ending.swarm.abort()
  await swarm
  const versions: Record<string, number> = {}
  for (const version of running.values()) versions[version] = (versions[version] ?? 0) + 1
  return { state, versions, events: await everyEvent(server) }
}

async function publishAndStart({ api }: Serving): Promise<string> {
  const release = await api.call("publishRelease", {
    query: { family: "waspmote", fileName: "greenhouse-2.hex", version: "2" },
    body: readFileSync(join(root, "demo", "waspmote", "greenhouse-2.hex")),
  })
  const body = { releaseIds: [release.id], group: null, silenceTimeoutMs: 3_600_000 }
  return (await api.call("startRollout", { body })).id
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 100))
}

describe("a server that is killed with kill -9", () => {
  it("in any phase of a rollout to 200 motes loses no event, moves no update back, and ends on whole images", async () => {
    // From before the first poll to after the first conclusions.
    const killsAtMs = [50, 900, 1800, 2700, 3600, 4500, 5400, 7000]
    const outcome = await rollOutUnderFire({ count: 200, everyMs: 3000, killsAtMs })
    expect(outcome.state).toBe("succeeded")
    expect(outcome.versions).toEqual({ "2": 200 })
    expectUnbroken(outcome.events)
  })

  it("twice brings a rollout to 1,000 motes of mixed modems to its end on one core", async () => {
    const outcome = await rollOutUnderFire({ count: 1000, everyMs: 20_000, killsAtMs: [8000, 25_000], core: 0 })
    expect(outcome.state).toBe("succeeded")
    expect(outcome.versions).toEqual({ "2": 1000 })
    expectUnbroken(outcome.events)
  })
})
