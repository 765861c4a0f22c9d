import { isMove } from "../../src/core/domain/events/move.ts"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { EventView } from "../../src/core/contract/schemas.ts"
import { type MobileNetwork, startMobileNetwork } from "../../src/virtual/main.ts"
import { deskAtPort, onAir, wake } from "../at-desk.ts"
import { newFolder, serve, type Serving } from "../serving.ts"
import { addModules, cardOf, imeiOf, messagePort, powerTelit, publish, serverNumber, until } from "../telit-fleet.ts"
import { type Cut, startCuttingProxy } from "./cutting-proxy.testing.ts"

// A module's registration and update over TCP (chapter 5), its connection to the server cut once, at each byte in turn.

const [model, from, to] = ["GE910", "13.00.003", "13.00.004"] as const
const speed = 100
/** Modules at the same time. */
const atOnce = 64

let folder: string
let network: MobileNetwork
let server: Serving
let port: number

beforeAll(async () => {
  folder = newFolder()
  network = await startMobileNetwork({ number: serverNumber, plmn: "22201" })
  server = await serve({ data: join(folder, "data") })
  port = await messagePort(server)
  await publish(server, { model, from, to })
})

afterAll(async () => {
  await server.end("SIGTERM")
  await network.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Life {
  readonly number: number
  readonly secret: string
  readonly cut: Cut | null
}

/** What came of a module whose connection was cut. */
interface End {
  readonly version: string
  readonly hasCut: boolean
  readonly downloads: number
  readonly passed: Readonly<Record<Cut["way"], number>>
}

/** A module's registration and update; its host repeats what the note leaves to it. */
async function live({ number, secret, cut }: Life): Promise<End> {
  const [imei, card] = [imeiOf(number), cardOf(number)]
  const proxy = await startCuttingProxy(port, cut)
  let failures = 0
  const log = (line: string): void => {
    if (line.startsWith("registration failed")) failures++
  }
  const module = powerTelit({ imei, model, firmware: from, secret, radio: network.radioWith(card), speed, log })
  const desk = await deskAtPort(module.port)
  const count = (text: string): number => desk.lines.filter((line) => line === `#OTAEV: ${text}`).length
  try {
    await wake(desk)
    await desk.ask("AT+IPR=115200")
    await onAir(desk)
    await desk.ask('AT#OTASNAPIPCFG=2,"ibox.tim.it"')
    for (let tries = 0; count("Registered") === 0; tries++) {
      await desk.ask(`AT#OTASNAPIP=${proxy.port},"127.0.0.1","${card.number}"`)
      await until(() => count("Registered") > 0 || failures > tries)
    }
    await desk.ask("AT#OTAIPUPD")
    await until(() => count("Server notified about successfull FW Upgrade") + count("OTA FW Upgrade Failed") > 0)
    const [, version = ""] = await desk.ask("AT+CGMR")
    return { version, hasCut: proxy.hasCut(), downloads: count("Start Fw Download"), passed: proxy.passed }
  } finally {
    await desk.leave()
    await module.switchOff()
    await proxy.close()
  }
}

/** Runs the lives, so many at the same time. */
async function liveAll(lives: readonly Life[]): Promise<readonly End[]> {
  const ends: End[] = []
  const waiting = [...lives.entries()]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) ends[next[0]] = await live(next[1])
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return ends
}

function everyEvent(): Promise<readonly EventView[]> {
  return server.api.list("listEvents", {})
}

/** Where each update stands by its events, each of which begins where the one before it ended. */
function statesOf(events: readonly EventView[]): ReadonlyMap<string, string> {
  const states = new Map<string, string>()
  for (const { deviceId, rolloutId, kind, data } of events.filter(isMove)) {
    const update = `${rolloutId} ${deviceId}`
    expect(data.from, `${update} ${kind}`).toBe(states.get(update) ?? "waiting")
    states.set(update, data.to)
  }
  return states
}

describe("a Telit module whose connection to the server is cut once", () => {
  it("at any byte of its registration or its update, in either direction, is updated once, and the record says so", async () => {
    const options = { variant: "tcp-ip" }
    const [first = ""] = await addModules(server, [{ imei: imeiOf(1), model, options }])
    const releaseIds = (await server.api.list("listReleases", {})).map(({ id }) => id)
    await server.api.call("startRollout", { body: { releaseIds, group: null } })
    const whole = await live({ number: 1, secret: first, cut: null })
    expect(whole).toMatchObject({ version: to, hasCut: false, downloads: 1 })
    expect(whole.passed.up).toBeGreaterThan(200)
    expect(whole.passed.down).toBeGreaterThan(80)

    const cuts = (["up", "down"] as const).flatMap((way) =>
      Array.from({ length: whole.passed[way] }, (_, afterBytes): Cut => ({ way, afterBytes })),
    )
    const wanted = cuts.map((_, i) => ({ imei: imeiOf(i + 2), model, options }))
    const secrets = await addModules(server, wanted)
    await server.api.call("startRollout", { body: { releaseIds, group: null } })
    const ends = await liveAll(cuts.map((cut, i) => ({ number: i + 2, secret: secrets[i] ?? "", cut })))

    const bad = ends.flatMap((end, i) =>
      end.version === to && end.hasCut && end.downloads === 1 ? [] : [{ ...cuts[i], ...end }],
    )
    expect(bad).toEqual([])
    const devices = await server.api.list("listDevices", {})
    expect(devices.filter(({ running }) => running.version !== to || running.evidence !== "reported")).toEqual([])
    const states = statesOf(await everyEvent())
    // The first module is in the second rollout too, which has nothing for it.
    expect(states.size).toBe(cuts.length + 2)
    expect(new Set(states.values())).toEqual(new Set(["succeeded"]))
  })
})
