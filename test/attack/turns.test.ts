import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { limits } from "../../src/core/kit/limits.ts"
import { openData, RawClient } from "../../src/server/transports/ftp/raw-client.testing.ts"
import { uploadExaminer } from "../../src/server/upload-jobs/examine-uploads.ts"
import { serve, type Serving } from "../serving.ts"

const running: Serving[] = []
const start = async (options: Parameters<typeof serve>[0] = {}): Promise<Serving> => {
  const server = await serve(options)
  running.push(server)
  return server
}
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
})

const portOf = (address: string): number => Number(address.split(":").at(-1))

/** Sends requests of a device one after another until told to stop; gives the longest time without an answer, ms. */
async function longestGap({ deviceHttp }: Serving, until: AbortSignal): Promise<number> {
  let longest = 0
  while (!until.aborted) {
    const began = performance.now()
    await (await fetch(`http://${deviceHttp}/d/nobody/manifest.json`)).arrayBuffer()
    longest = Math.max(longest, performance.now() - began)
  }
  return longest
}

/** Intel HEX of a program of that many bytes, as a linker writes it or with fewer bytes in a record. */
function linkedHex(bytes: number, recordBytes = 16): Buffer {
  const lines: string[] = []
  const record = (text: string): void => {
    const sum = Buffer.from(text, "hex").reduce((all, byte) => all + byte, 0)
    lines.push(`:${text}${(-sum & 0xff).toString(16).padStart(2, "0")}\n`)
  }
  for (let at = 0; at < bytes; at += recordBytes) {
    const address = 0x1001_0000 + at
    if (address % 0x10000 === 0) record(`02000004${(address >>> 16).toString(16).padStart(4, "0")}`)
    const offset = (address & 0xffff).toString(16).padStart(4, "0")
    record(`${recordBytes.toString(16).padStart(2, "0")}${offset}00${"a5".repeat(recordBytes)}`)
  }
  record("00000001")
  return Buffer.from(lines.join(""))
}

describe("a server that many use", () => {
  it("answers devices while it reads an upload of 11 MB of Intel HEX", async () => {
    const server = await start()
    const hex = linkedHex(4_200_000)
    expect(hex.length).toBeGreaterThan(11_000_000)
    const ending = new AbortController()
    const gap = longestGap(server, ending.signal)
    const began = performance.now()
    const query = { family: "pic32mzw1", fileName: "big.hex", version: "1" }
    const ended = await server.api.call("publishRelease", { query, body: hex }).then(
      () => "published",
      (error: unknown) => String(error),
    )
    const took = performance.now() - began
    ending.abort()
    // It is far larger than any slot; what counts is who waited meanwhile.
    expect(ended).toMatch(/slot|larger|bytes/)
    expect((await gap) / took).toBeLessThan(0.3)
  })

  it("reads as many records as an upload may hold within the memory of one file", async () => {
    const bytes = linkedHex(780_000, 1)
    expect(bytes.length).toBeGreaterThan(10_000_000)
    const read = await uploadExaminer()("pic32mzw1", {
      fileName: "a.hex",
      bytes,
      models: [],
      options: {},
      version: "1",
    })
    // It is sound, and read to its end; what it lacks is what a program for the slot has.
    expect(read.ok || read.faults.map(({ rule }) => rule)).toContain("no-boot-control")
  })

  it("reads an archive of as many files as an upload may hold no further than a bundle goes", async () => {
    const head = Buffer.alloc(512)
    head.write("a", 0)
    head.write("00000000000\0", 124)
    head.write("        0", 148)
    head.write("ustar\0", 257)
    const sum = head.reduce((all, byte) => all + byte, 0)
    head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
    const bytes = Buffer.alloc(400_000 * head.length, head)
    const options = { bundle: "true" }
    const read = await uploadExaminer()("ddi", { fileName: "a.tar", bytes, models: [], options, version: "1" })
    expect(read.ok || read.faults.map(({ rule }) => rule)).toEqual(["bundle"])
  })

  it("gives a connection that sends requests ahead of their answers no more turns than others", async () => {
    const server = await start()
    for (const [address, path] of [
      [server.deviceHttp, "/d/nobody/manifest.json"],
      [server.url.replace("http://", ""), "/api/health"],
    ] as const) {
      const greedy = connect(portOf(address), "127.0.0.1")
      let heard = ""
      greedy.on("data", (piece: Buffer) => (heard += piece.toString()))
      greedy.on("error", () => undefined)
      const closed = new Promise<void>((resolve) => greedy.once("close", () => resolve()))
      greedy.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(1500))
      await closed
      expect(heard.split("HTTP/1.1 ").length - 1).toBeLessThanOrEqual(limits["http.pipelined"].most)
    }
    const met = await server.api.call("limits", {})
    expect(met.find(({ name }) => name === "http.pipelined")?.hits).toBe(2)
  })
})

interface Order {
  readonly order: { readonly url: string } | null
}

/** Two modules: one has an order for a package of `bytes`, the other has none. */
async function withOrder(server: Serving, bytes: number) {
  const token = async (id: string): Promise<string> => {
    const access = await server.api.call("addDevice", { body: { id, family: "quectel", model: "AG35" } })
    return access.agent?.token ?? ""
  }
  const tokens = [await token("m1"), await token("m2")]
  const work = async (index: number, version: string, wait: number): Promise<Order> => {
    const url = `http://${server.deviceHttp}/agent/v1/work?version=${version}&wait=${wait}`
    const answer = await fetch(url, { headers: { authorization: `Bearer ${tokens[index] ?? ""}` } })
    return (await answer.json()) as Order
  }
  await work(0, "A", 0)
  await work(1, "Z", 0)
  const query = { family: "quectel", fileName: "p.zip", version: "B", models: "AG35", options: '{"from":"A"}' }
  const release = await server.api.call("publishRelease", { query, body: Buffer.alloc(bytes, 7) })
  await server.api.call("startRollout", { body: { releaseIds: [release.id], group: "id=m1" } })
  return { order: await work(0, "A", 20), wait: () => work(1, "Z", 100) }
}

/** A GET that reads a little and then waits to be told to go on. */
function slowGet(url: string): { readonly begun: Promise<void>; readonly rest: () => Promise<number>; socket: Socket } {
  const { hostname, port, pathname } = new URL(url)
  const socket = connect(Number(port), hostname, () =>
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`),
  )
  let bytes = 0
  const begun = new Promise<void>((resolve) =>
    socket.once("data", (piece: Buffer) => {
      bytes += piece.length
      socket.pause()
      resolve()
    }),
  )
  socket.on("error", () => undefined)
  const rest = async (): Promise<number> => {
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
    socket.on("data", (piece: Buffer) => (bytes += piece.length))
    socket.resume()
    await closed
    return bytes
  }
  return { begun, rest, socket }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy()
      resolve(false)
    }).once("error", () => resolve(true))
  })
}

const packageBytes = 32 << 20

describe("a server that is told to end", () => {
  it("lets transfers that run come to their end, answers who waits for work, and takes nobody new", async () => {
    const server = await start({ flags: ["--drain-seconds", "60"] })
    const { order, wait } = await withOrder(server, packageBytes)
    const { url } = order.order ?? { url: "" }
    const ticket = /\/\/([^:]+):([^@]+)@[^/]+\/(.+)$/.exec(url)
    const [, user = "", secret = "", name = ""] = ticket ?? /\/p\/(\w{12})(\w{12})\/(.+)$/.exec(url) ?? []
    expect([user, secret, name]).not.toContain("")
    const get = slowGet(`http://${server.deviceHttp}/p/${user}${secret}/${name}`)
    await get.begun
    const ftp = await RawClient.connect(portOf(server.ftp))
    const idle = await RawClient.connect(portOf(server.ftp))
    await ftp.ask(`USER ${user}`)
    expect(await ftp.code(`PASS ${secret}`)).toBe(230)
    const data = openData(await ftp.passivePort())
    data.socket.pause()
    expect(await ftp.code(`RETR ${name}`)).toBe(150)
    const waiting = wait()
    // The call must have arrived before the signal does.
    await new Promise((resolve) => setTimeout(resolve, 300))
    const ended = server.end("SIGTERM")
    expect((await waiting).order).toBeNull()
    await idle.closed()
    await expect(RawClient.connect(portOf(server.ftp)).then((client) => client.code("NOOP"))).resolves.toBe(0)
    expect(await isRefused(portOf(server.deviceHttp))).toBe(true)
    expect((await data.resumed()).length).toBe(packageBytes)
    expect((await ftp.reply()).code).toBe(226)
    expect(await get.rest()).toBeGreaterThan(packageBytes)
    await ended
  })

  it("waits no longer than it was told to", async () => {
    const server = await start({ flags: ["--drain-seconds", "1"] })
    const { order } = await withOrder(server, packageBytes)
    const { url } = order.order ?? { url: "" }
    const [, user = "", secret = "", name = ""] =
      /\/\/([^:]+):([^@]+)@[^/]+\/(.+)$/.exec(url) ?? /\/p\/(\w{12})(\w{12})\/(.+)$/.exec(url) ?? []
    const get = slowGet(`http://${server.deviceHttp}/p/${user}${secret}/${name}`)
    await get.begun
    await server.end("SIGTERM")
    expect(await get.rest()).toBeLessThan(packageBytes)
  })
})
