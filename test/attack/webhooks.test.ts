import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Webhook as Verifier } from "standardwebhooks"
import { afterEach, describe, expect, it } from "vitest"
import { serve, type Serving } from "../serving.ts"
import { waft } from "./run-waft.ts"

const running: Serving[] = []
let receiver: Server | null = null
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
  receiver?.closeAllConnections()
  receiver?.close()
  receiver = null
})

async function start(data?: string): Promise<Serving> {
  const server = await serve({ ...(data === undefined ? {} : { data }), flags: ["--webhook-allow", "127.0.0.0/8"] })
  running.push(server)
  return server
}

interface Received {
  readonly id: string
  readonly seqs: readonly number[]
}

/** A program of somebody else: takes messages whose signature holds, now and then says that it cannot. */
async function receive(secretOf: () => string): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = []
  let calls = 0
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString()
      const headers = request.headers as Record<string, string>
      const message = new Verifier(secretOf()).verify(body, headers) as { events: { seq: number }[] }
      response.statusCode = ++calls % 4 === 0 ? 503 : 200
      if (response.statusCode === 200) {
        received.push({ id: headers["webhook-id"] ?? "", seqs: message.events.map(({ seq }) => seq) })
      }
      response.end()
    })
  })
  await new Promise<void>((resolve) => receiver?.listen(0, "127.0.0.1", resolve))
  return { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`, received }
}

const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (const from = performance.now(); !(await isSo()); ) {
    if (performance.now() - from > 60_000) throw new Error("it does not come")
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe("a webhook from the command line", () => {
  it("loses no event, though the server is killed again and again and the receiver often cannot", async () => {
    let server = await start()
    const { data } = server
    let secret = ""
    const { url, received } = await receive(() => secret)
    const at = ["--data", data]
    const made = await waft("webhook", "add", "desk", "--url", url, ...at, "--json")
    secret = (JSON.parse(made.out) as { secret: string }).secret
    expect((await waft("webhook", "test", "desk", ...at)).out).toMatch(/^desk took it in \d+ ms \(200\)/)
    for (let round = 0; round < 3; round++) {
      const bodies = Array.from({ length: 40 }, (_, i) => ({
        id: `m-${round}-${i}`,
        family: "waspmote",
        model: "4g",
      }))
      for (const body of bodies) await server.api.call("addDevice", { body })
      // In the middle of telling.
      await until(() => received.length > round)
      await server.end("SIGKILL")
      server = await start(data)
    }
    const all = await server.api.call("listEvents", { query: { limit: 1000 } })
    const wanted = all.items.map(({ seq }) => seq)
    expect(wanted.length).toBeGreaterThan(120)
    await until(() => wanted.every((seq) => received.some(({ seqs }) => seqs.includes(seq))))
    // What was told twice has the same id both times.
    const firsts = new Map<number, string>()
    for (const { id, seqs } of received) for (const seq of seqs) firsts.set(seq, firsts.get(seq) ?? id)
    expect(firsts.size).toBe(new Set(wanted).size)
    const list = await waft("webhook", "list", ...at, "--json")
    expect(JSON.parse(list.out)).toMatchObject([{ name: "desk", state: "working" }])
    expect(list.out).not.toContain(secret)
    expect((await waft("audit", "verify", ...at)).code).toBe(0)
  })

  it("reaches nothing inside that settings do not name, and says why", async () => {
    const server = await serve()
    running.push(server)
    const { url, received } = await receive(() => "")
    const at = ["--data", server.data]
    expect((await waft("webhook", "add", "desk", "--url", url, ...at)).code).toBe(0)
    const tested = await waft("webhook", "test", "desk", ...at)
    expect(tested).toMatchObject({ code: 1 })
    expect(tested.errors).toContain("127.0.0.1 is not on the public internet")
    await until(async () => (await server.api.call("listWebhooks", { query: {} })).items[0]?.state === "failing")
    expect((await waft("webhook", "list", ...at)).out).toContain("--webhook-allow")
    expect(received).toEqual([])
  })
})
