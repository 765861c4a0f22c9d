import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { createParser } from "eventsource-parser"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { engine } from "../../../core/domain/actor.ts"
import { type WaftEvent, newEvent } from "../../../core/domain/events/table.ts"
import { Emitter } from "../../../core/kit/emitter.ts"
import { LimitHits, limits } from "../../../core/kit/limits.ts"
import { MemoryStore } from "../../fleet/memory-store.testing.ts"
import type { EventQuery } from "../../fleet/page-reads.ts"
import { type EventReader, EventStreams } from "./event-streams.ts"

/** A log of so many events without the memory for them; what comes after is made when it is read as well. */
class LongLog extends MemoryStore {
  length: number
  reads = 0
  onRead: () => void | Promise<void> = () => undefined

  constructor(length: number) {
    super()
    this.length = length
  }

  override events = async ({
    after,
    before = Number.POSITIVE_INFINITY,
    limit,
  }: EventQuery): Promise<readonly WaftEvent[]> => {
    this.reads++
    const last = Math.min(this.length, before - 1, after + limit)
    const found = Array.from({ length: Math.max(0, last - after) }, (_, i) => eventOf(after + 1 + i))
    // What happens while a page is on its way.
    await this.onRead()
    return found
  }

  override lastEventSeq = (): Promise<number> => Promise.resolve(this.length)
}

const padding = "x".repeat(200)
function eventOf(seq: number): WaftEvent {
  const device = seq % 10 === 0 ? "m-0" : "m-1"
  const event = newEvent({ at: seq, kind: "device.removed", deviceId: device, sentence: `${seq} ${padding}` })
  return { seq, actor: engine, ...event }
}

let server: Server
let streams: EventStreams
let log: LongLog
let hits: LimitHits
let beats: Set<() => void>
let reader: EventReader
let events: Emitter<WaftEvent>
const sockets: Socket[] = []
const everything: EventReader = { from: 0, chosen: {}, isFor: null, isWelcome: () => true }

async function begin(length: number): Promise<void> {
  log = new LongLog(length)
  hits = new LimitHits()
  beats = new Set()
  reader = everything
  events = new Emitter()
  streams = new EventStreams({
    store: log,
    events,
    clock: { now: () => 1, monotonic: () => 1, breathe: () => Promise.resolve() },
    hits,
    later: (deed, ms) => void setTimeout(deed, ms),
    heartbeat: (beat) => {
      beats.add(beat)
      return () => beats.delete(beat)
    },
    complain: (what, error) => expect([what, error]).toBe("nothing"),
  })
  server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" })
    void streams.tell(response, reader)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
}

/** Appends events, as a commit does. */
function happen(count: number): void {
  for (let i = 0; i < count; i++) {
    log.length++
    events.emit(eventOf(log.length))
  }
}

beforeEach(() => begin(0))
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Asks for the stream and reads nothing of it. */
async function ask(from: number | "now" = 0): Promise<Socket> {
  reader = { ...reader, from }
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").pause()
  sockets.push(socket)
  const before = streams.count
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
  while (streams.count === before) await turn()
  return socket
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

interface Heard {
  readonly name: string
  readonly seq: number
}

/** Reads a stream; `heard` grows until `ended`. */
async function listen(from: number | "now", abort = new AbortController()) {
  reader = { ...reader, from }
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { signal: abort.signal })
  const heard: Heard[] = []
  const parser = createParser({
    onEvent: ({ event = "", data }) => heard.push({ name: event, seq: (JSON.parse(data) as { seq: number }).seq }),
  })
  const ended = (async () => {
    const decoder = new TextDecoder()
    for await (const part of response.body ?? []) parser.feed(decoder.decode(part as Uint8Array, { stream: true }))
  })().catch(() => undefined)
  const told = () => heard.filter(({ name }) => name.includes(".")).map(({ seq }) => seq)
  return { heard, told, ended, end: () => abort.abort() }
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i)

describe("a stream of the event log", () => {
  it("tells the log and then what happens, whatever happens in between, without a gap or a repetition", async () => {
    await begin(2300)
    let isBusy = true
    log.onRead = () => {
      if (isBusy) happen(7)
    }
    const first = await listen(0)
    const later = await listen(1234)
    happen(3)
    await until(() => first.told().length >= log.length && later.told().length >= log.length - 1234)
    isBusy = false
    happen(5000)
    await until(() => first.told().at(-1) === log.length && later.told().at(-1) === log.length)
    expect(first.told()).toEqual(upTo(log.length))
    expect(later.told()).toEqual(upTo(log.length, 1235))
  })

  it("tells what others were told while its last page was on its way", async () => {
    await begin(10)
    const other = await listen("now")
    await until(() => other.heard.length > 0)
    log.onRead = async () => {
      log.onRead = () => undefined
      happen(3)
      await until(() => other.told().length === 3)
    }
    const late = await listen(0)
    await until(() => late.told().length === 13)
    happen(1)
    await until(() => late.told().length === 14)
    expect(late.told()).toEqual(upTo(14))
  })

  it("tells one who asks for now only what happens from now on", async () => {
    await begin(1000)
    const now = await listen("now")
    await until(() => now.heard.length > 0)
    happen(3)
    await until(() => now.told().length > 0)
    expect(now.told()).toEqual([1001, 1002, 1003])
    expect(log.reads).toBe(1)
  })

  it("tells each reader what it asked for, and by heartbeats up to where that is all", async () => {
    await begin(1500)
    reader = { ...everything, isFor: ({ deviceId }) => deviceId === "m-0" }
    const tenth = await listen(0)
    await until(() => tenth.told().length === 150)
    happen(25)
    await until(() => tenth.told().length === 152)
    for (const beat of beats) beat()
    await until(() => tenth.heard.at(-1)?.name === "heartbeat")
    expect(tenth.heard.at(-1)?.seq).toBe(1525)
    expect(tenth.told()).toEqual(upTo(152).map((i) => i * 10))
  })

  it("writes each event down once, for however many it is told", async () => {
    const all = await Promise.all(upTo(20).map(() => listen("now")))
    await until(() => all.every(({ heard }) => heard.length > 0))
    let written = 0
    const event = eventOf(1)
    const counted = {
      ...event,
      toJSON: undefined,
      get sentence() {
        written++
        return event.sentence
      },
    }
    log.length = 1
    events.emit(counted)
    await until(() => all.every(({ told }) => told().length === 1))
    expect(written).toBe(1)
  })

  it("ends at the moment at which its reader has no right to it any more", async () => {
    let isWelcome = true
    reader = { ...everything, isWelcome: () => isWelcome }
    const one = await listen("now")
    await until(() => one.heard.length > 0)
    isWelcome = false
    happen(1)
    await one.ended
    expect(one.told()).toEqual([])
  })
})

describe("readers that do not keep up", () => {
  const memory = (): number => {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  it("are closed with the number to go on from, and miss nothing", async () => {
    const socket = await ask("now")
    for (let i = 0; i < 400; i++) {
      happen(100)
      await new Promise((resolve) => setTimeout(resolve, 2))
      if (hits.count("events.backlog") > 0) break
    }
    expect(hits.count("events.backlog")).toBe(1)
    let text = ""
    socket.on("data", (part: Buffer) => (text += part.toString("latin1"))).resume()
    await once(socket, "end")
    const [, behind] = /event: behind\ndata: \{"seq":(\d+)\}/.exec(text) ?? []
    const seqs = [...text.matchAll(/^id: (\d+)\nevent: device/gm)].map(([, seq]) => Number(seq))
    expect(seqs).toEqual(upTo(Number(behind)))
    const again = await listen(Number(behind))
    await until(() => again.told().length === log.length - Number(behind))
    expect(again.told()).toEqual(upTo(log.length, Number(behind) + 1))
  })

  it.each([
    ["never read what happens", "now"],
    ["never read the 300,000 events that they ask for", 0],
  ] as const)(
    "cost bounded memory when two hundred %s",
    async (_, from) => {
      await begin(from === 0 ? 300_000 : 0)
      const before = memory()
      await Promise.all(upTo(200).map(() => ask(from)))
      let most = 0
      for (let i = 0; streams.count > 0; i++) {
        if (from === "now") happen(1000)
        await new Promise((resolve) => setTimeout(resolve, 25))
        most = Math.max(most, memory() - before)
        if (i % 10 === 9) for (const beat of beats) beat()
      }
      // The bound for all, what V8 has not thrown away yet, and 200 sockets.
      expect(most).toBeLessThan(limits["events.backlog-total"].most + (160 << 20))
      const one = await listen(log.length - 500)
      await until(() => one.told().length === 500)
    },
    60_000,
  )

  it("who begin at the same place read the log once, and share its bytes", async () => {
    await begin(1200)
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 100; n++) await ask()
    while (log.reads === 0) await turn()
    for (let n = 0; n < 200; n++) await turn()
    // A hundred readers who read nothing are at three places at most.
    expect(log.reads).toBeLessThanOrEqual(3)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 << 20)
  })

  it("leave room for no more than there may be", async () => {
    const { most } = limits["events.streams"]
    await Promise.all(upTo(most).map(() => ask("now")))
    await until(() => streams.count === most)
    expect(() => streams.demandRoom()).toThrow(`${most} streams`)
    sockets[0]?.destroy()
    await until(() => streams.count < most)
    streams.demandRoom()
  })
})
