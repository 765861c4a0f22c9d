import { connect, type AddressInfo, type Socket } from "node:net"
import { Readable } from "node:stream"
import { limits } from "../src/core/kit/limits.ts"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { endpoints } from "../src/core/contract/endpoints.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi
let api: MemoryApi["api"]
let needs: MemoryApi["needs"]

beforeEach(async () => {
  memory = await memoryApi()
  ;({ api, needs } = memory)
})
afterEach(() => api.close())

const authorization = "Bearer right"
const inject = (method: "GET" | "POST" | "PUT" | "DELETE", url: string, payload?: object) =>
  api.inject({ method, url, headers: { authorization }, ...(payload === undefined ? {} : { payload }) })

describe("the management API", () => {
  it("asks for the token on every endpoint that is not open", async () => {
    for (const [name, endpoint] of Object.entries(endpoints)) {
      const { method, path } = endpoint
      const isOpen = endpoint.permit === null
      const answers = await Promise.all(
        [{}, { authorization: "Bearer wrong" }, { authorization: "Basic right" }].map((headers) =>
          api.inject({ method, url: path, headers, ...(method === "GET" ? {} : { payload: {} }) }),
        ),
      )
      for (const { statusCode } of answers) {
        // What is open wants no token, though it may want something else.
        expect(statusCode === 401, name).toBe(!isOpen)
      }
    }
    expect(needs.live.devices.size).toBe(0)
    expect((await api.inject({ method: "GET", url: "/api/events" })).statusCode).toBe(401)
  })

  it("looks at the token before it looks at a body, however that is made", async () => {
    const bodies: readonly [string, string][] = [
      ["application/json", "{"],
      ["application/json", "[1,2,3]"],
      ["text/plain", "x"],
      ["application/octet-stream", "x".repeat(2000)],
    ]
    for (const [type, payload] of bodies) {
      for (const url of ["/api/devices/import", "/api/releases?family=waspmote&fileName=x", "/api/nothing"]) {
        const answer = await api.inject({ method: "POST", url, headers: { "content-type": type }, payload })
        expect(answer.statusCode, `${type} ${url}`).toBe(401)
        expect(answer.headers["connection"]).toBe("close")
      }
    }
  })

  it("answers to its own names and to its own pages only", async () => {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await api.inject({ method: "GET", url: "/api/devices", headers: { authorization, ...headers } })).statusCode
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "OTA.example.com:80"]) {
      expect(await status({ host }), host).toBe(200)
      expect(await status({ host, origin: `http://${host}` }), host).toBe(200)
      expect(await status({ host, origin: "https://evil.example" }), host).toBe(403)
      expect(await status({ host, origin: "null" }), host).toBe(403)
    }
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a b"]) {
      expect(await status({ host }), host).toBe(421)
    }
  })

  it("takes JSON as JSON only", async () => {
    const body = JSON.stringify({ id: "m1", family: "waspmote", model: "4g" })
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const headers = { authorization, "content-type": type }
      const answer = await api.inject({ method: "POST", url: "/api/devices", headers, payload: body })
      expect(answer.statusCode, type).toBe(415)
    }
    expect(needs.live.devices.size).toBe(0)
  })

  it("bounds a body by its call, and a long list by its first fault", async () => {
    const large = await inject("POST", "/api/devices", { id: "x".repeat(300_000) })
    expect(large.json()).toMatchObject({ title: "body-too-large", status: 413 })
    const list = Array.from({ length: 90_000 }, () => 7)
    const answer = await inject("POST", "/api/devices/import", [{ id: "m1", family: "waspmote", model: "4g" }, ...list])
    expect(answer.json<{ detail: string }>().detail).toBe("The request is not understood: body/1 must be object.")
    expect((await inject("POST", "/api/devices/import", [])).statusCode).toBe(400)
    expect(needs.live.devices.size).toBe(0)
  })

  it("reads an import as it comes, as a JSON array or one object a line, and keeps nothing behind its first fault", async () => {
    const send = (pieces: Iterable<string>, type = "application/json") =>
      api.inject({
        method: "POST",
        url: "/api/devices/import",
        headers: { authorization, "content-type": type },
        payload: Readable.from(pieces, { objectMode: false }),
      })
    const device = (n: number): string => JSON.stringify({ id: `m${n}`, family: "waspmote", model: "4g" })
    const lines = await send(
      [`${device(1)}\n\n${device(2).slice(0, 9)}`, `${device(2).slice(9)}\n`],
      "application/x-ndjson",
    )
    expect(lines.json<unknown[]>()).toHaveLength(2)
    const array = await send(["[", device(3), ",", device(4), "]"])
    expect(array.json<unknown[]>()).toHaveLength(2)
    expect(needs.live.devices.size).toBe(4)
    for (const [text, says] of [
      [`[${device(5)},{"id":7}]`, "body/1"],
      [`[${device(5)},{]`, "body: the list is cut short"],
      [`[${device(5)},nul]`, "body/1 is no JSON"],
      [`[${device(5).slice(0, -1)},"labels":{"__proto__":"x"}}]`, "body/0 is no JSON: a member is called __proto__"],
      [
        `[${device(5).slice(0, -1)},"labels":{"\\u005f_proto__":"x"}}]`,
        "body/0 is no JSON: a member is called __proto__",
      ],
    ] as const) {
      const answer = await send([text])
      expect(answer.statusCode).toBe(400)
      expect(answer.json<{ detail: string }>().detail).toContain(`The request is not understood: ${says}`)
    }
    // A million wrong ones behind the first are taken from the connection, not looked at, not kept.
    function* many(): Generator<string> {
      yield `[7,${device(6)}`
      for (let n = 0; n < 300; n++) yield ",7".repeat(32_000)
      yield ",nonsense"
    }
    expect((await send(many())).json<{ detail: string }>().detail).toContain("body/0 must be object")
    expect(needs.live.devices.size).toBe(4)
  })

  it("reads so many bodies at a time and no more", async () => {
    const { api, needs } = await memoryApi()
    await api.listen({ port: 0, host: "127.0.0.1" })
    const { port } = api.server.address() as AddressInfo
    const head =
      "POST /api/devices HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer right\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    const begin = (): Promise<Socket> =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(head, () => resolve(socket)))
        socket.on("error", () => undefined)
      })
    const { most } = limits["api.bodies"]
    const open = await Promise.all(Array.from({ length: most }, begin))
    const answered = (socket: Socket): Promise<string> =>
      new Promise((resolve) => socket.once("data", (bytes: Buffer) => resolve(bytes.toString())))
    // Those that are being read are not answered; one more is, at once.
    expect(await answered(await begin())).toMatch(/^HTTP\/1\.1 503 /)
    expect(needs.hits.count("api.bodies")).toBe(1)
    for (const socket of open) socket.destroy()
    await api.close()
  })

  it("is healthy only while it can write", async () => {
    const health = () => api.inject({ method: "GET", url: "/api/health" })
    expect((await health()).json()).toMatchObject({ status: "ok" })
    memory.notReady = "database or disk is full"
    expect((await health()).json()).toMatchObject({ title: "not-ready", status: 503 })
  })

  it("describes every endpoint in its OpenAPI document", async () => {
    const document = (await api.inject({ method: "GET", url: "/api/openapi.json" })).json<{
      openapi: string
      paths: Record<string, Record<string, { operationId: string }>>
    }>()
    expect(document.openapi).toBe("3.1.0")
    for (const [name, { method, path }] of Object.entries(endpoints)) {
      const found = document.paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()]
      expect(found?.operationId, path).toBe(name)
    }
  })

  it("names its objects there, says where it is, what a file is sent as, and what is made", async () => {
    const answer = await api.inject({ method: "GET", url: "/api/openapi.json" })
    const document = answer.json<{
      servers: readonly { url: string }[]
      components: { schemas: Record<string, { type: string }> }
      paths: Record<string, Record<string, { requestBody?: object; responses: Record<string, object> }>>
    }>()
    expect(document.servers[0]?.url).toBe("/")
    for (const name of ["DeviceView", "RolloutView", "ReleaseView", "UpdateView", "Problem", "NewDeviceBody"]) {
      expect(document.components.schemas[name]?.type, name).toBe("object")
    }
    expect(document.paths["/api/devices/{id}"]?.["get"]?.responses["200"]).toMatchObject({
      content: { "application/json": { schema: { $ref: "#/components/schemas/DeviceView" } } },
    })
    const publish = document.paths["/api/releases"]?.["post"]
    expect(publish?.requestBody).toMatchObject({ required: true, content: { "application/octet-stream": {} } })
    expect(Object.keys(publish?.responses ?? {})).toContain("201")
    expect(document.paths["/api/events"]?.["get"]).toBeDefined()
    // Each stands once: nothing is written out where its name would do.
    for (const [, name] of answer.body.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components.schemas[name ?? ""], name).toBeDefined()
    }
  })

  it("answers refusals as problem details with one sentence", async () => {
    const answer = await inject("GET", "/api/devices/nobody")
    expect(answer.statusCode).toBe(404)
    expect(answer.headers["content-type"]).toMatch("application/problem+json")
    expect(answer.json()).toMatchObject({ title: "no-such-device", status: 404 })
    expect((await inject("GET", "/api/nothing")).json()).toMatchObject({ title: "no-such-route" })
  })

  it("adds a device and gives what goes into it", async () => {
    const body = { id: "m1", family: "waspmote", model: "4g", labels: { site: "north" } }
    expect((await inject("POST", "/api/devices", body)).json()).toMatchObject({ id: "m1", ftp: { user: "m1" } })
    expect((await inject("GET", "/api/devices/m1")).json()).toMatchObject({
      state: "new",
      running: { version: null, evidence: "unknown" },
      update: null,
    })
    expect((await inject("POST", "/api/devices", body)).statusCode).toBe(409)
  })

  it.each([
    [{ id: "m 1", family: "waspmote", model: "4g" }, "bad-device-id"],
    [{ id: "m1", family: "waspmote", model: "5g" }, "no-such-model"],
    [{ id: "m1", family: "nobody", model: "4g" }, "no-such-family"],
    [{ id: "m1", family: "waspmote", model: "4g", user: "a,b" }, "bad-login"],
    [{ id: "m1", family: "waspmote", model: "4g", password: "x".repeat(21) }, "bad-login"],
    [{ id: "m1", family: "waspmote", model: "4g", labels: { "1x": "y" } }, "bad-label"],
    [{ id: "m1", family: "waspmote", model: "4g", running: "300" }, "bad-version"],
    [{ id: "m1", family: "waspmote", model: "4g", more: 1 }, "bad-request"],
    [{ id: 7, family: "waspmote", model: "4g" }, "bad-request"],
  ])("refuses the device %j as %s", async (body, title) => {
    expect((await inject("POST", "/api/devices", body)).json()).toMatchObject({ title })
    expect(needs.live.devices.size).toBe(0)
  })

  it("imports devices all or none", async () => {
    const good = { id: "m1", family: "waspmote", model: "4g" }
    const bad = [good, { ...good, id: "m2", user: "m1" }]
    expect((await inject("POST", "/api/devices/import", bad)).json()).toMatchObject({ title: "login-taken" })
    expect(needs.live.devices.size).toBe(0)
    expect((await inject("POST", "/api/devices/import", [good])).statusCode).toBe(201)
  })

  it("lists devices a page at a time and by group", async () => {
    for (const id of ["c", "a", "b"]) {
      await addDevice(needs, { id, family: "waspmote", model: "4g", labels: { site: id === "a" ? "x" : "y" } })
    }
    const ids = async (query: string): Promise<string[]> =>
      (await inject("GET", `/api/devices?${query}`)).json<{ items: { id: string }[] }>().items.map(({ id }) => id)
    expect(await ids("limit=2")).toEqual(["a", "b"])
    expect(await ids(`group=${encodeURIComponent("site=y")}`)).toEqual(["b", "c"])
    expect((await inject("GET", "/api/devices?group=((")).json()).toMatchObject({ title: "bad-group" })
  })

  it("refuses a file beyond its limit, and a body that is no file", async () => {
    const url = "/api/releases?family=waspmote&fileName=x"
    const headers = { authorization, "content-type": "application/octet-stream" }
    const large = await api.inject({ method: "POST", url, headers, payload: Buffer.alloc(2000) })
    expect(large.json()).toMatchObject({ title: "image-too-large", status: 413 })
    expect((await inject("POST", url, { a: 1 })).json()).toMatchObject({ title: "bad-request" })
    const bad = await api.inject({ method: "POST", url, headers, payload: Buffer.from("no firmware") })
    expect(bad.json()).toMatchObject({ title: "bad-image", status: 422 })
  })

  it("streams the event log from where the reader was, without a gap or a repetition", async () => {
    for (const id of ["a", "b", "c"]) await addDevice(needs, { id, family: "waspmote", model: "4g" })
    const address = await api.listen({ host: "127.0.0.1", port: 0 })
    const ending = new AbortController()
    const response = await fetch(`${address}/api/events`, {
      headers: { authorization, "last-event-id": "1" },
      signal: ending.signal,
    })
    await addDevice(needs, { id: "d", family: "waspmote", model: "4g" })
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array)
      if (text.includes("id: 4\n")) break
    }
    ending.abort()
    expect([...text.matchAll(/^id: (\d+)\nevent: device/gm)].map((match) => Number(match[1]))).toEqual([2, 3, 4])
  })
})
