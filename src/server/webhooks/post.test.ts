import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { reachOf } from "./forbidden-addresses.ts"
import { NotTaken, post, type PostNeeds } from "./post.ts"

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return (server.address() as AddressInfo).port
}

const needs: PostNeeds = {
  mayReach: reachOf(["127.0.0.1"]),
  resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
  deadline: () => AbortSignal.timeout(5000),
}
const message = (url: string) => ({ url, headers: { "x-one": "1" }, body: "{}" })

async function troubleOf(own: PostNeeds, url: string): Promise<string> {
  const trouble: unknown = await post(own, message(url)).catch((error: unknown) => error)
  expect(trouble).toBeInstanceOf(NotTaken)
  return (trouble as NotTaken).message
}

describe("a message to another server", () => {
  it("goes to the address that was checked, under the name that was given", async () => {
    const seen: (string | undefined)[] = []
    const port = await listen((request, response) => {
      seen.push(request.method, request.url, request.headers.host, request.headers["x-one"] as string)
      response.statusCode = 202
      response.end()
    })
    expect(await post(needs, message(`http://hook.example:${port}/a?b=c`))).toBe(202)
    expect(seen).toEqual(["POST", "/a?b=c", `hook.example:${port}`, "1"])
  })

  it("does not go where one of its addresses may not be reached, or where its name changes after it was looked up", async () => {
    let asked = 0
    const port = await listen((_request, response) => response.end())
    const rebinding: PostNeeds = {
      ...needs,
      mayReach: reachOf([]),
      resolve: () => Promise.resolve([{ address: ++asked === 1 ? "192.0.2.1" : "127.0.0.1", family: 4 }]),
      deadline: () => AbortSignal.timeout(300),
    }
    expect(await troubleOf(rebinding, `http://hook.example:${port}/`)).toContain(
      "192.0.2.1 is not on the public internet",
    )
    expect(await troubleOf(rebinding, `http://hook.example:${port}/`)).toContain("127.0.0.1 is not on the public")
    const open = { ...rebinding, mayReach: (address: string) => address === "192.0.2.1" }
    asked = 0
    // Nobody answers at that address, and nothing goes to the other.
    expect(await troubleOf(open, `http://hook.example:${port}/`)).not.toContain("answered")
    expect(asked).toBe(1)
    const both = {
      ...needs,
      mayReach: reachOf([]),
      resolve: () =>
        Promise.resolve([
          { address: "1.1.1.1", family: 4 },
          { address: "::1", family: 6 },
        ]),
    }
    expect(await troubleOf(both, "http://hook.example/")).toContain("::1 is not on the public internet")
  })

  it("does not go to a forbidden address however that is written", async () => {
    const own = { ...needs, mayReach: reachOf([]) }
    for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]) {
      expect(await troubleOf(own, `http://${host}:1/`), host).toContain("is not on the public internet")
    }
  })

  it("follows no way elsewhere, and says what was answered", async () => {
    let calls = 0
    const port = await listen((_request, response) => {
      calls++
      response.writeHead(calls === 1 ? 302 : 500, { location: "/elsewhere" })
      response.end()
    })
    expect(await troubleOf(needs, `http://127.0.0.1:${port}/`)).toContain("it answered 302, a way elsewhere")
    expect(await troubleOf(needs, `http://127.0.0.1:${port}/`)).toBe("it answered 500")
    expect(calls).toBe(2)
  })

  it("costs no more than its time and a little memory, whatever is answered", async () => {
    const endless = await listen((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      }
      response.on("drain", write)
      write()
    })
    expect(await post(needs, message(`http://127.0.0.1:${endless}/`))).toBe(200)
    const silent = await listen(() => undefined)
    const hurried = { ...needs, deadline: () => AbortSignal.timeout(100) }
    expect(await troubleOf(hurried, `http://127.0.0.1:${silent}/`)).toContain("did not answer")
    const lost = { ...needs, resolve: () => new Promise<never>(() => undefined), deadline: hurried.deadline }
    expect(await troubleOf(lost, "http://hook.example/")).toContain("did not answer")
    expect(await troubleOf(needs, "http://127.0.0.1:1/")).toBe("nothing listens there")
  })
})
