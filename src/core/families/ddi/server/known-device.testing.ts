import { readFileSync } from "node:fs"
import { expect } from "vitest"
import { concat, latin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { RouteAnswer, RouteSituation } from "../../routes.ts"
import { askRoute, quietSituation } from "../../testing/ask-route.testing.ts"
import { ddi } from "../index.ts"
import { entry, type Memory, readMemory } from "./memory.ts"
import { actionOf } from "./offer.ts"
import { publish } from "./publish.ts"

export const { artifact: sums } = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8")) as {
  artifact: { content: string; md5: string; sha1: string; sha256: string }
}

export const image = { sha256: sums.sha256, sizeBytes: 10 }
const released = publish({ fileName: "a.swu", bytes: latin1(sums.content), models: [], options: {}, version: "1.2" })
export const offer: JsonObject = released.ok ? { ...released.details, version: "1.2" } : {}
export const update = { id: "o-1/d1", state: "offered", version: "1.2", window: null } as const
export const action = actionOf(update.id, image)
export const base = "/DEFAULT/controller/v1/d1"
export const url = `http://10.0.0.2:8081${base}`

/** One device of the family, and what the server remembers of it from request to request. */
export class Device {
  memory: JsonObject
  labels: Readonly<Record<string, string>> = {}
  running: string | null = null
  offered: RouteSituation["offered"] = null
  update: RouteSituation["update"] = null
  model = "swupdate"
  evidence: string[] = []
  notes: string[] = []

  constructor(options: Readonly<Record<string, string>> = {}) {
    const entered = entry.enter({ id: "d1", ...options })
    if ("fault" in entered) throw new Error(entered.fault)
    this.memory = entered.familyState
  }

  offer(): this {
    this.offered = { offer, image }
    this.update = update
    return this
  }

  takeBack(): void {
    this.offered = null
    this.update = null
  }

  ask(
    path: string,
    { method = "GET", body, headers = {} }: { method?: string; body?: object; headers?: Record<string, string> } = {},
  ): RouteAnswer {
    const device = {
      ...quietSituation.device,
      id: "d1",
      model: this.model,
      labels: this.labels,
      familyState: this.memory,
      runningVersion: this.running,
      isReported: false,
      isPending: false,
    }
    const asked = {
      method,
      url: `${base}${path}`,
      headers,
      body: latin1(body === undefined ? "" : JSON.stringify(body)),
    }
    const answer = askRoute(ddi, asked, { device, offered: this.offered, update: this.update, now: 1000 })
    if (answer === null) throw new Error(`no route fits ${method} ${path}`)
    const { report } = answer
    if (report?.familyState !== undefined) this.memory = JSON.parse(JSON.stringify(report.familyState)) as JsonObject
    if (report?.labels !== undefined) this.labels = report.labels
    if (report?.running !== undefined) this.running = report.running
    this.evidence.push(...(report?.evidence ?? []).map(({ kind }) => kind))
    this.notes.push(...(report?.notes ?? []).map(({ kind }) => kind))
    return answer
  }

  json(path: string): unknown {
    const { status, body } = this.ask(path)
    expect(status, path).toBe(200)
    return body !== undefined && "text" in body ? JSON.parse(body.text) : null
  }

  get links(): readonly string[] {
    return Object.keys((this.json("") as { _links: object })._links)
  }

  say(execution: string, finished = "none", resource = "deploymentBase", id = action, more: object = {}): number {
    const body = { id, status: { execution, result: { finished }, ...more } }
    return this.ask(`/${resource}/${id}/feedback`, { method: "POST", body }).status
  }

  get known(): Memory {
    return readMemory(this.memory)
  }
}

/** A file in a ustar archive, with its path. */
export function tarFile(name: string, content: string): Uint8Array {
  const head = new Uint8Array(512)
  const put = (at: number, text: string): void => head.set(latin1(text), at)
  put(0, name)
  put(124, `${content.length.toString(8).padStart(11, "0")}\0`)
  put(148, " ".repeat(8))
  put(156, "0")
  put(257, "ustar\u000000")
  const sum = head.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `)
  const body = new Uint8Array(512)
  body.set(latin1(content))
  return concat([head, body])
}
